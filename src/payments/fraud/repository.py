"""The SQL behind decisions: rules and lists as they are now, signals while Redis is gone, what a rebuild counts."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from payments.fraud.lists import Entry
from payments.fraud.models import list_entries, payments, rule_sets, state
from payments.fraud.rules import Rule
from payments.fraud.schemas import Attempt

# Newest payments that are looked at per card, merchant, IP address or device while Redis is gone.
BOUND = 100

_SUBJECTS = {
    "card": (
        "left(p.card_fingerprint, 16) = left(s.value, 16) AND p.card_fingerprint = s.value AND p.livemode = s.livemode"
    ),
    "merchant": "p.merchant_id = s.value::uuid AND p.livemode = s.livemode",
    "ip": "p.customer_ip = s.value AND p.livemode = s.livemode",
    "device": "p.device_id = s.value AND p.livemode = s.livemode",
}
_RECENT = {
    subject: sa.text(
        f"""
        SELECT s.number, p.*
          FROM json_to_recordset(CAST(:subjects AS json)) AS s(number integer, value text, livemode boolean)
         CROSS JOIN LATERAL (
            SELECT p.id, p.merchant_id, p.card_fingerprint, p.amount, p.currency,
                   (p.receipt ->> 'amount_usd')::bigint AS amount_usd
              FROM payments.payments p
             WHERE {condition} AND p.id >= payments.uuid7_floor(CAST(:since AS timestamptz))
             ORDER BY p.id DESC LIMIT {BOUND}) p
        """  # noqa: S608 - put together from this file's own texts
    )
    for subject, condition in _SUBJECTS.items()
}


ATTEMPT = (
    *(payments.c[name] for name in ("id", "merchant_id", "livemode", "idempotency_key", "amount", "currency")),
    *(payments.c[name] for name in ("capture_method", "card_fingerprint", "card_bin", "card_country", "customer_ip")),
    *(payments.c[name] for name in ("ip_country", "device_id", "created_at")),
    payments.c.card["brand"].astext.label("card_brand"),
    payments.c.receipt["amount_usd"].as_integer().label("amount_usd"),
)


class Versions(NamedTuple):
    """The newest rule set, and the last change of a list."""

    rules: int
    lists: int


class Recent(NamedTuple):
    """A payment of the last day, as far as signals need it."""

    number: int
    id: UUID
    merchant_id: UUID
    card_fingerprint: str
    amount: int
    currency: str
    amount_usd: int | None


async def versions(connection: AsyncConnection) -> Versions:
    """Return what is the newest."""
    row = (await connection.execute(sa.select(state.c.rules_version, state.c.lists_version))).one()
    return Versions(*row)


async def rule_set(connection: AsyncConnection, version: int) -> list[Rule]:
    """Return the rules of a version."""
    stored = await connection.scalar(sa.select(rule_sets.c.rules).where(rule_sets.c.version == version))
    return msgspec.convert(stored, list[Rule])


async def changed_entries(connection: AsyncConnection, since: int) -> list[Entry]:
    """Return the list entries that changed after a version, oldest change first; at the start, those in force."""
    columns = [list_entries.c[name] for name in Entry.__struct_fields__]
    query = sa.select(*columns).where(list_entries.c.version > since).order_by(list_entries.c.version)
    if since == 0:
        query = query.where(list_entries.c.removed_at.is_(None))
    return [msgspec.convert(row, Entry, from_attributes=True) for row in await connection.execute(query)]


async def recent(
    connection: AsyncConnection, subject: str, values: Sequence[tuple[str, bool]], since: datetime
) -> Sequence[Recent]:
    """Return the newest payments, at most ``BOUND`` for each (value, livemode); ``number`` is the value's place."""
    subjects = [{"number": place, "value": value, "livemode": live} for place, (value, live) in enumerate(values)]
    parameters = {"subjects": msgspec.json.encode(subjects).decode(), "since": since}
    return [Recent(*row) for row in await connection.execute(_RECENT[subject], parameters)]


async def limit_time(connection: AsyncConnection, milliseconds: int) -> None:
    """Have the database give up the statements of this transaction after so long."""
    await connection.execute(sa.text(f"SET LOCAL statement_timeout = {milliseconds:d}"))


async def attempts(connection: AsyncConnection, since: datetime, before: UUID | None, limit: int) -> Sequence[Any]:
    """Return the payments since a moment, newest first, a page at a time: older than ``before``."""
    query = (
        sa.select(*ATTEMPT)
        .where(payments.c.id >= sa.func.payments.uuid7_floor(since, type_=sa.Uuid))
        .order_by(payments.c.id.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(payments.c.id < before)
    return (await connection.execute(query)).mappings().all()


def attempt_of(row: sa.RowMapping) -> Attempt:
    """Return a stored payment as it arrived, from the columns in ``ATTEMPT``."""
    return Attempt(
        merchant_id=row["merchant_id"],
        livemode=row["livemode"],
        idempotency_key=row["idempotency_key"],
        amount=row["amount"],
        currency=row["currency"],
        amount_usd=row["amount_usd"],
        capture_method=row["capture_method"],
        card_fingerprint=row["card_fingerprint"],
        card_brand=row["card_brand"],
        card_bin=row["card_bin"],
        card_country=row["card_country"],
        customer_ip=row["customer_ip"],
        customer_ip_country=row["ip_country"],
        device_id=row["device_id"],
        at=row["created_at"],
    )
