"""The SQL of pauses."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from payments.controls.models import pauses


async def put(connection: AsyncConnection, values: Mapping[str, Any]) -> None:
    """Pause something; a pause that is there already stays as it is."""
    await connection.execute(insert(pauses).values(values).on_conflict_do_nothing())


async def delete(connection: AsyncConnection, kind: str, subject: str) -> sa.RowMapping | None:
    """End a pause and return it, if there was one."""
    ended = sa.delete(pauses).where(pauses.c.kind == kind, pauses.c.subject == subject).returning(pauses)
    return (await connection.execute(ended)).mappings().one_or_none()


async def find_all(connection: AsyncConnection) -> Sequence[sa.RowMapping]:
    """Return every pause, newest first."""
    return (await connection.execute(sa.select(pauses).order_by(pauses.c.created_at.desc()))).mappings().all()
