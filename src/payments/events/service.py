"""Events of changes that are not payments, and the reading of all of them.

Those of payments are written by the payments' write path, in the commit of the change.
"""

import asyncio
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from payments.database import Database
from payments.events import repository
from payments.events.catalogue import CATALOGUE
from payments.events.schemas import Heading, Stored, Stream
from shared.ids import new_uuid
from shared.problems import not_found
from shared.tracing import traceparent

TYPES = frozenset(CATALOGUE)

_PRUNED_AT_ONCE = 10_000
# Readers that are woken together must not take every connection of the process.
_READING = 2


async def record(
    connection: AsyncConnection,
    kind: str,
    data: Mapping[str, Any],
    *,
    merchant_id: UUID,
    livemode: bool,
    object_id: UUID,
) -> UUID:
    """Leave an event in the commit of the change, and return its id; ``data`` is the public object as it is now."""
    event_id = new_uuid()
    row: dict[str, Any] = {
        "id": event_id,
        "merchant_id": merchant_id,
        "livemode": livemode,
        "type": kind,
        "version": CATALOGUE[kind].version,  # a KeyError: payments/events/catalogue.py needs a line for it
        "object_id": object_id,
        "data": dict(data),
    }
    if (trace := traceparent()) is not None:
        row["traceparent"] = trace.decode()
    await repository.insert(connection, row)
    return event_id


class Events:
    """The read side: one cursor, the number of an event, for lists, streams and webhooks."""

    def __init__(self, database: Database, retention: timedelta) -> None:
        """Take where the events are, and how long they are kept."""
        self._database = database
        self._retention = retention
        self._reading = asyncio.Semaphore(_READING)

    async def after(
        self, stream: Stream, sequence: int, limit: int, types: Collection[str] | None = None
    ) -> tuple[list[Stored], int]:
        """Return up to ``limit`` events after a number, oldest first, and the number to go on from."""
        async with self._reading, self._database.snapshot() as connection:
            return await repository.after(connection, stream, sequence, limit, types)

    async def page(self, stream: Stream, sequence: int, limit: int, types: Collection[str] | None) -> dict[str, Any]:
        """Return a page of events for a client; a cursor beyond the last event means the last event."""
        async with self._database.snapshot() as connection:
            last = (await repository.ends(connection, [stream])).get(stream, 0)
            found, end = await repository.after(connection, stream, min(sequence, last), limit, types)
        return {
            "object": "list",
            "url": "/v1/events",
            "has_more": end < last,
            "after": end,
            "data": [msgspec.Raw(event.show()) for event in found],
        }

    async def event(self, stream: Stream, event_id: UUID) -> bytes:
        """Return one event, as JSON; raises 404 when this merchant and mode has none with this id."""
        async with self._database.snapshot() as connection:
            found = await repository.find(connection, stream, event_id)
        if found is None:
            raise not_found("event")
        return found.show()

    async def headings(self, connection: AsyncConnection, stream: Stream, sequence: int, limit: int) -> list[Heading]:
        """Return what events after a number are, in the caller's transaction."""
        return await repository.headings(connection, stream, sequence, limit)

    async def headings_between(
        self,
        connection: AsyncConnection,
        stream: Stream,
        created: tuple[datetime, datetime],
        types: Collection[str] | None,
        limit: int,
    ) -> list[Heading]:
        """Return what events of a range of time are, in the caller's transaction."""
        return await repository.headings_between(connection, stream, created, types, limit)

    async def ends(self, streams: Collection[Stream]) -> dict[Stream, int]:
        """Return the last number of each stream that has one."""
        async with self._database.snapshot() as connection:
            return await repository.ends(connection, streams)

    async def prune(self) -> int:
        """Forget events of months that are past the retention; return how many months. For the worker."""
        before = datetime.now(UTC) - self._retention
        while True:
            async with self._database.transaction() as connection:
                if await repository.prune_sequence(connection, before, _PRUNED_AT_ONCE) < _PRUNED_AT_ONCE:
                    break
        async with self._database.transaction() as connection:
            return await repository.drop_partitions(connection, before)
