"""The SQL of items and maturities: what is owed, from when on, and in which payout."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from payments.http.lists import Cursor
from payments.payouts.models import items, maturities


class Account(NamedTuple):
    """Whose money: a merchant's in one mode and currency."""

    merchant_id: UUID
    livemode: bool
    currency: str


# Transactions of the database that are looked at together.
_XACTS = 50_000
# What moved the pending balance between two watermarks, but for maturing itself; the operation tells what kind it is.
_MOVED = """
WITH moved AS MATERIALIZED (
    SELECT p.transaction_id, a.merchant_id, a.livemode, a.currency, -sum(p.amount)::bigint AS amount
      FROM payments.postings p
      JOIN payments.ledger_accounts a ON a.id = p.account_id AND a.kind = 'merchant_pending'
     WHERE p.xact >= :since AND p.xact < :until
     GROUP BY 1, 2, 3, 4
), named AS (
    SELECT m.*, t.payment_id, t.operation, t.created_at,
           CASE WHEN t.kind = 'adjustment' THEN 'adjustment'
                WHEN t.operation LIKE 'ref\\_%' THEN 'refund'
                WHEN t.operation LIKE 'dsp\\_%' THEN CASE WHEN m.amount < 0 THEN 'dispute' ELSE 'dispute_reversal' END
                ELSE 'capture' END AS kind
      FROM moved m JOIN payments.ledger_transactions t ON t.id = m.transaction_id
     WHERE t.kind <> 'mature' AND m.amount <> 0
)"""
_INSERT = """
INSERT INTO payments.settlement_items
    (transaction_id, merchant_id, livemode, currency, kind, payment_id, operation, amount, booked_at, available_at)
SELECT n.transaction_id, n.merchant_id, n.livemode, n.currency, n.kind, n.payment_id, n.operation, n.amount,
       n.created_at,
"""
_CAPTURES = sa.text(
    f"""{_MOVED}, collected AS ({_INSERT}
       payments.matures_at(n.created_at, m.time_zone, m.payout_delay_days)
  FROM named n JOIN payments.merchants m ON m.id = n.merchant_id
 WHERE n.kind = 'capture' ON CONFLICT DO NOTHING RETURNING 1
)
SELECT (SELECT count(*) FROM collected) AS collected, EXISTS (SELECT FROM named WHERE kind <> 'capture') AS others
"""
)
# Afterwards, because their payments' captures are looked up: what is given back counts together with the first of them.
_OTHERS = sa.text(
    f"""{_MOVED} {_INSERT}
       greatest(n.created_at, (SELECT min(i.available_at) FROM payments.settlement_items i
                                WHERE i.payment_id = n.payment_id AND i.kind = 'capture'))
  FROM named n WHERE n.kind <> 'capture' ON CONFLICT DO NOTHING
"""
)
_LOCK = sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")
# One look per account into an index of what is not available yet, so the cost does not grow with what is.
_DUE = sa.text("""
SELECT a.merchant_id, a.livemode, a.currency FROM payments.ledger_accounts a
 WHERE a.kind = 'merchant_pending'
   AND EXISTS (SELECT 1 FROM payments.settlement_items i
                WHERE (i.merchant_id, i.livemode, i.currency) = (a.merchant_id, a.livemode, a.currency)
                  AND i.maturity_id IS NULL AND i.available_at <= :now)
 ORDER BY 1, 2, 3
""")
_MATURE = sa.text("""
WITH due AS (
    SELECT transaction_id FROM payments.settlement_items
     WHERE merchant_id = :merchant_id AND livemode = :livemode AND currency = :currency
       AND maturity_id IS NULL AND available_at <= :now
     ORDER BY available_at LIMIT :limit
), marked AS (
    UPDATE payments.settlement_items i SET maturity_id = :id FROM due WHERE i.transaction_id = due.transaction_id
    RETURNING i.amount
), summed AS (SELECT count(*)::int AS items, coalesce(sum(amount), 0)::bigint AS amount FROM marked)
INSERT INTO payments.maturities (id, merchant_id, livemode, currency, amount, items)
SELECT :id, :merchant_id, :livemode, :currency, amount, items FROM summed WHERE items > 0
RETURNING *
""")


async def collect(connection: AsyncConnection) -> tuple[int, bool]:
    """Turn new postings into items; return how many, and whether there may be more.

    Everything below the oldest running transaction is complete, so nothing that commits late is skipped. The lock on
    the watermark's row keeps two workers from collecting the same postings.
    """
    since = await connection.scalar(sa.text("SELECT xact FROM payments.settlement_watermark FOR UPDATE"))
    until = await connection.scalar(sa.text("SELECT payments.oldest_running_xact()"))
    if since is None or until is None or until <= since:
        return 0, False
    # A bound for the first time, on an installation that has been running: one statement must not take all of it.
    end = min(until, since + _XACTS)
    window = {"since": since, "until": end}
    found, others = (await connection.execute(_CAPTURES, window)).one()
    if others:
        found += (await connection.execute(_OTHERS, window)).rowcount
    await connection.execute(sa.text("UPDATE payments.settlement_watermark SET xact = :until"), window)
    return found, end < until


async def next_xact(connection: AsyncConnection) -> int:
    """Return the number below which every transaction that has committed by now is."""
    query = sa.text("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint")
    return int(await connection.scalar(query) or 0)


async def collected_until(connection: AsyncConnection) -> int:
    """Return the number below which all postings have their items."""
    return int(await connection.scalar(sa.text("SELECT xact FROM payments.settlement_watermark")) or 0)


async def insert_matured(connection: AsyncConnection, item: dict[str, Any], maturity_id: UUID) -> None:
    """Store an item that is available from the start, as a maturity of its own."""
    await connection.execute(sa.insert(items).values(item | {"maturity_id": maturity_id}))
    batch = {name: item[name] for name in ("merchant_id", "livemode", "currency", "amount")}
    await connection.execute(sa.insert(maturities).values(batch | {"id": maturity_id, "items": 1}))


async def lock(connection: AsyncConnection, account: Account) -> None:
    """Keep everybody else from maturing or paying out the same money until the end of the transaction."""
    await connection.execute(_LOCK, {"name": " ".join(("payouts", *map(str, account)))})


async def due(connection: AsyncConnection, now: datetime) -> list[Account]:
    """Return the accounts with money that has waited long enough."""
    return [Account(*row) for row in await connection.execute(_DUE, {"now": now})]


async def mature(
    connection: AsyncConnection, account: Account, maturity_id: UUID, now: datetime, limit: int
) -> sa.RowMapping | None:
    """Mark items that are due as available; return their maturity, if there were any."""
    values = account._asdict() | {"id": maturity_id, "now": now, "limit": limit}
    row: sa.RowMapping | None = (await connection.execute(_MATURE, values)).mappings().one_or_none()
    return row


async def unpaid(connection: AsyncConnection, account: Account) -> int:
    """Return what is available and in no payout."""
    query = sa.select(sa.func.coalesce(sa.func.sum(maturities.c.amount), 0)).where(
        _of(maturities, account), maturities.c.payout_id.is_(None)
    )
    return int(await connection.scalar(query) or 0)


async def take_unpaid(connection: AsyncConnection, account: Account, payout_id: UUID) -> None:
    """Put everything that is available into a payout."""
    await connection.execute(
        sa.update(maturities)
        .where(_of(maturities, account), maturities.c.payout_id.is_(None))
        .values(payout_id=payout_id)
    )


async def items_of(connection: AsyncConnection, payout_id: UUID, place: Cursor) -> Sequence[sa.RowMapping]:
    """Return up to ``limit + 1`` items of a payout, newest first."""
    column = items.c.transaction_id
    query = (
        sa.select(items)
        .join(maturities, maturities.c.id == items.c.maturity_id)
        .where(maturities.c.payout_id == payout_id)
    )
    if place.ending_before is not None:
        nearest = query.where(column > place.ending_before).order_by(column).limit(place.limit + 1).subquery()
        query = sa.select(nearest).order_by(nearest.c.transaction_id.desc())
    else:
        if place.starting_after is not None:
            query = query.where(column < place.starting_after)
        query = query.order_by(column.desc()).limit(place.limit + 1)
    return (await connection.execute(query)).mappings().all()


def _of(table: sa.Table, account: Account) -> sa.ColumnElement[bool]:
    return sa.and_(
        table.c.merchant_id == account.merchant_id,
        table.c.livemode == account.livemode,
        table.c.currency == account.currency,
    )
