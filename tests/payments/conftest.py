"""The service on the module's database; every test takes merchants of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.conftest import Database
from tests.support import Caller, Platform, platform_on


@pytest.fixture(scope="session")
def key_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys")


@pytest.fixture
async def platform(database: Database, redis_url: str, key_folder: Path) -> AsyncIterator[Platform]:
    async with platform_on(database, redis_url, key_folder) as platform:
        await platform.set_rates()
        yield platform


@pytest.fixture
async def shop(platform: Platform) -> Caller:
    """A merchant's API key with every scope."""
    return await platform.shop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(database: Database, redis_url: str, key_folder: Path) -> AsyncIterator[Platform]:
    """One process for all tests of a module, which run in one event loop: most tests need no more."""
    async with platform_on(database, redis_url, key_folder) as platform:
        await platform.set_rates()
        yield platform


@pytest_asyncio.fixture(loop_scope="module")
async def merchant(service: Platform) -> Caller:
    """A merchant's API key with every scope."""
    return await service.shop()
