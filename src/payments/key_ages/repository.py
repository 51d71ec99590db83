"""The SQL of key ages."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from payments.key_ages.models import keys_seen


async def put(connection: AsyncConnection, used: Sequence[tuple[str, str]]) -> None:
    """Remember keys that were never seen before."""
    rows = [{"purpose": purpose, "key_id": key_id} for purpose, key_id in used]
    await connection.execute(insert(keys_seen).values(rows).on_conflict_do_nothing())


async def find(connection: AsyncConnection, used: Sequence[tuple[str, str]]) -> dict[str, datetime]:
    """Return for each purpose when the newest of these keys was seen first."""
    query = (
        sa.select(keys_seen.c.purpose, sa.func.max(keys_seen.c.first_seen))
        .where(sa.tuple_(keys_seen.c.purpose, keys_seen.c.key_id).in_(used))
        .group_by(keys_seen.c.purpose)
    )
    return dict(iter((await connection.execute(query)).all()))
