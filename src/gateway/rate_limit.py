"""Counts requests against quotas, in Redis for all replicas together.

Requests of one caller that arrive while an answer of Redis is awaited share the next question. A caller that is busy
has some requests in advance: as many as it sent within the last twentieth of a second, and never more than a hundredth
of its quota, so that small quotas are exact and large ones to within what replicas hold in advance. More are asked for
when half of them are used, so that hardly a request of a busy caller waits for Redis.
Without Redis each replica counts for itself, against a part of each quota.
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
_MOST_CALLERS = 10_000
_AHEAD_SECONDS = 0.05
_AHEAD_PART = 100  # of a quota
# What nobody has used by then is forgotten: its caller has stopped, and its quota has long been filled up.
_KEPT_SECONDS = 1.0
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
        self._callers: dict[str, _Caller] = {}
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
        state = self._callers.get(key)
        if state is None:
            state = self._callers[key] = _Caller(kind, quota)
        elif state.quota is not quota:
            state.change(quota)
        if state.ahead:
            if self._clock.steady() < state.until:
                if state.ahead <= state.low:
                    state.low = state.ahead // 2  # the next to ask, should nothing come of this
                    self._begin(self._redis, key, state)
                return state.use()
            state.ahead = 0
        waiting: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
        state.waiting.append(waiting)
        self._begin(self._redis, key, state)
        return await waiting

    def _begin(self, redis: RedisConnection, key: str, state: "_Caller") -> None:
        if state.task is None:
            state.task = asyncio.create_task(self._serve(redis, key, state))

    async def _serve(self, redis: RedisConnection, key: str, state: "_Caller") -> None:
        try:
            while True:
                batch, state.waiting = state.waiting, []
                verdicts = await self._ask(redis, key, state, len(batch))
                for waiting, verdict in zip(batch, verdicts, strict=True):
                    if not waiting.done():
                        waiting.set_result(verdict)
                while state.waiting and state.ahead:
                    waiting = state.waiting.pop(0)
                    if not waiting.done():
                        waiting.set_result(state.use())
                if not state.waiting:
                    break
        finally:
            # In the same step in which nobody was found waiting: who comes now gets a task of its own.
            state.task = None
            if state.quota.limit < _AHEAD_PART:
                self._callers.pop(key, None)  # nothing of it is worth keeping
            elif len(self._callers) > _MOST_CALLERS:
                self._callers = {key: one for key, one in self._callers.items() if one.task is not None}

    async def _ask(self, redis: RedisConnection, key: str, state: "_Caller", waiting: int) -> list[Verdict]:
        kind, quota = state.kind, state.quota
        asked = waiting + state.wanted_ahead(self._clock.steady(), waiting)
        if not asked:
            return []  # it has become quieter: what is left lasts
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
            return [self._decide(key, kind, quota) for _ in range(waiting)]
        self.shared = True
        let_through = min(granted, waiting)
        self.limited += waiting - let_through
        if granted > waiting and state.quota == quota:
            state.keep(granted - waiting, backlog, self._clock.steady() + _KEPT_SECONDS)
        allowed = [
            Verdict(kind, quota, backlog - (granted - 1 - place) * quota.interval, allowed=True, shared=True)
            for place in range(let_through)
        ]
        return allowed + [Verdict(kind, quota, backlog, allowed=False, shared=True)] * (waiting - let_through)

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


class _Caller:
    """One caller's requests of one class: those that wait for Redis, and how many it may send without asking."""

    __slots__ = ("_lately", "_since", "_taken", "ahead", "backlog", "kind", "low", "quota", "task", "until", "waiting")

    def __init__(self, kind: Class, quota: Quota) -> None:
        self.kind = kind
        self.quota = quota
        self.waiting: list[asyncio.Future[Verdict]] = []
        self.task: asyncio.Task[None] | None = None
        self.ahead = 0
        self.low = 0  # so few are left that more are asked for, lest requests have to wait for them
        self.backlog = 0  # with all of them used
        self.until = 0.0
        self._since: float | None = None  # when it was last counted how busy this caller is
        self._taken = 0  # from then on
        self._lately = 0  # before then, in a twentieth of a second

    def change(self, quota: Quota) -> None:
        """Take the quota of the request at hand; what was let through under another one no longer counts."""
        if quota != self.quota:
            self.ahead = 0
        self.quota = quota

    def keep(self, granted: int, backlog: int, until: float) -> None:
        """Keep requests in advance, besides those that are left."""
        self.ahead += granted
        self.low = self.ahead // 2
        self.backlog, self.until = backlog, until

    def use(self) -> Verdict:
        """Take one of those in advance."""
        self.ahead -= 1
        self._taken += 1
        return Verdict(
            self.kind, self.quota, self.backlog - self.ahead * self.quota.interval, allowed=True, shared=True
        )

    def wanted_ahead(self, now: float, waiting: int) -> int:
        """Return how many more to ask for than the ones that wait, and than those that are left."""
        self._taken += waiting
        if self._since is None or now - self._since >= _AHEAD_SECONDS:
            self._lately = 0 if self._since is None else int(self._taken * _AHEAD_SECONDS / (now - self._since))
            self._taken, self._since = 0, now
        return max(0, min(max(self._lately, self._taken), self.quota.limit // _AHEAD_PART) - self.ahead)
