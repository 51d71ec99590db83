"""The same service and merchants as the tests of payments, and merchants whose money matures at once."""

from typing import Any

import pytest
import pytest_asyncio

from tests.payments.conftest import key_folder, merchant, service
from tests.support import Caller, Clock, Platform

__all__ = ["key_folder", "merchant", "service"]


@pytest.fixture(autouse=True)
def _own_time(service: Platform) -> None:
    """No test inherits the time of another."""
    service.clock.ahead = Clock().ahead


@pytest_asyncio.fixture(loop_scope="module")
async def quick(service: Platform) -> Caller:
    """A merchant whose money is available on the day of its capture, paid out on demand."""
    return await shop(service, delay_days=0)


async def shop(service: Platform, *, currency: str = "EUR", zone: str = "UTC", **policy: Any) -> Caller:
    """Take a merchant on with a policy of payouts; by hand unless told."""
    return await service.shop(currency=currency, time_zone=zone, payouts={"schedule": "manual", **policy})
