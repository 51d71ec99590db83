"""Counters on a real Valkey, with a clock that stands still until it is told to go on."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
import redis

from payments.fraud.counters import READY_KEY, Counters
from payments.fraud.redis_connection import RedisConnection
from payments.fraud.schemas import Attempt
from payments.fraud.vocabulary import SIGNALS
from tests.fraud.support import NOON, attempt


class Clock:
    """Seconds since 1970."""

    def __init__(self) -> None:
        self.now = NOON.timestamp()

    def __call__(self) -> float:
        return self.now

    def moment(self) -> datetime:
        return datetime.fromtimestamp(self.now, UTC)


class Bench:
    """Counts payments at the time of its clock and returns signals by their short names."""

    def __init__(self, counters: Counters, clock: Clock) -> None:
        self.counters = counters
        self.clock = clock

    def attempt(self, **changes: Any) -> Attempt:
        return attempt(**{"at": self.clock.moment()} | changes)

    async def pay(self, **changes: Any) -> dict[str, int]:
        return named(await self.counters.observe(self.attempt(**changes)))

    async def look(self, **changes: Any) -> dict[str, int]:
        return named(await self.counters.peek(self.attempt(**changes)))


def named(values: list[int]) -> dict[str, int]:
    return {name.removeprefix("signals."): value for name, value in zip(SIGNALS, values, strict=True)}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def valkey(redis_url: str):
    """A synchronous client; the server is empty but for the marker."""
    with redis.Redis.from_url(redis_url) as client:
        client.flushdb()
        client.set(READY_KEY, 1)
        yield client


@pytest.fixture
async def bench(valkey, redis_url: str, clock: Clock) -> AsyncIterator[Bench]:
    counters = Counters(RedisConnection(redis_url, timeout=5), clock=clock)
    yield Bench(counters, clock)
    await counters.close()
