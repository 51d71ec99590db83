"""The SQL of reports, links and reviews."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from payments.fraud.keyset import page
from payments.fraud.models import payments, reports
from payments.http.lists import Cursor

# Newest payments with the same card, IP address or device that are looked at, and that are shown.
_LOOKED_AT = 1000
MOST_LINKS = 100


class Viewer(NamedTuple):
    """Whose payments are visible: one merchant's, or everybody's for people of the risk team."""

    merchant_id: UUID | None
    livemode: bool | None


async def find_payment(connection: AsyncConnection, viewer: Viewer, payment_id: UUID) -> sa.RowMapping | None:
    """Return a payment that the viewer may see."""
    query = _visible(sa.select(payments), viewer).where(payments.c.id == payment_id)
    row: sa.RowMapping | None = (await connection.execute(query)).mappings().one_or_none()
    return row


async def linked(
    connection: AsyncConnection, viewer: Viewer, payment: sa.RowMapping, column: str
) -> Sequence[sa.RowMapping]:
    """Return the newest other payments of the same mode that share one thing with a payment."""
    same = [payments.c[column] == payment[column], payments.c.livemode == payment["livemode"]]
    if column == "card_fingerprint":
        same.append(sa.func.left(payments.c.card_fingerprint, 16) == payment[column][:16])  # as in the index
    newest = sa.select(payments).where(*same).order_by(payments.c.id.desc()).limit(_LOOKED_AT).subquery()
    query = sa.select(newest).where(newest.c.id != payment["id"]).order_by(newest.c.id.desc()).limit(MOST_LINKS)
    if viewer.merchant_id is not None:
        query = query.where(newest.c.merchant_id == viewer.merchant_id)
    return (await connection.execute(query)).mappings().all()


async def reviews(connection: AsyncConnection, viewer: Viewer, place: Cursor) -> Sequence[sa.RowMapping]:
    """Return up to ``limit + 1`` payments that wait for a decision, newest first."""
    query = _visible(sa.select(payments), viewer).where(payments.c.status == "review")
    return await page(connection, query, payments.c.id, place)


async def insert_report(connection: AsyncConnection, values: Mapping[str, Any]) -> sa.RowMapping | None:
    """Store a report and return it; none when this source has reported the payment already."""
    statement = insert(reports).values(values).on_conflict_do_nothing().returning(reports)
    row: sa.RowMapping | None = (await connection.execute(statement)).mappings().one_or_none()
    return row


async def find_report(connection: AsyncConnection, payment_id: UUID, source: str) -> sa.RowMapping:
    """Return the report that a source has made of a payment."""
    query = sa.select(reports).where(reports.c.payment_id == payment_id, reports.c.source == source)
    return (await connection.execute(query)).mappings().one()


async def count_reports(connection: AsyncConnection, payment_id: UUID) -> int:
    """Return how many sources have reported a payment."""
    query = sa.select(sa.func.count()).where(reports.c.payment_id == payment_id)
    return (await connection.scalar(query)) or 0


def _visible(query: sa.Select[Any], viewer: Viewer) -> sa.Select[Any]:
    if viewer.merchant_id is not None:
        query = query.where(payments.c.merchant_id == viewer.merchant_id)
    if viewer.livemode is not None:
        query = query.where(payments.c.livemode == viewer.livemode)
    return query
