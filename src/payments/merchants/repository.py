"""The SQL of merchants and API keys."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from payments.http.lists import Cursor
from payments.merchants.models import api_keys, merchants


async def insert_merchant(connection: AsyncConnection, values: Mapping[str, Any]) -> sa.RowMapping:
    """Store a merchant and return its row."""
    created = sa.insert(merchants).values(values).returning(merchants)
    row: sa.RowMapping = (await connection.execute(created)).mappings().one()
    return row


async def find_merchant(connection: AsyncConnection, merchant_id: UUID) -> sa.RowMapping | None:
    """Return a merchant's row, if there is one."""
    query = sa.select(merchants).where(merchants.c.id == merchant_id)
    return (await connection.execute(query)).mappings().one_or_none()


async def list_merchants(connection: AsyncConnection, place: Cursor) -> Sequence[sa.RowMapping]:
    """Return up to ``limit + 1`` merchants, newest first."""
    return await _page(connection, sa.select(merchants), merchants.c.id, place)


async def update_merchant(
    connection: AsyncConnection, merchant_id: UUID, changes: Mapping[str, Any]
) -> sa.RowMapping | None:
    """Change a merchant and return its row, if there is one."""
    statement = (
        sa.update(merchants)
        .where(merchants.c.id == merchant_id)
        .values(updated_at=sa.func.now(), **changes)
        .returning(merchants)
    )
    row: sa.RowMapping | None = (await connection.execute(statement)).mappings().one_or_none()
    return row


async def list_limited(connection: AsyncConnection) -> Sequence[sa.RowMapping]:
    """Return the merchants that have a limit of their own, newest first."""
    limited = sa.or_(merchants.c.write_limit.is_not(None), merchants.c.read_limit.is_not(None))
    query = sa.select(merchants).where(limited).order_by(merchants.c.id.desc())
    return (await connection.execute(query)).mappings().all()


async def insert_key(connection: AsyncConnection, values: Mapping[str, Any]) -> sa.RowMapping:
    """Store an API key and return its row."""
    created = sa.insert(api_keys).values(values).returning(api_keys)
    row: sa.RowMapping = (await connection.execute(created)).mappings().one()
    return row


async def find_key(connection: AsyncConnection, hashes: Sequence[bytes]) -> sa.RowMapping | None:
    """Return the key with one of these hashes and the limits of its merchant, unless it is revoked."""
    query = (
        sa.select(api_keys, merchants.c.write_limit, merchants.c.read_limit)
        .join(merchants, merchants.c.id == api_keys.c.merchant_id)
        .where(api_keys.c.hash.in_(hashes), api_keys.c.revoked_at.is_(None))
    )
    return (await connection.execute(query)).mappings().one_or_none()


async def list_keys(connection: AsyncConnection, merchant_id: UUID, place: Cursor) -> Sequence[sa.RowMapping]:
    """Return up to ``limit + 1`` keys of a merchant, revoked ones too, newest first."""
    query = sa.select(api_keys).where(api_keys.c.merchant_id == merchant_id)
    return await _page(connection, query, api_keys.c.id, place)


async def revoke_key(connection: AsyncConnection, merchant_id: UUID, key_id: UUID) -> sa.RowMapping | None:
    """Revoke a merchant's key, if it has it, and return its row; the first revocation's time stays."""
    statement = (
        sa.update(api_keys)
        .where(api_keys.c.id == key_id, api_keys.c.merchant_id == merchant_id)
        .values(revoked_at=sa.func.coalesce(api_keys.c.revoked_at, sa.func.now()))
        .returning(api_keys)
    )
    row: sa.RowMapping | None = (await connection.execute(statement)).mappings().one_or_none()
    return row


async def _page(
    connection: AsyncConnection, query: sa.Select[Any], column: sa.Column[UUID], place: Cursor
) -> Sequence[sa.RowMapping]:
    if place.ending_before is not None:
        nearest = query.where(column > place.ending_before).order_by(column).limit(place.limit + 1).subquery()
        query = sa.select(nearest).order_by(nearest.c.id.desc())
    else:
        if place.starting_after is not None:
            query = query.where(column < place.starting_after)
        query = query.order_by(column.desc()).limit(place.limit + 1)
    rows: Sequence[sa.RowMapping] = (await connection.execute(query)).mappings().all()
    return rows
