"""The service on a database that can be cut off from it."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import Database
from tests.faults.wire import Proxy
from tests.support import Caller, Platform, platform_on


@pytest.fixture(scope="session")
def key_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys")


@pytest.fixture
async def proxy(database: Database) -> AsyncIterator[Proxy]:
    """The way of the service to its database."""
    async with Proxy(database.url) as proxy:
        yield proxy


@pytest.fixture
async def platform(database: Database, proxy: Proxy, redis_url: str, key_folder: Path) -> AsyncIterator[Platform]:
    """The service behind the proxy."""
    behind = replace(database, url=proxy.url)
    async with platform_on(behind, redis_url, key_folder) as platform:
        yield platform


@pytest.fixture
async def shop(platform: Platform) -> Caller:
    """A merchant's API key with every scope."""
    return await platform.shop()
