"""The SQL of the write path: whole batches in one statement, from JSON record sets."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from psycopg import AsyncConnection, AsyncCursor
from psycopg.rows import dict_row, scalar_row, tuple_row

from payments.ledger.service import Chart
from payments.payments import write_statements as statements
from payments.payments.changes import Change, Claim, Earlier
from payments.payments.domain import Operation, Payment
from payments.risk.days import Day, delta
from payments.risk.limits import Usage
from shared.ids import new_uuid

Connection = AsyncConnection[Any]
Charts = Mapping[tuple[UUID, bool, str], Chart]


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
    keys = [
        _key(claim, change)
        | {"payment_method_id": change.payment.payment_method_id, "fx_quote_id": change.payment.fx_quote_id}
        for claim, change in items
    ]
    rows = _rows([change for _, change in items], charts) | {
        "idempotency_keys": _json(keys),
        "fx_quotes": [payment.fx_quote_id for payment in quoted],
        "fx_payments": [payment.id for payment in quoted],
    }
    return await connection.cursor(row_factory=tuple_row).execute(statements.CREATE, rows, prepare=True)


async def write_changed(connection: Connection, items: Sequence[tuple[Claim | None, Change]], charts: Charts) -> None:
    """Write changes of payments whose rows the transaction has locked."""
    changes = [change for _, change in items]
    latest = {change.payment.id: change.payment for change in changes}
    rows = _rows(changes, charts) | {
        "payments": _json(list(latest.values())),
        "ids": list(latest),
        "operations": _json([change.operation for change in changes if change.operation is not None]),
        "idempotency_keys": _json([_key(claim, change) for claim, change in items if claim is not None]),
        "answers": _json([_answer(change) for change in changes if change.answers is not None]),
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
    await cursor.execute(query, (list(ids),), prepare=True)
    return [msgspec.convert(row, kind) for row in await cursor.fetchall()]


def _rows(changes: Sequence[Change], charts: Charts) -> dict[str, Any]:
    transactions: list[dict[str, Any]] = []
    postings: list[dict[str, Any]] = []
    events: list[dict[str, Any]] = []
    days: list[dict[str, Any]] = []
    for change in changes:
        payment, event = change.payment, change.event
        owner = {"merchant_id": payment.merchant_id, "livemode": payment.livemode, "created_at": payment.updated_at}
        events.append(
            owner | {"id": event.id, "type": event.type, "object_id": event.object_id, "data": msgspec.Raw(event.data)}
        )
        difference = msgspec.structs.asdict(delta(change.before, payment.standing))
        days.append(payment.day._asdict() | difference | {"payment_id": payment.id})
        for entry in change.entries:
            chart = charts[payment.merchant_id, payment.livemode, entry.currency]
            transaction_id = new_uuid()
            operation = change.operation.shown_id if change.operation is not None else None
            transactions.append(
                owner | {"id": transaction_id, "kind": entry.kind, "payment_id": payment.id, "operation": operation}
            )
            postings.extend(
                {
                    "transaction_id": transaction_id,
                    "line": number,
                    "account_id": chart[line.account],
                    "currency": entry.currency,
                    "amount": line.amount,
                    "payment_id": payment.id,
                }
                for number, line in enumerate(entry.lines)
            )
    return {
        "payments": _json([change.payment for change in changes]),
        "ledger_transactions": _json(transactions),
        "postings": _json(postings),
        "events": _json(events),
        "merchant_days": _json(days),
    }


def _key(claim: Claim, change: Change) -> dict[str, Any]:
    answered = change.status_code is not None
    deadline = change.operation.acquirer_deadline if change.operation is not None else change.payment.acquirer_deadline
    return _key_place(claim) | {
        "fingerprint": "\\x" + claim.fingerprint.hex(),
        "resource_id": claim.resource_id,
        "event_id": change.event.id if answered else None,
        "status_code": change.status_code,
        "deadline": None if answered else deadline,
    }


def _answer(change: Change) -> dict[str, Any]:
    key, path = change.answers or ("", "")
    return {
        "merchant_id": change.payment.merchant_id,
        "livemode": change.payment.livemode,
        "key": key,
        "path": path,
        "resource_id": change.operation.id if change.operation is not None else change.payment.id,
        "event_id": change.event.id,
        "status_code": change.status_code,
    }


def _json(rows: Sequence[Any]) -> str:
    return msgspec.json.encode(rows).decode()
