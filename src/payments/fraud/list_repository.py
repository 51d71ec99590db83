"""The SQL of block and allow lists."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from payments.fraud.keyset import page
from payments.fraud.models import list_entries, state
from payments.http.lists import Cursor

_NATURAL_KEY = ["livemode", "list", "kind", "value", "merchant_id"]


async def next_version(connection: AsyncConnection) -> int:
    """Return the version of this change; other changes wait until it is committed."""
    statement = sa.update(state).values(lists_version=state.c.lists_version + 1).returning(state.c.lists_version)
    version: int = (await connection.execute(statement)).scalar_one()
    return version


async def put(connection: AsyncConnection, values: Mapping[str, Any]) -> sa.RowMapping:
    """Store an entry, or renew the one in force that says the same, and return it."""
    statement = insert(list_entries).values(values)
    renewed = {name: statement.excluded[name] for name in ("reason", "expires_at", "version")}
    upsert = statement.on_conflict_do_update(
        index_elements=_NATURAL_KEY, index_where=list_entries.c.removed_at.is_(None), set_=renewed
    ).returning(list_entries)
    row: sa.RowMapping = (await connection.execute(upsert)).mappings().one()
    return row


async def remove(connection: AsyncConnection, entry_id: UUID, version: int) -> sa.RowMapping | None:
    """End an entry and return it, if it is in force."""
    statement = (
        sa.update(list_entries)
        .where(list_entries.c.id == entry_id, list_entries.c.removed_at.is_(None))
        .values(removed_at=sa.func.now(), version=version)
        .returning(list_entries)
    )
    row: sa.RowMapping | None = (await connection.execute(statement)).mappings().one_or_none()
    return row


async def entries(
    connection: AsyncConnection, place: Cursor, *, livemode: bool, name: str | None, kind: str | None
) -> Sequence[sa.RowMapping]:
    """Return up to ``limit + 1`` entries that were not removed, newest first."""
    query = sa.select(list_entries).where(list_entries.c.livemode == livemode, list_entries.c.removed_at.is_(None))
    if name is not None:
        query = query.where(list_entries.c.list == name)
    if kind is not None:
        query = query.where(list_entries.c.kind == kind)
    return await page(connection, query, list_entries.c.id, place)
