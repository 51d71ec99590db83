"""The SQL of statements, straight from the postings."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection


class Period(NamedTuple):
    """Whose balance, and from when until when (exclusive)."""

    merchant_id: UUID
    livemode: bool
    currency: str
    start: datetime
    end: datetime


# Ids are made within moments of the time that is booked; a day on either side lets the planner skip other months.
_MOVEMENTS = """
WITH movements AS (
    SELECT t.id, t.created_at, t.payment_id, t.operation,
           CASE WHEN t.kind = 'payout_failed' THEN 'payout_failure'
                WHEN t.kind IN ('payout', 'adjustment', 'dispute_fee') THEN t.kind
                WHEN t.operation LIKE 'ref\\_%' THEN 'refund'
                WHEN t.operation LIKE 'dsp\\_%' THEN 'dispute'
                ELSE 'capture' END AS kind,
           -coalesce(sum(p.amount) FILTER (WHERE a.kind IN ('merchant_pending', 'merchant_available')), 0)::bigint
               AS amount,
           -coalesce(sum(p.amount) FILTER (WHERE a.kind = 'platform_fees'), 0)::bigint AS fee
      FROM payments.ledger_transactions t
      JOIN payments.postings p ON p.transaction_id = t.id
      JOIN payments.ledger_accounts a ON a.id = p.account_id
     WHERE t.merchant_id = :merchant_id AND t.livemode = :livemode AND t.kind <> 'mature' AND p.currency = :currency
       AND t.created_at >= :start AND t.created_at < :end
       AND t.id >= payments.uuid7_floor(CAST(:start AS timestamptz) - interval '1 day')
       AND t.id < payments.uuid7_floor(CAST(:end AS timestamptz) + interval '1 day')
     GROUP BY t.id
    HAVING count(*) FILTER (WHERE a.kind IN ('merchant_pending', 'merchant_available')) > 0
), named AS (
    SELECT id, created_at, payment_id, operation, amount, fee,
           CASE WHEN kind = 'dispute' AND amount > 0 THEN 'dispute_reversal' ELSE kind END AS kind
      FROM movements WHERE amount <> 0
)
"""
_EACH = sa.text(_MOVEMENTS + "SELECT * FROM named ORDER BY created_at, id")
_TOTALS = sa.text(
    _MOVEMENTS
    + """
SELECT kind, count(*) AS count, sum(amount)::bigint AS amount, sum(fee)::bigint AS fee
  FROM named GROUP BY kind ORDER BY kind
"""
)
# What is owed now, from the roll-ups and what came after them.
_OWED = sa.text("""
SELECT -coalesce(sum(coalesce(b.amount, 0) + coalesce(tail.amount, 0)), 0)::bigint
  FROM payments.ledger_accounts a
  LEFT JOIN payments.ledger_balances b ON b.account_id = a.id
  LEFT JOIN LATERAL (SELECT sum(p.amount) AS amount FROM payments.postings p
                      WHERE p.account_id = a.id AND p.xact >= (SELECT xact FROM payments.ledger_watermark)) tail ON true
 WHERE a.merchant_id = :merchant_id AND a.livemode = :livemode AND a.currency = :currency
   AND a.kind IN ('merchant_pending', 'merchant_available')
""")


async def owed_at(connection: AsyncConnection, period: Period, moment: datetime, end_of_time: datetime) -> int:
    """Return what was owed at a moment: what is owed now, less what moved since."""
    since = period._replace(start=moment, end=end_of_time)
    moved = sum(row["amount"] for row in await totals(connection, since))
    return int(await connection.scalar(_OWED, _owner(period)) or 0) - int(moved)


async def totals(connection: AsyncConnection, period: Period) -> list[dict[str, Any]]:
    """Return the movements of a period, summed by kind."""
    return [dict(row) for row in (await connection.execute(_TOTALS, period._asdict())).mappings()]


async def movements(connection: AsyncConnection, period: Period) -> AsyncIterator[sa.RowMapping]:
    """Yield the movements of a period, oldest first, as they are read."""
    async with connection.stream(_EACH, period._asdict()) as result:
        async for row in result.mappings():
            yield row


def _owner(period: Period) -> dict[str, Any]:
    return {name: getattr(period, name) for name in ("merchant_id", "livemode", "currency")}
