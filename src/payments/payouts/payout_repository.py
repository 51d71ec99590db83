"""The SQL of payouts."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from payments.http.lists import Cursor
from payments.payouts.models import payouts
from payments.payouts.repository import Account

# Merchants whose day has not had its payout yet. A day is the merchant's own.
_DAILY = sa.text("""
SELECT o.merchant_id, o.livemode, o.currency, (:now AT TIME ZONE m.time_zone)::date
  FROM (SELECT merchant_id, livemode, currency FROM payments.maturities WHERE payout_id IS NULL
         GROUP BY 1, 2, 3 HAVING sum(amount) > 0) o
  JOIN payments.merchants m ON m.id = o.merchant_id AND m.payout_schedule = 'daily'
 WHERE NOT EXISTS (SELECT 1 FROM payments.payouts p
                    WHERE (p.merchant_id, p.livemode, p.currency) = (o.merchant_id, o.livemode, o.currency)
                      AND p.method = 'daily' AND p.day >= (:now AT TIME ZONE m.time_zone)::date)
 ORDER BY 1, 2, 3
""")
# Waits longer after every try, up to an hour: a rail that is down is not hammered.
_CLAIM = sa.text("""
UPDATE payments.payouts p
   SET attempts = p.attempts + 1,
       next_attempt_at = now() + least(interval '1 hour', interval '5 seconds' * power(2, least(p.attempts, 12)))
 WHERE p.id IN (SELECT id FROM payments.payouts WHERE status = 'pending' AND next_attempt_at <= now()
                 ORDER BY next_attempt_at LIMIT :limit FOR UPDATE SKIP LOCKED)
RETURNING p.*
""")


class Filters(NamedTuple):
    """What a list of payouts is narrowed to; ``created_until`` is exclusive."""

    status: str | None = None
    currency: str | None = None
    created_from: datetime | None = None
    created_until: datetime | None = None


async def insert(connection: AsyncConnection, values: dict[str, Any]) -> sa.RowMapping:
    """Store a payout that is about to be sent, and return its row."""
    now = sa.func.now()
    fields = values | {"status": "pending", "attempts": 0, "next_attempt_at": now, "created_at": now, "updated_at": now}
    row: sa.RowMapping = (
        (await connection.execute(sa.insert(payouts).values(fields).returning(payouts))).mappings().one()
    )
    return row


async def due_today(connection: AsyncConnection, now: datetime) -> list[tuple[Account, date]]:
    """Return the accounts whose merchants are to get a payout of their day now."""
    return [(Account(*row[:3]), row[3]) for row in await connection.execute(_DAILY, {"now": now})]


async def has_daily(connection: AsyncConnection, account: Account, day: date) -> bool:
    """Return whether a day had its payout."""
    query = sa.select(payouts.c.id).where(
        payouts.c.merchant_id == account.merchant_id,
        payouts.c.livemode == account.livemode,
        payouts.c.currency == account.currency,
        payouts.c.method == "daily",
        payouts.c.day >= day,
    )
    return (await connection.execute(query.limit(1))).first() is not None


async def claim_pending(connection: AsyncConnection, limit: int) -> Sequence[sa.RowMapping]:
    """Return payouts to be sent, or asked about, by whoever claims them; another one may do so later."""
    return (await connection.execute(_CLAIM, {"limit": limit})).mappings().all()


async def lock(connection: AsyncConnection, payout_id: UUID) -> sa.RowMapping:
    """Lock a payout and return its row."""
    query = sa.select(payouts).where(payouts.c.id == payout_id).with_for_update()
    row: sa.RowMapping = (await connection.execute(query)).mappings().one()
    return row


async def end(
    connection: AsyncConnection, payout_id: UUID, status: str, reference: str | None, failure: str | None
) -> sa.RowMapping:
    """Write how a payout ended, and return its row."""
    statement = (
        sa.update(payouts)
        .where(payouts.c.id == payout_id)
        .values(status=status, rail_reference=reference, failure_code=failure, updated_at=sa.func.now())
        .returning(payouts)
    )
    row: sa.RowMapping = (await connection.execute(statement)).mappings().one()
    return row


async def find(
    connection: AsyncConnection, merchant_id: UUID, payout_id: UUID, *, livemode: bool
) -> sa.RowMapping | None:
    """Return a merchant's payout."""
    query = _owned(merchant_id, livemode=livemode).where(payouts.c.id == payout_id)
    row: sa.RowMapping | None = (await connection.execute(query)).mappings().one_or_none()
    return row


async def page(
    connection: AsyncConnection, merchant_id: UUID, place: Cursor, filters: Filters, *, livemode: bool
) -> Sequence[sa.RowMapping]:
    """Return up to ``limit + 1`` payouts, newest first."""
    query = _owned(merchant_id, livemode=livemode)
    if filters.status is not None:
        query = query.where(payouts.c.status == filters.status)
    if filters.currency is not None:
        query = query.where(payouts.c.currency == filters.currency)
    if filters.created_from is not None:
        query = query.where(payouts.c.created_at >= filters.created_from)
    if filters.created_until is not None:
        query = query.where(payouts.c.created_at < filters.created_until)
    if place.ending_before is not None:
        nearest = (
            query.where(payouts.c.id > place.ending_before).order_by(payouts.c.id).limit(place.limit + 1).subquery()
        )
        query = sa.select(nearest).order_by(nearest.c.id.desc())
    else:
        if place.starting_after is not None:
            query = query.where(payouts.c.id < place.starting_after)
        query = query.order_by(payouts.c.id.desc()).limit(place.limit + 1)
    rows: Sequence[sa.RowMapping] = (await connection.execute(query)).mappings().all()
    return rows


def _owned(merchant_id: UUID, *, livemode: bool) -> sa.Select[Any]:
    return sa.select(payouts).where(payouts.c.merchant_id == merchant_id, payouts.c.livemode == livemode)
