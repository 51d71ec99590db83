"""The reads of payments, refunds and keys, and what the worker's tasks find."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from payments.http.lists import Cursor
from payments.payments.domain import Operation, Payment
from payments.payments.models import idempotency_keys, operations, payments


class Owner(NamedTuple):
    """Whose objects are visible: a merchant's in one mode. None is everybody's, for people and nobody else."""

    merchant_id: UUID | None
    livemode: bool | None


class Filters(NamedTuple):
    """What a list of payments is narrowed to; ``created_until`` is exclusive."""

    status: str | None = None
    currency: str | None = None
    reference: str | None = None
    merchant_id: UUID | None = None
    created_from: datetime | None = None
    created_until: datetime | None = None


async def get_payment(connection: AsyncConnection, owner: Owner, payment_id: UUID) -> Payment | None:
    """Return a payment that its owner may see."""
    query = _visible(owner).where(payments.c.id == payment_id)
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else _payment(row)


async def list_payments(
    connection: AsyncConnection, owner: Owner, place: Cursor, filters: Filters
) -> Sequence[Payment]:
    """Return up to ``limit + 1`` payments, newest first."""
    query = _visible(owner)
    for column, value in (
        (payments.c.status, filters.status),
        (payments.c.currency, filters.currency),
        (payments.c.reference, filters.reference),
        (payments.c.merchant_id, filters.merchant_id),
    ):
        if value is not None:
            query = query.where(column == value)
    if filters.created_from is not None:
        query = query.where(payments.c.created_at >= filters.created_from)
    if filters.created_until is not None:
        query = query.where(payments.c.created_at < filters.created_until)
    return [_payment(row) for row in await _page(connection, query, payments, place)]


async def get_refund(connection: AsyncConnection, owner: Owner, refund_id: UUID) -> Operation | None:
    """Return a merchant's refund."""
    query = _owned(operations, owner).where(operations.c.id == refund_id, operations.c.kind == "refund")
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else _operation(row)


async def list_refunds(
    connection: AsyncConnection, owner: Owner, place: Cursor, payment_id: UUID | None, status: str | None
) -> Sequence[Operation]:
    """Return up to ``limit + 1`` refunds, newest first."""
    query = _owned(operations, owner).where(operations.c.kind == "refund")
    if payment_id is not None:
        query = query.where(operations.c.payment_id == payment_id)
    if status is not None:
        query = query.where(operations.c.status == status)
    return [_operation(row) for row in await _page(connection, query, operations, place)]


async def find_key(connection: AsyncConnection, owner: Owner, key: str) -> Sequence[Any]:
    """Return every use of an idempotency key, oldest first."""
    uses = _owned(idempotency_keys, owner).where(idempotency_keys.c.key == key).order_by(idempotency_keys.c.created_at)
    return (await connection.execute(uses)).mappings().all()


async def expired(connection: AsyncConnection, limit: int) -> Sequence[UUID]:
    """Return payments whose authorization is over, unless an operation on them waits for its answer."""
    query = (
        sa.select(payments.c.id)
        .where(
            payments.c.status == "authorized",
            payments.c.expires_at <= sa.func.now(),
            payments.c.amount_capturing == 0,
            payments.c.voiding.is_(False),
        )
        .order_by(payments.c.expires_at)
        .limit(limit)
    )
    return (await connection.execute(query)).scalars().all()


async def overdue_reviews(connection: AsyncConnection, limit: int) -> Sequence[Any]:
    """Return (payment_id, merchant_id) of reviews whose time is over."""
    query = (
        sa.select(payments.c.id, payments.c.merchant_id)
        .where(payments.c.status == "review", payments.c.review_expires_at <= sa.func.now())
        .order_by(payments.c.review_expires_at)
        .limit(limit)
    )
    return (await connection.execute(query)).all()


async def any_payment(connection: AsyncConnection, payment_id: UUID) -> Payment | None:
    """Return a payment for the platform's own tasks, whoever owns it."""
    row = (await connection.execute(sa.select(payments).where(payments.c.id == payment_id))).one_or_none()
    return None if row is None else _payment(row)


async def any_operation(connection: AsyncConnection, operation_id: UUID) -> Operation | None:
    """Return an operation for the platform's own tasks, whoever owns it."""
    query = sa.select(operations).where(operations.c.id == operation_id)
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else _operation(row)


async def lock_payment(connection: AsyncConnection, payment_id: UUID) -> Payment | None:
    """Lock a payment against the write path and everybody else, and return it."""
    query = sa.select(payments).where(payments.c.id == payment_id).with_for_update()
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else _payment(row)


async def save_disputed(connection: AsyncConnection, payment: Payment) -> None:
    """Write what a dispute changes of a locked payment."""
    changed = ("amount_disputed", "fx_remainder", "timeline", "updated_at")
    values = {name: getattr(payment, name) for name in changed}
    await connection.execute(sa.update(payments).where(payments.c.id == payment.id).values(values))


async def prune_keys(connection: AsyncConnection, older_than: datetime, limit: int) -> int:
    """Delete answered idempotency keys; return how many."""
    old = (
        sa.select(
            idempotency_keys.c.merchant_id, idempotency_keys.c.livemode, idempotency_keys.c.key, idempotency_keys.c.path
        )
        .where(idempotency_keys.c.created_at < older_than, idempotency_keys.c.event_id.is_not(None))
        .limit(limit)
    )
    primary = sa.tuple_(*idempotency_keys.primary_key.columns)
    return (await connection.execute(sa.delete(idempotency_keys).where(primary.in_(old)))).rowcount


def _payment(row: sa.Row[Any]) -> Payment:
    return msgspec.convert(row, Payment, from_attributes=True)


def _operation(row: sa.Row[Any]) -> Operation:
    return msgspec.convert(row, Operation, from_attributes=True)


def _owned(table: sa.Table, owner: Owner) -> sa.Select[*tuple[Any, ...]]:
    return sa.select(table).where(table.c.merchant_id == owner.merchant_id, table.c.livemode == owner.livemode)


def _visible(owner: Owner) -> sa.Select[*tuple[Any, ...]]:
    query = sa.select(payments)
    if owner.merchant_id is not None:
        query = query.where(payments.c.merchant_id == owner.merchant_id)
    if owner.livemode is not None:
        query = query.where(payments.c.livemode == owner.livemode)
    return query


async def _page(
    connection: AsyncConnection, query: sa.Select[*tuple[Any, ...]], table: sa.Table, place: Cursor
) -> Sequence[Any]:
    identity = table.c.id
    if place.ending_before is not None:
        query = query.where(identity > place.ending_before).order_by(identity)
        rows = (await connection.execute(query.limit(place.limit + 1))).all()
        return rows[::-1]
    if place.starting_after is not None:
        query = query.where(identity < place.starting_after)
    return (await connection.execute(query.order_by(identity.desc()).limit(place.limit + 1))).all()
