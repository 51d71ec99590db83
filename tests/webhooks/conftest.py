"""The service with the loopback interface allowed as a receiver, as in development."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.conftest import Database
from tests.payments.conftest import key_folder
from tests.support import Caller, Platform, platform_on
from tests.webhooks.receiver import Receiver

__all__ = ["key_folder"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(database: Database, redis_url: str, key_folder: Path) -> AsyncIterator[Platform]:
    async with platform_on(database, redis_url, key_folder, webhook_allow_loopback=True) as platform:
        yield platform


@pytest_asyncio.fixture(loop_scope="module")
async def merchant(service: Platform) -> Caller:
    return await service.shop()


@pytest_asyncio.fixture(loop_scope="module")
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver() as receiver:
        yield receiver


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Failed attempts are due again at once, and there are three of them."""
    monkeypatch.setattr("payments.webhooks.schedule.SCHEDULE", (0, 0, 0))
