"""The same service and merchants as the tests of payments, with a database for each test: a file is about everybody."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conftest import Databases
from tests.payments.conftest import key_folder
from tests.support import Platform, platform_on

__all__ = ["key_folder"]


@pytest.fixture
async def service(databases: Databases, redis_url: str, key_folder: Path) -> AsyncIterator[Platform]:
    with databases.fresh() as database:
        async with platform_on(database, redis_url, key_folder) as platform:
            await platform.set_rates()
            yield platform
