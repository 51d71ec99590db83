"""The SQL of recovery: which intents wait for evidence, when to ask about them again, and what was answered."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from payments.payments.models import lookup_steps, lookups, operations, payments

_LONGEST_PAUSE = timedelta(minutes=10)
# An answer that did not come in a day is in no hurry, and every look-up is kept.
_A_DAY_OF_ATTEMPTS = 150
_LONGEST_PAUSE_LATER = timedelta(hours=1)
_SECOND = timedelta(seconds=1)
_OVERDUE = ("processing", "unknown")


async def unanswered(connection: AsyncConnection, after: tuple[datetime, UUID] | None, limit: int) -> Sequence[Any]:
    """Return a page of intents past their acquirer's deadline and of unknown outcomes that are due, oldest first.

    Shapes:
        rows: (payment_id, operation_id, acquirer_deadline, subject_id); the last two are where the next page goes on.
    """
    created = sa.select(
        payments.c.id.label("payment_id"),
        sa.null().cast(sa.Uuid).label("operation_id"),
        payments.c.acquirer_deadline,
        payments.c.id.label("subject_id"),
    ).where(payments.c.status.in_(_OVERDUE), payments.c.acquirer_deadline < sa.func.now())
    operated = sa.select(
        operations.c.payment_id, operations.c.id, operations.c.acquirer_deadline, operations.c.id
    ).where(operations.c.status.in_(_OVERDUE), operations.c.acquirer_deadline < sa.func.now())
    rows = sa.union_all(created, operated).subquery()
    place = sa.tuple_(rows.c.acquirer_deadline, rows.c.subject_id)
    due = sa.or_(lookups.c.next_at.is_(None), lookups.c.next_at <= sa.func.now())
    asked = rows.outerjoin(lookups, lookups.c.subject_id == rows.c.subject_id)
    query = (
        sa.select(rows).select_from(asked).where(due).order_by(rows.c.acquirer_deadline, rows.c.subject_id).limit(limit)
    )
    if after is not None:
        query = query.where(place > after)
    return (await connection.execute(query)).mappings().all()


async def overdue(connection: AsyncConnection) -> dict[str, float]:
    """Return the number of rows that ``unanswered`` has, and for how many seconds the oldest is overdue."""
    late = [
        sa.select(table.c.acquirer_deadline).where(
            table.c.status.in_(_OVERDUE), table.c.acquirer_deadline < sa.func.now()
        )
        for table in (payments, operations)
    ]
    rows = sa.union_all(*late).subquery()
    age = sa.func.extract("epoch", sa.func.now() - sa.func.min(rows.c.acquirer_deadline))
    found = (await connection.execute(sa.select(sa.func.count(), sa.func.coalesce(age, 0)).select_from(rows))).one()
    return {"waiting": found[0], "oldest_seconds": float(found[1])}


async def claim(connection: AsyncConnection, subject_id: UUID, lease: timedelta) -> bool:
    """Take an intent to ask about, unless another worker did; it comes up again after its pause, or the lease."""
    asked = insert(lookups).values(
        subject_id=subject_id, attempts=1, answer="being asked", next_at=sa.func.now() + lease
    )
    taken = asked.on_conflict_do_update(
        index_elements=[lookups.c.subject_id],
        set_={
            "attempts": lookups.c.attempts + 1,
            "next_at": sa.func.now() + sa.func.greatest(_pause(lookups.c.attempts), lease),
        },
        where=lookups.c.next_at <= sa.func.now(),
    ).returning(lookups.c.subject_id)
    return (await connection.execute(taken)).one_or_none() is not None


async def note(connection: AsyncConnection, payment_id: UUID, operation: str | None, answer: str) -> None:
    """Write a look-up and its answer down for good, after what the payment's timeline has by now."""
    columns = ["payment_id", "operation", "status", "answer", "after", "answered_at"]
    now = sa.select(
        payments.c.id,
        sa.literal(operation, sa.Text),
        payments.c.status,
        sa.literal(answer),
        sa.func.jsonb_array_length(payments.c.timeline),
        sa.func.clock_timestamp(),
    ).where(payments.c.id == payment_id)
    await connection.execute(sa.insert(lookup_steps).from_select(columns, now))


async def postpone(connection: AsyncConnection, subject_id: UUID, answer: str) -> None:
    """Ask again after twice as long as the time before, because this answer ends nothing."""
    next_at = sa.func.now() + _pause(lookups.c.attempts - 1)
    statement = sa.update(lookups).where(lookups.c.subject_id == subject_id).values(answer=answer, next_at=next_at)
    await connection.execute(statement)


async def forget(connection: AsyncConnection, subject_id: UUID) -> None:
    """Ask no more about what has ended."""
    await connection.execute(sa.delete(lookups).where(lookups.c.subject_id == subject_id))


async def prune(connection: AsyncConnection, older_than: datetime) -> None:
    """Ask no more about what a callback has ended."""
    await connection.execute(sa.delete(lookups).where(lookups.c.next_at < older_than))


async def steps(connection: AsyncConnection, payment_id: UUID) -> Sequence[sa.RowMapping]:
    """Return every look-up of a payment and its operations, oldest first."""
    query = sa.select(lookup_steps).where(lookup_steps.c.payment_id == payment_id).order_by(lookup_steps.c.id)
    rows: Sequence[sa.RowMapping] = (await connection.execute(query)).mappings().all()
    return rows


def _pause(doublings: sa.ColumnElement[int]) -> sa.ColumnElement[timedelta]:
    longest = sa.case((doublings < _A_DAY_OF_ATTEMPTS, _LONGEST_PAUSE), else_=_LONGEST_PAUSE_LATER)
    return sa.func.least(sa.func.power(2, sa.func.least(doublings, 20)) * _SECOND, longest)
