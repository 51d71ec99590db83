"""The SQL of events outside the payments' write path."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, Literal, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from payments.events.models import event_sequence, event_streams, events
from payments.events.schemas import Heading, Stored, Stream

# How many events a reader that asks for some types only looks through at a time.
_SCANNED = 1_000

_COLUMNS = (
    events.c.id,
    events.c.merchant_id,
    events.c.livemode,
    events.c.type,
    events.c.version,
    event_sequence.c.sequence,
    # As text: the bytes that the client got, not something parsed and written anew.
    sa.cast(events.c.data, sa.Text).label("data"),
    events.c.created_at,
)


_HEADINGS = sa.select(event_sequence.c.sequence, events.c.id, events.c.type).join_from(
    event_sequence, events, events.c.id == event_sequence.c.event_id
)


async def insert(connection: AsyncConnection, row: dict[str, Any]) -> None:
    """Store one event."""
    await connection.execute(sa.insert(events).values(row))


async def after(
    connection: AsyncConnection, stream: Stream, sequence: int, limit: int, types: Collection[str] | None = None
) -> tuple[list[Stored], int]:
    """Return up to ``limit`` events after a number, oldest first, and the number up to which this looked."""
    place = (event_sequence.c.merchant_id == stream.merchant_id) & (event_sequence.c.livemode == stream.livemode)
    scanned = (
        sa.select(event_sequence)
        .where(place, event_sequence.c.sequence > sequence)
        .order_by(event_sequence.c.sequence)
        .limit(limit if types is None else _SCANNED)
        .cte("scanned")
    )
    end = await connection.scalar(sa.select(sa.func.max(scanned.c.sequence)))
    if end is None:
        return [], sequence
    columns = [scanned.c.sequence if column is event_sequence.c.sequence else column for column in _COLUMNS]
    query = sa.select(*columns).join_from(scanned, events, events.c.id == scanned.c.event_id)
    if types is not None:
        query = query.where(events.c.type.in_(types))
    rows = (await connection.execute(query.order_by(scanned.c.sequence).limit(limit))).mappings().all()
    found = [Stored(**row) for row in rows]
    return found, found[-1].sequence if len(found) == limit else end


async def headings(connection: AsyncConnection, stream: Stream, sequence: int, limit: int) -> list[Heading]:
    """Return what events after a number are, without their data."""
    query = (
        _HEADINGS.where(event_sequence.c.merchant_id == stream.merchant_id)
        .where(event_sequence.c.livemode == stream.livemode, event_sequence.c.sequence > sequence)
        .order_by(event_sequence.c.sequence)
        .limit(limit)
    )
    return [Heading(*row) for row in await connection.execute(query)]


async def headings_between(
    connection: AsyncConnection,
    stream: Stream,
    created: tuple[datetime, datetime],
    types: Collection[str] | None,
    limit: int,
) -> list[Heading]:
    """Return what events of a range of time are, without their data."""
    since, until = (sa.func.payments.uuid7_floor(moment) for moment in created)
    query = (
        _HEADINGS.where(
            event_sequence.c.merchant_id == stream.merchant_id, event_sequence.c.livemode == stream.livemode
        )
        .where(events.c.id >= since, events.c.id < until)
        .order_by(event_sequence.c.sequence)
        .limit(limit)
    )
    if types is not None:
        query = query.where(events.c.type.in_(types))
    return [Heading(*row) for row in await connection.execute(query)]


async def find(connection: AsyncConnection, stream: Stream, event_id: UUID) -> Stored | None:
    """Return one event of a stream, once it has its number."""
    query = (
        sa.select(*_COLUMNS)
        .join_from(events, event_sequence, event_sequence.c.event_id == events.c.id)
        .where(events.c.id == event_id, events.c.merchant_id == stream.merchant_id)
        .where(events.c.livemode == stream.livemode)
    )
    row = (await connection.execute(query)).mappings().one_or_none()
    return None if row is None else Stored(**row)


async def ends(connection: AsyncConnection, streams: Collection[Stream]) -> dict[Stream, int]:
    """Return the last number of each stream that has one."""
    place = sa.tuple_(event_streams.c.merchant_id, event_streams.c.livemode)
    query = sa.select(event_streams).where(place.in_(list(streams)))
    return {Stream(row.merchant_id, row.livemode): row.last_sequence for row in await connection.execute(query)}


_PENDING = sa.text(
    """
    SELECT since, until, first < until AS ready, last >= until AS held
      FROM (SELECT w.xact AS since, o.xact AS until,
                   -- The ends of the index. "Is there one from here on" reads the whole table once none is, if its plan
                   -- is from the days when the table was empty.
                   coalesce((SELECT e.xact FROM payments.events e WHERE e.xact >= w.xact
                              ORDER BY e.xact LIMIT 1), o.xact) AS first,
                   coalesce((SELECT e.xact FROM payments.events e ORDER BY e.xact DESC LIMIT 1), 0) AS last
              FROM payments.event_watermark w, payments.oldest_running_xact() AS o(xact)) AS ends
    """
)


async def pending(connection: AsyncConnection) -> sa.RowMapping:
    """Return whether events can be given their numbers, and whether a transaction still running holds some back."""
    return (await connection.execute(_PENDING)).mappings().one()


_UNNUMBERED = sa.text(
    """
    SELECT count(*), coalesce(extract(epoch FROM now() - min(created_at)), 0)
      FROM payments.events WHERE xact >= (SELECT xact FROM payments.event_watermark)
    """
)


async def backlog(connection: AsyncConnection) -> dict[str, float]:
    """Return how many events have no number yet, and the age of the oldest in seconds."""
    waiting, age = (await connection.execute(_UNNUMBERED)).one()
    return {"waiting": waiting, "oldest_seconds": float(age)}


_LOCK = sa.text("SELECT xact FROM payments.event_watermark FOR UPDATE SKIP LOCKED")
_UNTIL = sa.text(
    """
    SELECT o.xact AS running, (
               -- The first transaction beyond a batch's worth of events; all of one transaction always goes together.
               SELECT greatest(e.xact, :since + 1) FROM payments.events e
                WHERE e.xact >= :since ORDER BY e.xact OFFSET :batch LIMIT 1) AS full,
           coalesce((SELECT e.xact FROM payments.events e ORDER BY e.xact DESC LIMIT 1), 0) >= o.xact AS held
      FROM payments.oldest_running_xact() AS o(xact)
    """
)
_PLACE = sa.text(
    """
    WITH fresh AS MATERIALIZED (
        SELECT id, merchant_id, livemode,
               row_number() OVER (PARTITION BY merchant_id, livemode ORDER BY created_at, id) AS number
          FROM payments.events WHERE xact >= :since AND xact < :until
    ), counted AS (
        SELECT merchant_id, livemode, count(*) AS events FROM fresh GROUP BY merchant_id, livemode
    ), advanced AS (
        INSERT INTO payments.event_streams AS s (merchant_id, livemode, last_sequence)
        SELECT merchant_id, livemode, events FROM counted
            ON CONFLICT (merchant_id, livemode) DO UPDATE SET last_sequence = s.last_sequence + excluded.last_sequence
        RETURNING merchant_id, livemode, last_sequence
    ), placed AS (
        INSERT INTO payments.event_sequence (merchant_id, livemode, sequence, event_id)
        SELECT merchant_id, livemode, last_sequence - events + number, id
          FROM fresh JOIN counted USING (merchant_id, livemode) JOIN advanced USING (merchant_id, livemode)
    ), moved AS (UPDATE payments.event_watermark SET xact = :until)
    SELECT merchant_id, livemode, last_sequence, events FROM advanced JOIN counted USING (merchant_id, livemode)
    """
)


class Placed(NamedTuple):
    """What was given its number.

    Shapes:
        left: ``more`` than fit, those ``held`` back by a transaction that still runs, or ``nothing``.
    """

    events: int
    streams: list[Stream]
    left: Literal["more", "held", "nothing"]


async def place(connection: AsyncConnection, batch: int) -> Placed:
    """Give the next events their numbers.

    Only those of transactions below the oldest one still running: nothing that commits late is skipped. The lock on the
    watermark keeps two workers from numbering the same events; the second one goes away.
    """
    since = await connection.scalar(_LOCK)
    if since is None:
        return Placed(0, [], "held")
    running, full, held = (await connection.execute(_UNTIL, {"since": since, "batch": batch})).one()
    until = running if full is None else min(running, full)
    if until <= since:
        return Placed(0, [], "held")
    rows = (await connection.execute(_PLACE, {"since": since, "until": until})).all()
    left: Literal["more", "held", "nothing"] = "more" if until < running else "held" if held else "nothing"
    return Placed(sum(row.events for row in rows), [Stream(row.merchant_id, row.livemode) for row in rows], left)


_PRUNE = sa.text(
    """
    DELETE FROM payments.event_sequence WHERE event_id IN (
        SELECT event_id FROM payments.event_sequence
         WHERE event_id < payments.uuid7_floor(date_trunc('month', CAST(:before AS timestamptz), 'UTC'))
         ORDER BY event_id LIMIT :limit)
    """
)


async def prune_sequence(connection: AsyncConnection, before: datetime, limit: int) -> int:
    """Delete up to ``limit`` numbers of events of months that are over by a moment."""
    return (await connection.execute(_PRUNE, {"before": before, "limit": limit})).rowcount


async def drop_partitions(connection: AsyncConnection, before: datetime) -> int:
    """Drop the events of months that are over by a moment; return how many months."""
    statement = sa.text("SELECT payments.drop_events_before(:before)")
    return int(await connection.scalar(statement, {"before": before}) or 0)
