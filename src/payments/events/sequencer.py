"""Gives events their numbers after commit: per merchant and mode, without gaps, and never past a late commit.

Any number of workers may run it at once; one works, the others go away. Order is that of the commits where one waited
for the other, so what happens to one object keeps its order.
"""

import asyncio
import logging
from time import monotonic

from payments.database import Database
from payments.events import repository
from payments.events.wakeups import Announcer

_log = logging.getLogger(__name__)

_BATCH = 10_000
# A lone event gets its number at once. Those that follow it wait this long at most and get theirs together: numbering
# costs a commit and the same dozen statements for one event and for hundreds.
_PACE_SECONDS = 0.05
# Transactions last milliseconds; one that lasts longer is waited for by the next run.
_MAX_WAITS = 10


class Sequencer:
    """The task of the worker that runs after every commit."""

    def __init__(self, database: Database, announcer: Announcer) -> None:
        """Take where the outbox is, and whom to tell."""
        self._database = database
        self._announcer = announcer
        self._placed_at = 0.0

    async def backlog(self) -> dict[str, float]:
        """Return how many committed events have no number yet, and the age of the oldest."""
        async with self._database.snapshot() as connection:
            return await repository.backlog(connection)

    async def run(self) -> int:
        """Number everything that is committed; return how many events."""
        total = waits = 0
        await asyncio.sleep(self._placed_at + _PACE_SECONDS - monotonic())
        while waits < _MAX_WAITS:
            async with self._database.snapshot() as connection:
                pending = await repository.pending(connection)
            if pending["until"] < pending["since"]:
                # Numbers of transactions start anew in another cluster, for example one restored from a dump.
                _log.error("the watermark of events is ahead of the database's transactions; see docs/EVENTS.md")
                return total
            if pending["ready"]:
                async with self._database.transaction() as connection:
                    placed, streams = await repository.place(connection, _BATCH)
                total += placed
                if placed:
                    self._placed_at = monotonic()
                    await self._announcer.sequenced(streams)
                    if pending["held"]:
                        await asyncio.sleep(_PACE_SECONDS)
                    continue
            elif not pending["held"]:
                break
            waits += 1
            await asyncio.sleep(_PACE_SECONDS)
        return total
