"""The SQL of endpoints, their secrets, and what merchants see and ask of deliveries."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncConnection

from payments.events.schemas import Stream
from payments.http.lists import Cursor
from payments.webhooks.models import attempts, deliveries, endpoints, secrets

# Each signs every message, so a header of bounded length needs a bound.
_OLD_SECRETS = 2


def _theirs(stream: Stream) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        endpoints.c.merchant_id == stream.merchant_id,
        endpoints.c.livemode == stream.livemode,
        endpoints.c.deleted_at.is_(None),
    )


async def insert_endpoint(connection: AsyncConnection, values: Mapping[str, Any], limit: int) -> sa.RowMapping | None:
    """Store an endpoint that gets events from now on; None when the merchant has ``limit`` of them in this mode."""
    stream = Stream(values["merchant_id"], values["livemode"])
    name = f"webhook endpoints {stream.merchant_id} {stream.livemode}"
    await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(name, 0))))
    count = await connection.scalar(sa.select(sa.func.count()).where(*_theirs(stream)))
    if (count or 0) >= limit:
        return None
    created = sa.insert(endpoints).values(**values, cursor=_end(stream)).returning(endpoints)
    row: sa.RowMapping = (await connection.execute(created)).mappings().one()
    return row


def _end(stream: Stream) -> sa.TextClause:
    return sa.text(
        "coalesce((SELECT last_sequence FROM payments.event_streams "
        "WHERE merchant_id = :stream_merchant AND livemode = :stream_mode), 0)"
    ).bindparams(sa.bindparam("stream_merchant", stream.merchant_id, sa.Uuid), stream_mode=stream.livemode)


async def find_endpoint(
    connection: AsyncConnection, stream: Stream, endpoint_id: UUID, *, lock: bool = False
) -> sa.RowMapping | None:
    """Return a merchant's endpoint, for the rest of the transaction nobody else's if locked."""
    query = sa.select(endpoints).where(endpoints.c.id == endpoint_id, *_theirs(stream))
    return (await connection.execute(query.with_for_update() if lock else query)).mappings().one_or_none()


async def list_endpoints(connection: AsyncConnection, stream: Stream, place: Cursor) -> Sequence[sa.RowMapping]:
    """Return up to ``limit + 1`` endpoints, newest first."""
    return await _page(connection, sa.select(endpoints).where(*_theirs(stream)), endpoints.c.id, place)


async def update_endpoint(connection: AsyncConnection, endpoint_id: UUID, values: Mapping[str, Any]) -> sa.RowMapping:
    """Change an endpoint."""
    changed = (
        sa.update(endpoints)
        .where(endpoints.c.id == endpoint_id)
        .values(**values, updated_at=sa.func.now())
        .returning(endpoints)
    )
    row: sa.RowMapping = (await connection.execute(changed)).mappings().one()
    return row


async def move_to_end(connection: AsyncConnection, stream: Stream, endpoint_id: UUID) -> None:
    """Let an endpoint get new events only."""
    await connection.execute(sa.update(endpoints).where(endpoints.c.id == endpoint_id).values(cursor=_end(stream)))


async def cancel_pending(connection: AsyncConnection, endpoint_id: UUID) -> None:
    """Give up what is not delivered yet."""
    await connection.execute(
        sa.update(deliveries)
        .where(deliveries.c.endpoint_id == endpoint_id, deliveries.c.status == "pending")
        .values(status="canceled", updated_at=sa.func.now())
    )


async def insert_secret(connection: AsyncConnection, values: Mapping[str, Any]) -> None:
    """Store a sealed secret."""
    await connection.execute(sa.insert(secrets).values(**values))


async def retire_secrets(connection: AsyncConnection, endpoint_id: UUID, hours: int) -> None:
    """Let the present secrets sign for some more hours at most; forget those that no longer do, and all but two."""
    theirs = secrets.c.endpoint_id == endpoint_id
    newest = sa.select(secrets.c.id).where(theirs).order_by(secrets.c.id.desc()).limit(_OLD_SECRETS)
    over = (secrets.c.expires_at <= sa.func.now()) | secrets.c.id.not_in(newest)
    await connection.execute(sa.delete(secrets).where(theirs, over))
    until = sa.func.now() + sa.func.make_interval(0, 0, 0, 0, hours)
    # least() passes over what is null: a secret without an end.
    await connection.execute(
        sa.update(secrets).where(theirs).values(expires_at=sa.func.least(secrets.c.expires_at, until))
    )


async def signing_secrets(connection: AsyncConnection, endpoint_ids: Collection[UUID]) -> Sequence[sa.RowMapping]:
    """Return the sealed secrets that sign now, newest first."""
    valid = secrets.c.expires_at.is_(None) | (secrets.c.expires_at > sa.func.now())
    query = sa.select(secrets).where(secrets.c.endpoint_id.in_(endpoint_ids), valid).order_by(secrets.c.id.desc())
    rows: Sequence[sa.RowMapping] = (await connection.execute(query)).mappings().all()
    return rows


_ATTEMPTS = (
    sa.select(
        sa.func.json_agg(
            aggregate_order_by(
                sa.func.json_build_object(
                    *(
                        part
                        for name in ("number", "status_code", "latency_ms", "error")
                        for part in (name, attempts.c[name])
                    ),
                    "started_at",
                    attempts.c.started_at,
                ),
                attempts.c.number,
            )
        )
    )
    .where(attempts.c.delivery_id == deliveries.c.id)
    .scalar_subquery()
    .label("history")
)


async def list_deliveries(
    connection: AsyncConnection, endpoint_id: UUID, place: Cursor, status: str | None
) -> Sequence[sa.RowMapping]:
    """Return up to ``limit + 1`` deliveries with their attempts, newest first."""
    query = sa.select(deliveries, _ATTEMPTS).where(deliveries.c.endpoint_id == endpoint_id)
    if status is not None:
        query = query.where(deliveries.c.status == status)
    return await _page(connection, query, deliveries.c.id, place)


async def find_delivery(connection: AsyncConnection, endpoint_id: UUID, delivery_id: UUID) -> sa.RowMapping | None:
    """Return a delivery with its attempts."""
    query = sa.select(deliveries, _ATTEMPTS).where(
        deliveries.c.id == delivery_id, deliveries.c.endpoint_id == endpoint_id
    )
    return (await connection.execute(query)).mappings().one_or_none()


async def restart(connection: AsyncConnection, delivery_id: UUID) -> None:
    """Let the schedule of a delivery begin anew, now."""
    await connection.execute(
        sa.update(deliveries)
        .where(deliveries.c.id == delivery_id)
        .values(status="pending", tries=0, due_at=sa.func.now(), updated_at=sa.func.now())
    )


_REPLAY = sa.text(
    """
    INSERT INTO payments.webhook_deliveries (id, endpoint_id, sequence, event_id, type)
    SELECT r.id, :endpoint_id, r.sequence, r.event_id, r.type
      FROM unnest(CAST(:ids AS uuid[]), CAST(:sequences AS bigint[]), CAST(:events AS uuid[]), CAST(:types AS text[]))
           AS r(id, sequence, event_id, type)
        ON CONFLICT (endpoint_id, sequence) DO UPDATE
       SET status = 'pending', tries = 0, due_at = now(), updated_at = now()
    """
).bindparams(sa.bindparam("endpoint_id", type_=sa.Uuid))


async def replay(
    connection: AsyncConnection, endpoint_id: UUID, ids: Sequence[UUID], events: Sequence[tuple[int, UUID, str]]
) -> None:
    """Send events (number, id, type) again, or for the first time."""
    values = {
        "ids": list(ids),
        "sequences": [event[0] for event in events],
        "events": [event[1] for event in events],
        "types": [event[2] for event in events],
    }
    await connection.execute(_REPLAY, values | {"endpoint_id": endpoint_id})


_PRUNE = sa.text(
    """
    DELETE FROM payments.webhook_deliveries WHERE id IN (
        SELECT id FROM payments.webhook_deliveries
         WHERE id < payments.uuid7_floor(:before) AND status <> 'pending' ORDER BY id LIMIT :limit)
    """
)


async def prune(connection: AsyncConnection, before: datetime, limit: int) -> int:
    """Delete up to ``limit`` deliveries that ended, with their attempts."""
    return (await connection.execute(_PRUNE, {"before": before, "limit": limit})).rowcount


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
