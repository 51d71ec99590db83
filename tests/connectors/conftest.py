"""Requests and connectors for the tests of this folder."""

import asyncio
from collections.abc import AsyncIterator, Callable
from itertools import count
from typing import Any
from uuid import UUID

import pytest

from payments.connectors.port import AuthorizeRequest, CaptureRequest, CardReference, RefundRequest, VoidRequest
from payments.connectors.sandbox.connector import SandboxConnector, Timings
from payments.connectors.sandbox.store import SandboxStore
from payments.database import Database
from payments.keyring import Keyring

PAYMENT = UUID("01990000-0000-7000-8000-000000000001")
_numbers = count(1)


class Requests:
    """Builds requests; every one has a key of its own unless the test names it."""

    def key(self) -> str:
        return f"key-{next(_numbers)}"

    def authorize(self, scenario: str | None, *, livemode: bool = False, **changes) -> AuthorizeRequest:
        card = CardReference(
            payment_method_id=PAYMENT,
            merchant_id=PAYMENT,
            livemode=livemode,
            brand="visa",
            last4="4242",
            exp_month=12,
            exp_year=2040,
            test_scenario=scenario,
        )
        values = {"key": self.key(), "payment_id": PAYMENT, "amount": 1000, "currency": "EUR", "capture": False}
        return AuthorizeRequest(**{**values, "card": card, **changes})

    def capture(self, reference: str, **changes) -> CaptureRequest:
        return CaptureRequest(**{**self._of(reference), **changes})

    def void(self, reference: str, **changes) -> VoidRequest:
        return VoidRequest(**{**self._of(reference), **changes})

    def refund(self, reference: str, **changes) -> RefundRequest:
        return RefundRequest(**{**self._of(reference), **changes})

    def _of(self, reference: str) -> dict:
        return {"key": self.key(), "acquirer_reference": reference, "amount": 400, "currency": "EUR"}


@pytest.fixture
def requests() -> Requests:
    return Requests()


@pytest.fixture(scope="session")
def keyring() -> Keyring:
    return Keyring("k1", {"k1": b"1" * 32})


@pytest.fixture
def isolated() -> Callable[[], SandboxConnector]:
    """Make a sandbox with nothing to reach: any use of its store, signer or clock is an error."""
    nothing: Any = None
    return lambda: SandboxConnector(nothing, nothing, delay=nothing)


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[SandboxStore]:
    database = Database(database_url)
    yield SandboxStore(database)
    await database.dispose()


@pytest.fixture
def waits() -> list[float]:
    """What the sandbox under test waited for, in seconds."""
    return []


@pytest.fixture
def sandbox(store: SandboxStore, keyring: Keyring, waits: list[float]) -> Callable[..., SandboxConnector]:
    """Make a sandbox that never really waits."""

    async def delay(seconds: float) -> None:
        waits.append(seconds)
        await asyncio.sleep(0)

    def make(**changes) -> SandboxConnector:
        return SandboxConnector(store, keyring, **{"delay": delay, "timings": Timings(), **changes})

    return make


@pytest.fixture
async def deadline() -> float:
    """A deadline that no test should reach."""
    return asyncio.get_running_loop().time() + 30
