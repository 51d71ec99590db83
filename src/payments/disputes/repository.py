"""The SQL of disputes."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from payments.disputes.models import disputes
from payments.http.lists import Cursor

_REPEAT_AFTER = timedelta(seconds=30)


class Filters(NamedTuple):
    """What a list of disputes is narrowed to; ``created_until`` is exclusive."""

    status: str | None = None
    currency: str | None = None
    payment_id: UUID | None = None
    created_from: datetime | None = None
    created_until: datetime | None = None


async def clock(connection: AsyncConnection) -> datetime:
    """Return the database's time now, after any wait for a lock."""
    now: datetime = (await connection.execute(sa.text("SELECT clock_timestamp()"))).scalar_one()
    return now


async def insert(connection: AsyncConnection, values: dict[str, Any]) -> sa.RowMapping:
    """Store a dispute and return its row."""
    row: sa.RowMapping = (
        (await connection.execute(sa.insert(disputes).values(values).returning(disputes))).mappings().one()
    )
    return row


async def find_by_reference(
    connection: AsyncConnection, connector: str, reference: str, *, livemode: bool
) -> sa.RowMapping | None:
    """Return the dispute that an acquirer names; its payment's lock guards it."""
    query = sa.select(disputes).where(
        disputes.c.connector == connector, disputes.c.livemode == livemode, disputes.c.reference == reference
    )
    row: sa.RowMapping | None = (await connection.execute(query)).mappings().one_or_none()
    return row


async def find(
    connection: AsyncConnection, merchant_id: UUID, dispute_id: UUID, *, livemode: bool
) -> sa.RowMapping | None:
    """Return a merchant's dispute."""
    query = _owned(merchant_id, livemode=livemode).where(disputes.c.id == dispute_id)
    row: sa.RowMapping | None = (await connection.execute(query)).mappings().one_or_none()
    return row


async def page(
    connection: AsyncConnection, merchant_id: UUID, place: Cursor, filters: Filters, *, livemode: bool
) -> Sequence[sa.RowMapping]:
    """Return up to ``limit + 1`` disputes, newest first."""
    query = _owned(merchant_id, livemode=livemode)
    for column, value in (
        (disputes.c.status, filters.status),
        (disputes.c.currency, filters.currency),
        (disputes.c.payment_id, filters.payment_id),
    ):
        if value is not None:
            query = query.where(column == value)
    if filters.created_from is not None:
        query = query.where(disputes.c.created_at >= filters.created_from)
    if filters.created_until is not None:
        query = query.where(disputes.c.created_at < filters.created_until)
    if place.ending_before is not None:
        nearest = (
            query.where(disputes.c.id > place.ending_before).order_by(disputes.c.id).limit(place.limit + 1).subquery()
        )
        query = sa.select(nearest).order_by(nearest.c.id.desc())
    else:
        if place.starting_after is not None:
            query = query.where(disputes.c.id < place.starting_after)
        query = query.order_by(disputes.c.id.desc()).limit(place.limit + 1)
    rows: Sequence[sa.RowMapping] = (await connection.execute(query)).mappings().all()
    return rows


async def update(connection: AsyncConnection, dispute_id: UUID, values: dict[str, Any]) -> sa.RowMapping:
    """Change a dispute whose payment is locked, and return its row."""
    statement = sa.update(disputes).where(disputes.c.id == dispute_id).values(values).returning(disputes)
    row: sa.RowMapping = (await connection.execute(statement)).mappings().one()
    return row


async def reload(connection: AsyncConnection, dispute_id: UUID) -> sa.RowMapping:
    """Return a dispute as it is after its payment was locked."""
    query = sa.select(disputes).where(disputes.c.id == dispute_id)
    row: sa.RowMapping = (await connection.execute(query)).mappings().one()
    return row


async def claim_responding(connection: AsyncConnection, limit: int) -> Sequence[sa.RowMapping]:
    """Return responses that no acquirer has confirmed; another worker may repeat them later."""
    due = (
        sa.select(disputes.c.id)
        .where(disputes.c.status == "responding", disputes.c.ask_again_at <= sa.func.now())
        .order_by(disputes.c.ask_again_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    statement = (
        sa.update(disputes)
        .where(disputes.c.id.in_(due))
        .values(ask_again_at=sa.func.now() + _REPEAT_AFTER)
        .returning(disputes)
    )
    rows: Sequence[sa.RowMapping] = (await connection.execute(statement)).mappings().all()
    return rows


def _owned(merchant_id: UUID, *, livemode: bool) -> sa.Select[Any]:
    return sa.select(disputes).where(disputes.c.merchant_id == merchant_id, disputes.c.livemode == livemode)
