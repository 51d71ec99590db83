"""Pages of a table, newest first, by the position of an id."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from payments.http.lists import Cursor


async def page(
    connection: AsyncConnection, query: sa.Select[Any], column: sa.ColumnElement[UUID], place: Cursor
) -> Sequence[sa.RowMapping]:
    """Return up to ``limit + 1`` rows of a query, newest first."""
    backwards = place.ending_before is not None
    if place.ending_before is not None:
        query = query.where(column > place.ending_before)
    if place.starting_after is not None:
        query = query.where(column < place.starting_after)
    query = query.order_by(column if backwards else column.desc()).limit(place.limit + 1)
    rows: Sequence[sa.RowMapping] = (await connection.execute(query)).mappings().all()
    return rows[::-1] if backwards else rows
