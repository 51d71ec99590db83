"""The SQL of adjustments."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from payments.adjustments.models import adjustments
from payments.http.lists import Cursor


async def insert(connection: AsyncConnection, values: dict[str, Any]) -> sa.RowMapping:
    """Store a proposal and return its row."""
    statement = sa.insert(adjustments).values(values | {"status": "proposed"}).returning(adjustments)
    row: sa.RowMapping = (await connection.execute(statement)).mappings().one()
    return row


async def find(connection: AsyncConnection, adjustment_id: UUID, *, lock: bool = False) -> sa.RowMapping | None:
    """Return an adjustment, and keep others from deciding it if told."""
    query = sa.select(adjustments).where(adjustments.c.id == adjustment_id)
    if lock:
        query = query.with_for_update()
    row: sa.RowMapping | None = (await connection.execute(query)).mappings().one_or_none()
    return row


async def decide(connection: AsyncConnection, adjustment_id: UUID, values: dict[str, Any]) -> sa.RowMapping:
    """Write what became of a proposal, and return its row."""
    statement = (
        sa.update(adjustments)
        .where(adjustments.c.id == adjustment_id)
        .values(values | {"decided_at": sa.func.now()})
        .returning(adjustments)
    )
    row: sa.RowMapping = (await connection.execute(statement)).mappings().one()
    return row


async def page(connection: AsyncConnection, place: Cursor, status: str | None) -> Sequence[sa.RowMapping]:
    """Return up to ``limit + 1`` adjustments, newest first."""
    query = sa.select(adjustments)
    if status is not None:
        query = query.where(adjustments.c.status == status)
    column = adjustments.c.id
    if place.ending_before is not None:
        nearest = query.where(column > place.ending_before).order_by(column).limit(place.limit + 1).subquery()
        query = sa.select(nearest).order_by(nearest.c.id.desc())
    else:
        if place.starting_after is not None:
            query = query.where(column < place.starting_after)
        query = query.order_by(column.desc()).limit(place.limit + 1)
    rows: Sequence[sa.RowMapping] = (await connection.execute(query)).mappings().all()
    return rows
