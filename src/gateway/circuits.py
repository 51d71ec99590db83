"""All circuits towards payments, and what the replicas tell each other about them: once a second, through Redis."""

import asyncio
import logging
from pathlib import Path

from gateway.breaker import LEAST_REQUESTS, OPEN_SECONDS, WINDOW_SECONDS, Circuit, Forced
from gateway.clock import Clock
from gateway.policies import RouteClass
from shared.redis_connection import RedisConnection, RedisReplyError, RedisUnavailableError

_log = logging.getLogger(__name__)

SYNC_SECONDS = 1.0
_SCRIPT = Path(__file__).with_name("circuits.lua").read_text(encoding="utf-8")
_COUNTED, _FORCED = "cb:payments", "cb:payments:forced"


class Circuits:
    """One circuit per class of routes."""

    def __init__(self, redis: RedisConnection | None, clock: Clock) -> None:
        """Start with every circuit closed."""
        self._redis = redis
        self.all: dict[RouteClass, Circuit] = {
            "write": Circuit("write", clock),
            "read": Circuit("read", clock),
            "admin": Circuit("admin", clock),
        }
        self._untold: dict[RouteClass, Forced | None] = {}
        self.shared = False  # whether the other replicas see the same

    async def run(self) -> None:
        """Keep in step with the other replicas, until cancelled."""
        while True:
            await self.sync()
            await asyncio.sleep(SYNC_SECONDS)

    async def force(self, kind: RouteClass, state: Forced | None) -> None:
        """Open or close a circuit whatever happens, or let it decide again (none); the others follow within a second.

        While Redis is away this holds on this replica, and the others hear of it later.
        """
        self.all[kind].forced = state
        self._untold[kind] = state
        await self.sync()

    async def sync(self) -> None:
        """Report what was seen since the last time, and learn what all replicas together make of it."""
        if self._redis is None:
            return
        reports = [(circuit.kind, circuit.requests, circuit.failures) for circuit in self.all.values()]
        for circuit in self.all.values():
            circuit.requests = circuit.failures = 0
        try:
            await self._tell(self._redis)
            cooldown, window = int(OPEN_SECONDS * 1000), int(WINDOW_SECONDS * 1000)
            flat = [word for report in reports for word in report]
            answers = await self._redis.call(
                "EVAL", _SCRIPT, 2, _COUNTED, _FORCED, LEAST_REQUESTS, window, cooldown, *flat
            )
        except (RedisUnavailableError, RedisReplyError) as error:
            if self.shared:
                _log.warning("circuits are this replica's own while Redis is away: %s", error)
            self.shared = False
            return
        self.shared = True
        for circuit, (open_ms, forced) in zip(self.all.values(), answers, strict=True):
            if open_ms > 0 and circuit.state == "closed" and circuit.forced is None:
                circuit.open_for(open_ms / 1000)
            if circuit.kind not in self._untold:
                circuit.forced = _FORCED_STATES.get(forced)

    async def _tell(self, redis: RedisConnection) -> None:
        for kind, state in list(self._untold.items()):
            if state is None:
                await redis.call("HDEL", _FORCED, kind)
            else:
                await redis.call("HSET", _FORCED, kind, state)
            if self._untold.get(kind) == state:
                del self._untold[kind]


_FORCED_STATES: dict[bytes, Forced] = {b"open": "open", b"closed": "closed"}
