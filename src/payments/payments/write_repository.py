"""The SQL of the write path: whole batches in one statement, from JSON record sets."""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from psycopg import AsyncConnection, AsyncCursor
from psycopg.rows import dict_row, scalar_row, tuple_row

from payments.payments import write_statements as statements
from payments.payments.changes import Change, Claim, Earlier
from payments.payments.domain import Operation, Payment
from payments.payments.rows import Charts, answer_row, day_row, entry_rows, event_row, key_row, new_key_row
from payments.risk.days import Day
from payments.risk.limits import Usage
from shared.tracing import begin, span

Connection = AsyncConnection[Any]


@asynccontextmanager
async def transaction(connection: Connection) -> AsyncIterator[None]:
    """Commit what happens within at its end, or nothing of it.

    Statements are sent as they come, and BEGIN and COMMIT travel with their neighbors: psycopg's own transaction waits
    for each of them. Whatever is read later than the last statement within is read after the commit.
    """
    recorded = None
    try:
        async with connection.pipeline():
            await connection.execute("BEGIN")
            yield
            await connection.execute("COMMIT")
            recorded = begin("sql COMMIT")
    except BaseException:
        # The server has skipped whatever followed a failure, but the transaction is still open.
        if not connection.closed:
            await connection.rollback()
        raise
    finally:
        if recorded is not None:
            recorded.end()


async def lock_days(connection: Connection, days: Iterable[Day], unknown: Iterable[Day]) -> None:
    """Lock the rows of merchants' days in order, once per merchant and batch; create those that may be missing."""
    missing = _days(unknown)
    if missing:
        await connection.execute(statements.OPEN_DAYS, {"days": _json(missing)}, prepare=True)
    await connection.execute(statements.LOCK_DAYS, {"days": _json(_days(days))}, prepare=True)


async def find_keys_and_usages(
    connection: Connection, claims: Sequence[Claim], days: Iterable[Day]
) -> tuple[dict[tuple[UUID, bool, str, str], Earlier], dict[Day, Usage]]:
    """Return what is known of keys, and what counts against limits on locked days."""
    found = connection.cursor(row_factory=tuple_row)
    if claims:
        await found.execute(
            statements.FIND_KEYS, {"keys": _json([_key_place(claim) for claim in claims])}, prepare=True
        )
    wanted = _days(days)
    used = connection.cursor(row_factory=tuple_row)
    if wanted:
        await used.execute(statements.USAGES, {"days": _json(wanted)}, prepare=True)
    with span("sql keys"):
        keys = _earlier(await found.fetchall()) if claims else {}
        usages = {Day(*row[:3]): Usage(*row[3:]) for row in await used.fetchall()} if wanted else {}
    return keys, usages


async def insert_created(
    connection: Connection, items: Sequence[tuple[Claim, Change]], charts: Charts
) -> AsyncCursor[Any] | None:
    """Insert new payments with all that belongs to them; the answer holds the ids that were inserted.

    The others lost their key to an earlier request, or their payment method or quote is gone.
    """
    if not items:
        return None
    quoted = [change.payment for _, change in items if change.payment.fx_quote_id is not None]
    rows: dict[str, Any] = _rows([change for _, change in items], charts) | {
        "idempotency_keys": _json([new_key_row(claim, change) for claim, change in items]),
        "fx_quotes": [payment.fx_quote_id for payment in quoted],
        "fx_payments": [payment.id for payment in quoted],
    }
    return await connection.cursor(row_factory=tuple_row).execute(statements.CREATE, rows, prepare=True)


async def write_changed(connection: Connection, items: Sequence[tuple[Claim | None, Change]], charts: Charts) -> None:
    """Write changes of payments whose rows the transaction has locked."""
    changes = [change for _, change in items]
    latest = {change.payment.id: change.payment for change in changes}
    rows: dict[str, Any] = _rows(changes, charts) | {
        "payments": _json(list(latest.values())),
        "ids": list(latest),
        "operations": _json([change.operation for change in changes if change.operation is not None]),
        "idempotency_keys": _json([key_row(claim, change) for claim, change in items if claim is not None]),
        "answers": _json([answer_row(change) for change in changes if change.answers is not None]),
    }
    await connection.execute(statements.CHANGE, rows, prepare=True)


async def lock_payments(connection: Connection, ids: Sequence[UUID]) -> dict[UUID, Payment]:
    """Lock payments in the order of their ids and return them."""
    return {payment.id: payment for payment in await _load(connection, statements.LOCK, ids, Payment)}


async def load_operations(connection: Connection, ids: Sequence[UUID]) -> dict[UUID, Operation]:
    """Return operations by id; their payments' locks guard them."""
    return {
        operation.id: operation for operation in await _load(connection, statements.LOAD_OPERATIONS, ids, Operation)
    }


async def database_clock(connection: Connection) -> datetime:
    """Return the database's time now, not the transaction's start, which may lie before a wait for a lock."""
    cursor = await connection.cursor(row_factory=scalar_row).execute("SELECT clock_timestamp()")
    now: datetime | None = await cursor.fetchone()
    if now is None:
        raise AssertionError("SELECT without FROM returns a row")
    return now


async def find_keys(connection: Connection, claims: Sequence[Claim]) -> dict[tuple[UUID, bool, str, str], Earlier]:
    """Return what is known of keys, by (merchant, mode, key, path)."""
    keys, _ = await find_keys_and_usages(connection, claims, ())
    return keys


def _earlier(rows: Iterable[Sequence[Any]]) -> dict[tuple[UUID, bool, str, str], Earlier]:
    return {
        (merchant, livemode, key, path): Earlier(resource, bytes(mark), status, data and data.encode(), deadline, now)
        for merchant, livemode, key, path, resource, mark, status, data, deadline, now in rows
    }


def _key_place(claim: Claim) -> dict[str, Any]:
    return dict(zip(("merchant_id", "livemode", "key", "path"), claim.place, strict=True))


def _days(days: Iterable[Day]) -> list[dict[str, Any]]:
    return [day._asdict() for day in sorted(days)]


async def _load(connection: Connection, query: str, ids: Sequence[UUID], kind: Any) -> list[Any]:  # noqa: ANN401
    if not ids:
        return []
    cursor = connection.cursor(row_factory=dict_row)
    with span(f"sql {kind.__name__}"):
        await cursor.execute(query, (list(ids),), prepare=True)
        return [msgspec.convert(row, kind) for row in await cursor.fetchall()]


def _rows(changes: Sequence[Change], charts: Charts) -> dict[str, str]:
    return {
        "payments": _json([change.payment for change in changes]),
        "entries": _json([row for change in changes for row in entry_rows(change, charts)]),
        "events": _json([event_row(change) for change in changes]),
        "merchant_days": _json([day_row(change) for change in changes]),
    }


def _json(rows: Sequence[Any]) -> str:
    return msgspec.json.encode(rows).decode()
