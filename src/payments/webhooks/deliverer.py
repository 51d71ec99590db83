"""Brings events to endpoints: first attempts in the order of events, later ones beside them.

    deliver   claims endpoints with new events, one worker each; requests start in the order of the events. One after
              the other while the endpoint keeps up, several at a time when it is behind
    retry     claims deliveries whose next attempt is due, a few per endpoint, in no order

Each endpoint has tasks of its own, so one that is slow or dead delays no other, and a retry holds up no new event. A
claim is a lease: when a worker dies, another one sends again what has no mark yet, with the same webhook-id.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from time import monotonic
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from payments.batching import Batcher
from payments.database import Database
from payments.events.schemas import Stream
from payments.events.service import Events
from payments.webhooks import delivery_repository as repository
from payments.webhooks.attempts import Attempt, Attempts
from payments.webhooks.delivery_repository import Due
from payments.webhooks.secret_box import SecretBox
from payments.webhooks.sender import Sender
from shared.ids import new_uuid
from shared.tracing import Tracing

_log = logging.getLogger(__name__)

LEASE_SECONDS = 60.0
_MAX_LANES = 1_000
_MAX_RETRIES = 1_000
_RETRIES_EACH = 8
# Events that get their deliveries at once, and those that are sent before the next look.
_PLANNED = 500
_PAGE = 100
_MAX_WINDOW = 16
# One more request at a time for every so many events that wait.
_WIDEN_EVERY = 4
# Connections that all endpoints together may use: they wait for a turn here instead of failing at the pool.
_CONNECTIONS = 3
# After that, whoever is still sending is cut off; the event is sent again.
_CLOSE_SECONDS = 20.0


class Deliverer:
    """The two tasks of the worker; what they start goes on by itself."""

    def __init__(
        self, database: Database, events: Events, secrets: SecretBox, sender: Sender, tracing: Tracing | None
    ) -> None:
        """Nothing connects yet."""
        self._database = database
        self._events = events
        self._secrets = secrets
        self._attempts = Attempts(sender, tracing)
        self.attempted = self._attempts.counts
        self._marks: Batcher[Attempt, None] = Batcher(lambda attempts, _: self._mark(attempts), lanes=1)
        self._tasks: set[asyncio.Task[None]] = set()
        self._lanes = 0
        self._retries: Counter[UUID] = Counter()
        self._closing = False
        self._turns = asyncio.Semaphore(_CONNECTIONS)

    async def deliver(self) -> int:
        """Start sending to every endpoint that has new events; return how many."""
        lease = new_uuid()
        if self._closing or self._lanes >= _MAX_LANES:
            return 0
        async with self._transaction() as connection:
            claimed = await repository.claim_endpoints(connection, lease, LEASE_SECONDS, _MAX_LANES - self._lanes)
        for endpoint_id in claimed:
            self._lanes += 1
            self._start(self._lane(endpoint_id, lease))
        return len(claimed)

    async def retry(self) -> int:
        """Start every attempt that is due again; return how many."""
        free = _MAX_RETRIES - self._retries.total()
        if self._closing or free <= 0:
            return 0
        async with self._transaction() as connection:
            due = await repository.claim_again(connection, self._retries, LEASE_SECONDS, each=_RETRIES_EACH, limit=free)
            secrets = await self._secrets.open(connection, {each.endpoint_id for each in due}) if due else {}
        self._retries.update(each.endpoint_id for each in due)
        full = {endpoint_id for endpoint_id, count in self._retries.items() if count == _RETRIES_EACH}
        for each in due:
            self._start(self._again(each, secrets[each.endpoint_id], more=each.endpoint_id in full))
        return len(due)

    async def settle(self) -> None:
        """Return when everything that was started is done, for a process that does not stay."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def close(self) -> None:
        """Start nothing more, and wait for what is under way."""
        self._closing = True
        if self._tasks:
            _, pending = await asyncio.wait(self._tasks, timeout=_CLOSE_SECONDS)
            for task in pending:
                task.cancel()
            await asyncio.gather(*pending, return_exceptions=True)
        await self._marks.close()
        await self._attempts.close()

    async def backlog(self) -> dict[str, float]:
        """Return how many events wait for a first attempt and for another one, and the age of the oldest."""
        async with self._database.snapshot() as connection:
            row = await repository.backlog(connection)
        return {
            "waiting": row["waiting"] + row["unplanned"],
            "retrying": row["retrying"],
            "oldest_waiting_seconds": row["age"],
        }

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[AsyncConnection]:
        async with self._turns, self._database.transaction() as connection:
            yield connection

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _lane(self, endpoint_id: UUID, lease: UUID) -> None:
        worked = False
        try:
            while not self._closing and await self._send_page(endpoint_id, lease):
                worked = True
            async with self._transaction() as connection:
                await repository.release(connection, endpoint_id, lease)
            if worked:
                # Whoever was woken between the last look and the release found the endpoint taken.
                await self.deliver()
        except Exception:  # noqa: BLE001 - the lease runs out, and somebody tries again
            _log.exception("sending to endpoint %s stopped; it goes on within %d s", endpoint_id, LEASE_SECONDS)
        finally:
            self._lanes -= 1

    async def _send_page(self, endpoint_id: UUID, lease: UUID) -> bool:
        """Send the next events to an endpoint; return whether there may be more."""
        async with self._transaction() as connection:
            row = await repository.renew(connection, endpoint_id, lease, LEASE_SECONDS)
            if row is None:
                return False
            stream = Stream(row["merchant_id"], row["livemode"])
            fresh = await self._events.headings(connection, stream, row["cursor"], _PLANNED)
            if fresh:
                wanted = row["event_types"]
                rows = [
                    {
                        "id": new_uuid(),
                        "endpoint_id": endpoint_id,
                        "sequence": each.sequence,
                        "event_id": each.id,
                        "type": each.type,
                    }
                    for each in fresh
                    if wanted is None or each.type in wanted
                ]
                await repository.plan(connection, endpoint_id, fresh[-1].sequence, rows)
            due = await repository.first(connection, endpoint_id, _PAGE)
            secrets = (await self._secrets.open(connection, [endpoint_id]))[endpoint_id]
        await self._send_in_order(due, secrets, lease)
        return bool(due or fresh)

    async def _send_in_order(self, due: Sequence[Due], secrets: Sequence[str], lease: UUID) -> None:
        window = asyncio.Semaphore(min(_MAX_WINDOW, 1 + len(due) // _WIDEN_EVERY))
        renewed, gone = monotonic(), asyncio.Event()

        async def attempt(each: Due, sent: asyncio.Event) -> None:
            try:
                made = await self._attempts.make(each, secrets, sent)
                if made.gone:
                    gone.set()
                # Marked before it makes room: no more than a window is sent again by whoever takes over.
                await self._marks.submit(made)
            finally:
                window.release()

        async with asyncio.TaskGroup() as group:
            for each in due:
                await window.acquire()
                if gone.is_set() or self._closing:
                    return
                if monotonic() - renewed > LEASE_SECONDS / 3:
                    async with self._transaction() as connection:
                        if await repository.renew(connection, each.endpoint_id, lease, LEASE_SECONDS) is None:
                            return
                    renewed = monotonic()
                sent = asyncio.Event()
                group.create_task(attempt(each, sent))
                await sent.wait()

    async def _again(self, each: Due, secrets: Sequence[str], *, more: bool) -> None:
        try:
            made = await self._attempts.make(each, secrets, asyncio.Event())
            await self._marks.submit(made)
        except Exception:  # noqa: BLE001 - its lease runs out, and somebody tries again
            _log.exception("an attempt of delivery %s was not marked", each.id)
        finally:
            self._retries[each.endpoint_id] -= 1
            if not self._retries[each.endpoint_id]:
                del self._retries[each.endpoint_id]
        if more and each.endpoint_id not in self._retries:
            # There were as many as may be under way at once, so others are due. If it fails, its own time comes soon.
            with suppress(Exception):
                await self.retry()

    async def _mark(self, made: list[Attempt]) -> list[Exception | None]:
        """Store what became of attempts; one that cannot be stored fails alone."""
        try:
            async with self._transaction() as connection:
                await self._attempts.store(connection, made)
        except Exception as error:  # noqa: BLE001 - whatever it was, the callers hear of it
            if len(made) == 1:
                return [error]
            _log.warning("a batch of %d attempts is stored one by one: %s", len(made), type(error).__name__)
            return [result for each in made for result in await self._mark([each])]
        return [None] * len(made)
