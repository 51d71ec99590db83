"""The SQL of backtests."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from payments.fraud.models import merchants as merchants_table
from payments.fraud.models import payments
from payments.fraud.repository import ATTEMPT


async def receipts(
    connection: AsyncConnection, since: datetime, before: UUID | None, limit: int, *, livemode: bool
) -> Sequence[sa.RowMapping]:
    """Return the payments of a mode since a moment with their receipts, newest first, a page at a time."""
    query = (
        sa.select(*ATTEMPT, payments.c.receipt)
        .where(payments.c.id >= sa.func.payments.uuid7_floor(since, type_=sa.Uuid), payments.c.livemode == livemode)
        .order_by(payments.c.id.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(payments.c.id < before)
    rows: Sequence[sa.RowMapping] = (await connection.execute(query)).mappings().all()
    return rows


async def merchants(connection: AsyncConnection, ids: Collection[UUID]) -> Sequence[sa.RowMapping]:
    """Return what rules may ask about merchants."""
    query = sa.select(merchants_table).where(merchants_table.c.id.in_(ids))
    rows: Sequence[sa.RowMapping] = (await connection.execute(query)).mappings().all()
    return rows
