"""The SQL of delivering: who sends what next, and what became of it."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from payments.events.schemas import Stored
from payments.webhooks.models import deliveries, endpoints

_CLAIM = sa.text(
    """
    UPDATE payments.webhook_endpoints SET lease = :lease, leased_until = now() + make_interval(secs => :seconds)
     WHERE id IN (
        SELECT w.id FROM payments.webhook_endpoints w
          LEFT JOIN payments.event_streams s ON s.merchant_id = w.merchant_id AND s.livemode = w.livemode
         WHERE w.status = 'enabled' AND w.deleted_at IS NULL AND w.leased_until < now()
           AND (w.cursor < s.last_sequence OR EXISTS (
                SELECT FROM payments.webhook_deliveries d
                 WHERE d.endpoint_id = w.id AND d.status = 'pending' AND d.attempts = 0))
         ORDER BY w.leased_until LIMIT :limit FOR UPDATE OF w SKIP LOCKED)
    RETURNING id
    """
).bindparams(sa.bindparam("lease", type_=sa.Uuid))


async def claim_endpoints(connection: AsyncConnection, lease: UUID, seconds: float, limit: int) -> Sequence[UUID]:
    """Take the right to make first attempts at endpoints that wait for some; those that waited longest come first."""
    return (await connection.execute(_CLAIM, {"lease": lease, "seconds": seconds, "limit": limit})).scalars().all()


async def renew(connection: AsyncConnection, endpoint_id: UUID, lease: UUID, seconds: float) -> sa.RowMapping | None:
    """Keep the right a while longer and return the endpoint; None when it is lost, or the endpoint is off."""
    statement = (
        sa.update(endpoints)
        .where(endpoints.c.id == endpoint_id, endpoints.c.lease == lease)
        .where(endpoints.c.status == "enabled", endpoints.c.deleted_at.is_(None))
        .values(leased_until=sa.func.now() + sa.func.make_interval(0, 0, 0, 0, 0, 0, seconds))
        .returning(endpoints)
    )
    row: sa.RowMapping | None = (await connection.execute(statement)).mappings().one_or_none()
    return row


async def release(connection: AsyncConnection, endpoint_id: UUID, lease: UUID) -> None:
    """Give the right back."""
    await connection.execute(
        sa.update(endpoints)
        .where(endpoints.c.id == endpoint_id, endpoints.c.lease == lease)
        .values(lease=None, leased_until=sa.func.now())
    )


async def plan(connection: AsyncConnection, endpoint_id: UUID, cursor: int, rows: Sequence[Mapping[str, Any]]) -> None:
    """Store deliveries of events up to a number; a replay may have made some of them."""
    if rows:
        await connection.execute(insert(deliveries).on_conflict_do_nothing(), list(rows))
    await connection.execute(sa.update(endpoints).where(endpoints.c.id == endpoint_id).values(cursor=cursor))


class Due(msgspec.Struct, kw_only=True):
    """A delivery to attempt now, with its event and its endpoint."""

    id: UUID
    endpoint_id: UUID
    tries: int
    url: str
    traceparent: str | None
    event: Stored


_DUE = """
    SELECT d.id AS delivery_id, d.endpoint_id, d.tries, w.url, e.traceparent, e.id, e.merchant_id, e.livemode, e.type,
           e.version, d.sequence, e.data::text AS data, e.created_at
      FROM payments.webhook_deliveries d
      JOIN payments.webhook_endpoints w ON w.id = d.endpoint_id
      JOIN payments.events e ON e.id = d.event_id
"""
_FIRST = sa.text(
    f"{_DUE} WHERE d.endpoint_id = :endpoint_id AND d.status = 'pending' AND d.attempts = 0 "
    "ORDER BY d.sequence LIMIT :limit"
).bindparams(sa.bindparam("endpoint_id", type_=sa.Uuid))
_AGAIN = sa.text(
    f"""
    WITH due AS (
        SELECT d.id FROM payments.webhook_endpoints w
         CROSS JOIN LATERAL (
            SELECT id FROM payments.webhook_deliveries d
             WHERE d.endpoint_id = w.id AND d.status = 'pending' AND d.attempts > 0 AND d.due_at <= now()
             ORDER BY d.due_at LIMIT :each FOR UPDATE SKIP LOCKED) d
         WHERE w.status = 'enabled' AND w.deleted_at IS NULL AND w.id <> ALL(:busy)
         LIMIT :limit
    ), leased AS (
        UPDATE payments.webhook_deliveries d SET due_at = now() + make_interval(secs => :seconds)
          FROM due WHERE d.id = due.id
    )
    {_DUE} WHERE d.id IN (SELECT id FROM due) ORDER BY d.due_at, d.sequence
    """  # noqa: S608 - constants
).bindparams(sa.bindparam("busy", type_=sa.ARRAY(sa.Uuid)))


async def first(connection: AsyncConnection, endpoint_id: UUID, limit: int) -> list[Due]:
    """Return deliveries that were never attempted, in the order of their events."""
    return [_due(row) for row in await connection.execute(_FIRST, {"endpoint_id": endpoint_id, "limit": limit})]


async def claim_again(
    connection: AsyncConnection, busy: Collection[UUID], seconds: float, *, each: int, limit: int
) -> list[Due]:
    """Take deliveries whose next attempt is due: a few of each endpoint, but for those that are busy."""
    values = {"busy": list(busy), "seconds": seconds, "each": each, "limit": limit}
    return [_due(row) for row in await connection.execute(_AGAIN, values)]


def _due(row: Any) -> Due:  # noqa: ANN401 - a row
    delivery_id, endpoint_id, tries, url, trace, *event = row
    return Due(id=delivery_id, endpoint_id=endpoint_id, tries=tries, url=url, traceparent=trace, event=Stored(*event))


_MARK = sa.text(
    """
    WITH r AS (
        SELECT * FROM json_to_recordset(CAST(:rows AS json)) AS r(
            delivery_id uuid, status text, delay double precision, started_at timestamptz, status_code smallint,
            latency_ms integer, error text)
    ), u AS (
        UPDATE payments.webhook_deliveries d
           SET status = CASE d.status WHEN 'canceled' THEN 'canceled' ELSE r.status END,
               attempts = d.attempts + 1, tries = d.tries + 1, updated_at = now(),
               due_at = now() + make_interval(secs => coalesce(r.delay, 0))
          FROM r WHERE d.id = r.delivery_id
        RETURNING d.id, d.attempts
    )
    INSERT INTO payments.webhook_attempts (delivery_id, number, started_at, status_code, latency_ms, error)
    SELECT u.id, u.attempts, r.started_at, r.status_code, r.latency_ms, r.error FROM u JOIN r ON r.delivery_id = u.id
    """
)


async def mark(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Store what became of attempts."""
    await connection.execute(_MARK, {"rows": msgspec.json.encode(rows).decode()})


async def endpoint(connection: AsyncConnection, endpoint_id: UUID) -> sa.RowMapping:
    """Lock an endpoint and return it."""
    query = sa.select(endpoints).where(endpoints.c.id == endpoint_id).with_for_update()
    return (await connection.execute(query)).mappings().one()


_BACKLOG = sa.text(
    """
    SELECT count(*) FILTER (WHERE attempts = 0) AS waiting, count(*) FILTER (WHERE attempts > 0) AS retrying,
           coalesce(extract(epoch FROM now() - min(created_at) FILTER (WHERE attempts = 0)), 0)::float AS age,
           (SELECT coalesce(sum(greatest(s.last_sequence - w.cursor, 0)), 0)
              FROM payments.webhook_endpoints w JOIN payments.event_streams s
                ON s.merchant_id = w.merchant_id AND s.livemode = w.livemode
             WHERE w.status = 'enabled' AND w.deleted_at IS NULL)::bigint AS unplanned
      FROM payments.webhook_deliveries WHERE status = 'pending'
    """
)


async def backlog(connection: AsyncConnection) -> sa.RowMapping:
    """Return how much waits, and for how long."""
    return (await connection.execute(_BACKLOG)).mappings().one()
