"""Counters on a real Valkey, with a clock that stands still until it is told to go on."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import redis

from payments.fraud.counters import READY_KEY, Counters
from payments.fraud.schemas import Attempt
from payments.fraud.vocabulary import SIGNALS
from shared.redis_connection import RedisConnection
from tests.conftest import Database
from tests.fraud.shop import fresh_card, pay, shop, with_fraud_routes
from tests.fraud.support import NOON, attempt
from tests.support import Caller, Platform, platform_on


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
        [values] = await self.counters.observe([self.attempt(**changes)])
        return named(values)

    async def look(self, **changes: Any) -> dict[str, int]:
        [values] = await self.counters.peek([self.attempt(**changes)])
        return named(values)


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


@pytest.fixture(scope="session")
def key_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(database: Database, redis_url: str, key_folder: Path) -> AsyncIterator[Platform]:
    """One process for all tests of a module, which run in one event loop."""
    async with platform_on(database, redis_url, key_folder) as platform:
        with_fraud_routes(platform)
        await platform.set_rates()
        yield platform


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def risk(service: Platform) -> Caller:
    """A person of the risk team."""
    return service.caller("person", None, "risk")


@pytest_asyncio.fixture(loop_scope="module")
async def history(service: Platform) -> dict[str, Any]:
    """Payments of a fresh start: three approved, one of them large, one under review; one decided without signals."""
    with service.sql() as connection:
        connection.execute("DELETE FROM payments.payments")
    caller = await shop(service)
    number = fresh_card()
    found = {
        "small": await pay(caller, number, amount=1000),
        "repeated": await pay(caller, number, amount=1000),
        "euros": await pay(caller, amount=70_001, currency="EUR"),
        "review": await pay(caller, amount=250_000, card_country="US", customer_ip_country="DE"),
        "blind": await pay(caller, amount=3000),
    }
    assert found["review"]["status"] == "review"
    with service.sql() as connection:
        connection.execute(
            """UPDATE payments.payments SET receipt = receipt || '{"source": "degraded"}' WHERE amount = 3000"""
        )
    return found
