"""The SQL of the audit log."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from payments.audit_log.models import audit_log
from payments.http.lists import Cursor

_BATCH = 1_000
_APPEND = sa.text("SELECT payments.audit(:action, :object, :target, :before, :after)").bindparams(
    sa.bindparam("before", type_=JSONB(none_as_null=True)), sa.bindparam("after", type_=JSONB(none_as_null=True))
)


async def append(connection: AsyncConnection, action: str, what: str, target: str, before: Any, after: Any) -> None:  # noqa: ANN401
    """Write an entry that no table's trigger writes."""
    values = {"action": action, "object": what, "target": target, "before": before, "after": after}
    await connection.execute(_APPEND, values)


async def page(
    connection: AsyncConnection, place: Cursor, *, actor: str | None, target: str | None
) -> Sequence[sa.RowMapping]:
    """Return up to ``limit + 1`` entries, newest first."""
    query = sa.select(audit_log)
    if actor is not None:
        query = query.where(audit_log.c.actor == actor)
    if target is not None:
        query = query.where(audit_log.c.target == target)
    if place.ending_before is not None:
        after = query.where(audit_log.c.seq > place.ending_before.int).order_by(audit_log.c.seq)
        nearest = after.limit(place.limit + 1).subquery()
        query = sa.select(nearest).order_by(nearest.c.seq.desc())
    else:
        if place.starting_after is not None:
            query = query.where(audit_log.c.seq < place.starting_after.int)
        query = query.order_by(audit_log.c.seq.desc()).limit(place.limit + 1)
    return (await connection.execute(query)).mappings().all()


async def all_in_order(connection: AsyncConnection) -> AsyncIterator[sa.RowMapping]:
    """Yield every entry, oldest first."""
    last = 0
    while True:
        query = sa.select(audit_log).where(audit_log.c.seq > last).order_by(audit_log.c.seq).limit(_BATCH)
        rows = (await connection.execute(query)).mappings().all()
        for row in rows:
            yield row
        if len(rows) < _BATCH:
            return
        last = rows[-1]["seq"]
