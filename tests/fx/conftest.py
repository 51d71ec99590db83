"""The service on the module's database, with an administrator who sets rates and merchants of every test's own."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Database
from tests.support import Caller, Platform, body_of, platform_on


@pytest.fixture(scope="session")
def key_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys")


@pytest.fixture
async def platform(database: Database, redis_url: str, key_folder: Path) -> AsyncIterator[Platform]:
    async with platform_on(database, redis_url, key_folder) as platform:
        yield platform


@pytest.fixture
def admin(platform: Platform) -> Caller:
    return platform.admin


@pytest.fixture
async def shop(platform: Platform) -> Caller:
    """A merchant that settles in euro."""
    return await platform.shop()


Put = Callable[..., Awaitable[list[dict[str, Any]]]]


@pytest.fixture
def put(admin: Caller) -> Put:
    """Record rates, written as ``"EUR/USD 1.08"``, in effect at a time, by default now."""

    async def record(*rates: str, at: datetime | None = None, source: str = "desk") -> list[dict[str, Any]]:
        bodies = []
        for rate in rates:
            pair, number = rate.split()
            base, quote = pair.split("/")
            moment = (at or datetime.now(UTC)).isoformat()
            bodies.append({"base": base, "quote": quote, "rate": number, "effective_at": moment, "source": source})
        listed = body_of(await admin.request("PUT", "/v1/fx/rates", key=None, json=bodies), 200)
        found: list[dict[str, Any]] = listed["data"]
        return found

    return record
