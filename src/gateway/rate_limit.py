"""Counts requests against quotas, in Redis for all replicas together.

Requests of one caller that arrive while an answer of Redis is awaited share the next question: exact, and a fraction of
the cost where a caller is busy. Without Redis each replica counts for itself, against a part of each quota.
"""

import asyncio
import logging
from hashlib import sha1
from pathlib import Path

from gateway.clock import Clock
from gateway.policies import Class, Quota, Verdict
from shared.redis_connection import RedisConnection, RedisReplyError, RedisUnavailableError

_log = logging.getLogger(__name__)

_SCRIPT = Path(__file__).with_name("rate_limit.lua").read_text(encoding="utf-8")
_SHA = sha1(_SCRIPT.encode(), usedforsecurity=False).hexdigest()
_MOST_LOCAL = 10_000
_LOG_SECONDS = 60.0


class RateLimiter:
    """Lets requests through, or not.

    ``fallback_share`` is the part of each quota that a replica hands out by itself while Redis is away.
    """

    def __init__(self, redis: RedisConnection | None, clock: Clock, *, fallback_share: float) -> None:
        """Take the collaborators; without Redis there is nobody to share with, and this replica counts for all."""
        self._redis = redis
        self._clock = clock
        self._share = 1.0 if redis is None else fallback_share
        self._queues: dict[str, _Queue] = {}
        self._local: dict[str, float] = {}
        self._logged = -_LOG_SECONDS
        self.limited = 0
        self.fallbacks = 0
        self.shared = redis is not None  # whether the latest question was answered by Redis

    async def take(self, caller: str, kind: Class, quota: Quota) -> Verdict:
        """Count one request of a caller."""
        key = f"rl:{kind}:{caller}"
        if self._redis is None:
            return self._decide(key, kind, quota)
        queue = self._queues.get(key)
        if queue is None:
            queue = self._queues[key] = _Queue(kind, quota)
            queue.task = asyncio.create_task(self._serve(self._redis, key, queue))
        queue.quota = quota
        waiting: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
        queue.waiting.append(waiting)
        return await waiting

    async def _serve(self, redis: RedisConnection, key: str, queue: "_Queue") -> None:
        try:
            while queue.waiting:
                batch, queue.waiting = queue.waiting, []
                verdicts = await self._ask(redis, key, queue, len(batch))
                for waiting, verdict in zip(batch, verdicts, strict=True):
                    if not waiting.done():
                        waiting.set_result(verdict)
        finally:
            # In the same step in which nobody was found waiting: who comes now gets a task of its own.
            del self._queues[key]

    async def _ask(self, redis: RedisConnection, key: str, queue: "_Queue", asked: int) -> list[Verdict]:
        kind, quota = queue.kind, queue.quota
        question = (1, key, quota.interval, quota.limit, asked)
        try:
            try:
                granted, backlog = await redis.call("EVALSHA", _SHA, *question)
            except RedisReplyError as error:
                if not str(error).startswith("NOSCRIPT"):
                    raise
                granted, backlog = await redis.call("EVAL", _SCRIPT, *question)
        except (RedisUnavailableError, RedisReplyError) as error:
            self._tell(error)
            return [self._decide(key, kind, quota) for _ in range(asked)]
        self.shared = True
        self.limited += asked - granted
        allowed = [
            Verdict(kind, quota, backlog - (granted - 1 - place) * quota.interval, allowed=True, shared=True)
            for place in range(granted)
        ]
        return allowed + [Verdict(kind, quota, backlog, allowed=False, shared=True)] * (asked - granted)

    def _decide(self, key: str, kind: Class, quota: Quota) -> Verdict:
        if self._share != 1.0:
            quota = quota.share(self._share)
            self.fallbacks += 1
        now = self._clock.steady() * 1_000_000
        whole = max(now, self._local.get(key, 0.0))
        allowed = whole + quota.interval <= now + quota.limit * quota.interval
        if allowed:
            whole += quota.interval
            self._local.pop(key, None)
            if len(self._local) >= _MOST_LOCAL:
                del self._local[next(iter(self._local))]
            self._local[key] = whole
        else:
            self.limited += 1
        return Verdict(kind, quota, int(whole - now), allowed=allowed, shared=self._redis is None)

    def _tell(self, error: Exception) -> None:
        self.shared = False
        if self._clock.steady() - self._logged >= _LOG_SECONDS:
            self._logged = self._clock.steady()
            _log.warning("rate limits are counted by this replica alone: %s", error)


class _Queue:
    """Requests of one caller and class that wait for Redis."""

    __slots__ = ("kind", "quota", "task", "waiting")

    def __init__(self, kind: Class, quota: Quota) -> None:
        self.kind = kind
        self.quota = quota
        self.waiting: list[asyncio.Future[Verdict]] = []
        self.task: asyncio.Task[None] | None = None
