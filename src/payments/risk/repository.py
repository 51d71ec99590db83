"""The SQL of merchant risk, but for the write path's own."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from payments.risk.models import risk_limits


async def find_limits(connection: AsyncConnection, merchant_id: UUID) -> sa.RowMapping | None:
    """Return a merchant's limits, if any are set."""
    query = sa.select(risk_limits).where(risk_limits.c.merchant_id == merchant_id)
    return (await connection.execute(query)).mappings().one_or_none()
