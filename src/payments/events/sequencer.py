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
_PACE_SECONDS = 0.1
# Transactions last milliseconds; one that lasts longer is waited for by the next run. A run ends also while events keep
# coming, for a worker that is told to stop stops between two of them.
_MAX_ROUNDS = 10


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
        total, looks = 0, True  # while events keep coming, the next ones need no look
        await asyncio.sleep(self._placed_at + _PACE_SECONDS - monotonic())
        for _ in range(_MAX_ROUNDS):
            if looks:
                async with self._database.snapshot() as connection:
                    pending = await repository.pending(connection)
                if pending["until"] < pending["since"]:
                    # Numbers of transactions start anew in another cluster, for example one restored from a dump.
                    _log.error("the watermark of events is ahead of the database's transactions; see docs/EVENTS.md")
                    break
                if not pending["ready"] and not pending["held"]:
                    break
                if not pending["ready"]:
                    await asyncio.sleep(_PACE_SECONDS)
                    continue
            async with self._database.transaction() as connection:
                placed = await repository.place(connection, _BATCH)
            looks = not placed.events
            if placed.events:
                total += placed.events
                self._placed_at = monotonic()
                await self._announcer.sequenced(placed.streams)
                if placed.left == "nothing":
                    break
            if placed.left != "more":
                await asyncio.sleep(_PACE_SECONDS)
        return total
