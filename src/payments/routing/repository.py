"""The SQL of routing."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from payments.routing.models import acquirer_routes


async def find(connection: AsyncConnection, merchant_id: UUID) -> Sequence[sa.RowMapping]:
    """Return a merchant's routes in both modes."""
    query = sa.select(acquirer_routes).where(acquirer_routes.c.merchant_id == merchant_id)
    return (await connection.execute(query.order_by(acquirer_routes.c.currency))).mappings().all()


async def replace(
    connection: AsyncConnection, merchant_id: UUID, rows: list[dict[str, Any]], *, livemode: bool
) -> None:
    """Replace a merchant's routes in one mode."""
    owned = sa.and_(acquirer_routes.c.merchant_id == merchant_id, acquirer_routes.c.livemode == livemode)
    await connection.execute(sa.delete(acquirer_routes).where(owned))
    if rows:
        await connection.execute(sa.insert(acquirer_routes), rows)
