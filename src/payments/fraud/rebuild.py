"""Counts the last day again when Redis has come back empty. Until that is done, nobody relies on its counters."""

import logging
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from time import time

from payments.database import Database
from payments.fraud import repository
from payments.fraud.counters import READY_KEY, Counters
from shared.redis_connection import RedisConnection, RedisReplyError, RedisUnavailableError

_log = logging.getLogger(__name__)

_LOCK_KEY = "fraud:rebuilding"
_LOCK_SECONDS = 30
_PAGE = 500
_SECONDS = 5.0
_DAY = timedelta(hours=24)
# Payments that were decided before this began may be committed a little later: a batch is tried again for so long.
_LATE = timedelta(minutes=1)


class Rebuild:
    """Any number of workers may try; one does it."""

    def __init__(self, database: Database, redis_url: str, *, clock: Callable[[], float] = time) -> None:
        """Take where payments are stored and where they are counted."""
        self._database = database
        # A connection of its own: a page must not keep a payment waiting, and may take longer.
        self._redis = RedisConnection(redis_url, timeout=_SECONDS)
        self._counters = Counters(self._redis, clock=clock)
        self._clock = clock

    async def run(self) -> int:
        """Return how many payments were counted: 0 when the counters are complete, or Redis is gone."""
        token = secrets.token_hex(8)
        try:
            if await self._redis.call("EXISTS", READY_KEY):
                return 0
            if not await self._redis.call("SET", _LOCK_KEY, token, "NX", "EX", _LOCK_SECONDS):
                return 0
            started = datetime.fromtimestamp(self._clock(), UTC)
            counted = await self._count_since(started - _DAY)
            # Once more for those that were under way; what is counted already counts once.
            counted += await self._count_since(started - _LATE)
            if await self._redis.call("GET", _LOCK_KEY) == token.encode():
                await self._redis.call("SET", READY_KEY, 1)
                await self._redis.call("DEL", _LOCK_KEY)
        except (RedisUnavailableError, RedisReplyError) as error:
            _log.warning("the counters cannot be rebuilt now: %s", error)
            return 0
        return counted

    async def close(self) -> None:
        """Disconnect."""
        await self._counters.close()

    async def _count_since(self, since: datetime) -> int:
        counted, before = 0, None
        while True:
            async with self._database.snapshot() as connection:
                rows = await repository.attempts(connection, since, before, _PAGE)
            await self._counters.count([repository.attempt_of(row) for row in rows])
            await self._redis.call("EXPIRE", _LOCK_KEY, _LOCK_SECONDS)
            counted += len(rows)
            if len(rows) < _PAGE:
                return counted
            before = rows[-1]["id"]
