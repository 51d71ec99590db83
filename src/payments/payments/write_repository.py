"""The SQL of the write path: whole batches in one statement, from JSON record sets.

What is named ``ask…`` or ``insert…`` only sends; whatever is awaited waits for the server.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from payments.payments import write_statements as statements
from payments.payments.changes import Change, Claim, Earlier
from payments.payments.domain import Operation, Payment
from payments.payments.rows import Charts, answer_row, day_row, entry_rows, event_row, key_row, new_key_row, usage_row
from payments.pipeline import Answer, Connection, Pipeline, transaction
from payments.risk.days import Day
from payments.risk.limits import Usage
from shared.tracing import span

# Where a key's row names the event with its reply.
_EVENT = 7

Keys = dict[tuple[UUID, bool, str, str], Earlier]


class Known(NamedTuple):
    """Questions that are on their way: what is known of keys, and what counts against limits on locked days."""

    keys: Answer | None
    usages: Answer | None


def lock_days(pipeline: Pipeline, days: Iterable[Day], unknown: Iterable[Day]) -> None:
    """Lock the rows of merchants' days in order, once per merchant and batch; create those that may be missing."""
    missing = _days(unknown)
    if missing:
        pipeline.send(statements.OPEN_DAYS, {"days": _json(missing)})
    pipeline.send(statements.LOCK_DAYS, {"days": _json(_days(days))})


def ask_known(pipeline: Pipeline, claims: Sequence[Claim], days: Iterable[Day]) -> Known:
    """Ask for keys, and for what counts on days that are locked by then."""
    places, wanted = [_key_place(claim) for claim in claims], _days(days)
    return Known(
        pipeline.send(statements.FIND_KEYS, {"keys": _json(places)}) if places else None,
        pipeline.send(statements.USAGES, {"days": _json(wanted)}) if wanted else None,
    )


async def read_known(pipeline: Pipeline, known: Known) -> tuple[Keys, dict[Day, Usage]]:
    """Return keys by (merchant, mode, key, path), and usages by day."""
    with span("sql keys"):
        usages = await pipeline.rows(known.usages) if known.usages is not None else []
        rows = await pipeline.rows(known.keys) if known.keys is not None else []
        keys = _earlier(rows, await _replies(pipeline, {row[_EVENT] for row in rows} - {None}))
    return keys, {Day(*row[:3]): Usage(*row[3:]) for row in usages}


def insert_created(
    pipeline: Pipeline,
    items: Sequence[tuple[Claim, Change]],
    charts: Charts,
    foreseen: Mapping[Day, Usage] | None = None,
) -> Answer:
    """Insert new payments with all that belongs to them; the answer holds the ids that were inserted.

    The others lost their key to an earlier request, or their payment method or quote is gone. With usages that were
    foreseen, nothing is inserted and the answer is empty unless locked days count just that and no key is known.
    """
    quoted = [change.payment for _, change in items if change.payment.fx_quote_id is not None]
    rows = _rows([change for _, change in items], charts) | {
        "idempotency_keys": _json([new_key_row(claim, change) for claim, change in items]),
        "fx_quotes": _array(payment.fx_quote_id for payment in quoted),
        "fx_payments": _array(payment.id for payment in quoted),
    }
    if foreseen is None:
        return pipeline.send(statements.CREATE, rows)
    usages = _json([usage_row(day, usage) for day, usage in foreseen.items()])
    return pipeline.send(statements.CREATE_FORESEEN, rows | {"usages": usages})


def write_changed(pipeline: Pipeline, items: Sequence[tuple[Claim | None, Change]], charts: Charts) -> None:
    """Write changes of payments whose rows the transaction has locked."""
    changes = [change for _, change in items]
    latest = {change.payment.id: change.payment for change in changes}
    rows = (
        _rows(changes, charts)
        | _ids(latest)
        | {
            "payments": _json(list(latest.values())),
            "operations": _json([change.operation for change in changes if change.operation is not None]),
            "idempotency_keys": _json([key_row(claim, change) for claim, change in items if claim is not None]),
            "answers": _json([answer_row(change) for change in changes if change.answers is not None]),
        }
    )
    pipeline.send(statements.CHANGE, rows)


async def lock_payments(pipeline: Pipeline, ids: Collection[UUID]) -> dict[UUID, Payment]:
    """Lock payments in the order of their ids and return them."""
    with span("sql Payment"):
        records = await pipeline.records(pipeline.send(statements.LOCK, _ids(ids)))
    return {payment.id: payment for payment in (msgspec.convert(record, Payment) for record in records)}


def ask_operations(pipeline: Pipeline, ids: Sequence[UUID]) -> Answer | None:
    """Ask for operations by id; their payments' locks guard them."""
    return pipeline.send(statements.LOAD_OPERATIONS, _ids(ids)) if ids else None


async def read_operations(pipeline: Pipeline, asked: Answer | None) -> dict[UUID, Operation]:
    """Return operations by id."""
    with span("sql Operation"):
        records = await pipeline.records(asked) if asked is not None else []
    return {operation.id: operation for operation in (msgspec.convert(record, Operation) for record in records)}


def ask_clock(pipeline: Pipeline) -> Answer:
    """Ask for the time at this point, not at the transaction's start, which may lie before a wait for a lock."""
    return pipeline.send(statements.CLOCK, {})


async def read_clock(pipeline: Pipeline, asked: Answer) -> datetime:
    """Return the database's time."""
    [[now]] = await pipeline.rows(asked)
    return now  # type: ignore[no-any-return] # a timestamptz


async def find_keys(connection: Connection, claims: Sequence[Claim]) -> Keys:
    """Return what is known of keys, by (merchant, mode, key, path)."""
    async with transaction(connection) as pipeline:
        keys, _ = await read_known(pipeline, ask_known(pipeline, claims, ()))
    return keys


async def _replies(pipeline: Pipeline, events: set[UUID]) -> dict[UUID, bytes]:
    if not events:
        return {}
    rows = await pipeline.rows(pipeline.send(statements.FIND_REPLIES, _ids(events)))
    return {event: data.encode() for event, data in rows}


def _earlier(rows: Iterable[Sequence[Any]], replies: Mapping[UUID, bytes]) -> Keys:
    return {
        (merchant, livemode, key, path): Earlier(resource, bytes(mark), status, replies.get(event), deadline, now)
        for merchant, livemode, key, path, resource, mark, status, event, deadline, now in rows
    }


def _key_place(claim: Claim) -> dict[str, Any]:
    return dict(zip(("merchant_id", "livemode", "key", "path"), claim.place, strict=True))


def _days(days: Iterable[Day]) -> list[dict[str, Any]]:
    return [day._asdict() for day in sorted(days)]


def _rows(changes: Sequence[Change], charts: Charts) -> dict[str, bytes | None]:
    return {
        "payments": _json([change.payment for change in changes]),
        "entries": _json([row for change in changes for row in entry_rows(change, charts)]),
        "events": _json([event_row(change) for change in changes]),
        "merchant_days": _json([day_row(change) for change in changes]),
    }


def _json(rows: Sequence[Any]) -> bytes:
    return msgspec.json.encode(rows)


def _ids(ids: Collection[UUID]) -> dict[str, bytes | None]:
    return {"ids": _array(ids), "first": str(min(ids)).encode(), "last": str(max(ids)).encode()}


def _array(ids: Iterable[UUID | None]) -> bytes:
    return "{{{}}}".format(",".join(map(str, ids))).encode()
