"""The SQL of exchange rates and quotes; the payments' write path consumes a quote, in the commit of its payment."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from payments.fx.models import quotes
from payments.fx.schemas import NewRate, plain

_RECORDS = """
json_to_recordset(CAST(:rates AS json))
    AS r(place integer, base char(3), quote char(3), rate numeric, effective_at timestamptz, source text)
"""
_LATEST = """
SELECT k.rate, k.created_at FROM payments.fx_rates k
 WHERE k.base = r.base AND k.quote = r.quote AND k.effective_at = r.effective_at AND k.source = r.source
 ORDER BY k.id DESC LIMIT 1
"""

# One writer at a time: then ids are in the order of commits, and nobody misses what somebody else is just recording.
_LOCK = sa.text("SELECT pg_advisory_xact_lock(hashtext('payments.fx_rates'))")
_RECORD = sa.text(f"""
INSERT INTO payments.fx_rates (base, quote, rate, effective_at, source, created_by)
SELECT r.base, r.quote, r.rate, r.effective_at, r.source, :created_by
  FROM {_RECORDS} LEFT JOIN LATERAL ({_LATEST}) known ON true
 WHERE known.rate IS DISTINCT FROM r.rate
 ORDER BY r.place
""")  # noqa: S608 - put together from this file's own text; values travel as parameters
_UNKNOWN = sa.text(f"""
SELECT count(*) FROM {_RECORDS} LEFT JOIN LATERAL ({_LATEST}) known ON true WHERE known.rate IS DISTINCT FROM r.rate
""")  # noqa: S608 - the same
_RECORDED = sa.text(f"""
SELECT known.created_at FROM {_RECORDS} CROSS JOIN LATERAL ({_LATEST}) known ORDER BY r.place
""")  # noqa: S608 - the same

# Jumps from pair to pair in the index, whatever the length of their histories.
_IN_FORCE = sa.text("""
WITH RECURSIVE pairs AS (
    (SELECT base, quote FROM payments.fx_rates ORDER BY base, quote LIMIT 1)
    UNION ALL
    SELECT next.base, next.quote
      FROM pairs CROSS JOIN LATERAL (
           SELECT r.base, r.quote FROM payments.fx_rates r WHERE (r.base, r.quote) > (pairs.base, pairs.quote)
            ORDER BY r.base, r.quote LIMIT 1) next
)
SELECT found.base, found.quote, found.rate, found.effective_at, found.source, found.created_at
  FROM pairs CROSS JOIN LATERAL (
       (SELECT * FROM payments.fx_rates r
         WHERE r.base = pairs.base AND r.quote = pairs.quote AND r.effective_at <= :at
         ORDER BY r.effective_at DESC, r.id DESC LIMIT 1)
       UNION ALL
       (SELECT * FROM payments.fx_rates r
         WHERE r.base = pairs.base AND r.quote = pairs.quote AND r.effective_at > :at AND r.effective_at <= :until)
       ) found
 ORDER BY found.id
""")


async def record(connection: AsyncConnection, rates: Sequence[NewRate], created_by: str) -> int:
    """Append what differs from what is recorded for the same pair, moment and source; return how many rows that is."""
    await connection.execute(_LOCK)
    result = await connection.execute(_RECORD, {"rates": _json(rates), "created_by": created_by})
    return result.rowcount


async def count_unknown(connection: AsyncConnection, rates: Sequence[NewRate]) -> int:
    """Return how many rows recording these would append."""
    return await connection.scalar(_UNKNOWN, {"rates": _json(rates)}) or 0


async def recorded_at(connection: AsyncConnection, rates: Sequence[NewRate]) -> Sequence[datetime]:
    """Return when each of these, which are all recorded, was."""
    return (await connection.execute(_RECORDED, {"rates": _json(rates)})).scalars().all()


async def in_force(connection: AsyncConnection, at: datetime, until: datetime) -> Sequence[sa.RowMapping]:
    """Return each pair's rate at a moment and those that replace it by another, in the order of their recording."""
    return (await connection.execute(_IN_FORCE, {"at": at, "until": until})).mappings().all()


async def insert_quote(connection: AsyncConnection, values: Mapping[str, Any], life: timedelta) -> sa.RowMapping:
    """Store a quote that expires by the database's clock, and return its row."""
    statement = sa.insert(quotes).values(**values, expires_at=sa.func.now() + life).returning(*_QUOTE)
    row: sa.RowMapping = (await connection.execute(statement)).mappings().one()
    return row


async def find_quote(
    connection: AsyncConnection, quote_id: UUID, merchant_id: UUID, *, livemode: bool
) -> sa.RowMapping | None:
    """Return a merchant's quote, if there is one."""
    query = sa.select(*_QUOTE).where(
        quotes.c.id == quote_id, quotes.c.merchant_id == merchant_id, quotes.c.livemode == livemode
    )
    return (await connection.execute(query)).mappings().one_or_none()


async def delete_unused(connection: AsyncConnection, age: timedelta) -> int:
    """Delete quotes that nobody used and that expired longer ago than this; return how many."""
    statement = sa.delete(quotes).where(quotes.c.consumed_by.is_(None), quotes.c.expires_at < sa.func.now() - age)
    return (await connection.execute(statement)).rowcount


_QUOTE = (*quotes.c, (quotes.c.expires_at <= sa.func.clock_timestamp()).label("expired"))


def _json(rates: Sequence[NewRate]) -> str:
    return json.dumps(
        [
            rate._asdict() | {"place": place, "rate": plain(rate.rate), "effective_at": rate.effective_at.isoformat()}
            for place, rate in enumerate(rates)
        ]
    )
