"""One gateway and one badly behaved payments per test, on sockets of the loopback interface."""

from dataclasses import dataclass

import httpx2
import pytest
import pytest_asyncio
import uvloop
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import HttpUrl

from gateway.container import build
from gateway.settings import Settings
from tests.gateway.support import KEY, FakePayments, ManualClock, client_of, served, write_private_key


def pytest_asyncio_loop_factories(config, item):
    # The loop of production: its transports differ from asyncio's own in details that matter here.
    return {"uvloop": uvloop.new_event_loop}


@dataclass
class Gateway:
    port: int
    http: httpx2.AsyncClient
    clock: ManualClock


@pytest.fixture(scope="session")
def identity_key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


@pytest_asyncio.fixture
async def payments():
    fake = FakePayments()
    await fake.start()
    yield fake
    fake.stop()


@pytest.fixture
def patience() -> float:
    """How many seconds the gateway waits for payments; a test about waiting says less."""
    return 60


@pytest.fixture(autouse=True)
def patient_connections(monkeypatch):
    monkeypatch.setattr("gateway.http_client.CONNECT_SECONDS", 60)


@pytest.fixture
def settings(payments: FakePayments, identity_key, tmp_path, patience) -> Settings:
    return Settings(
        payments_url=HttpUrl(f"http://127.0.0.1:{payments.port}"),
        identity_key_file=write_private_key(tmp_path / "identity.pem", identity_key),
        write_timeout_seconds=patience,
        read_timeout_seconds=patience,
        admin_timeout_seconds=patience,
        # What a test sends is limited where limits are its subject.
        write_limit="100000/1",
        read_limit="100000/1",
        unauthenticated_limit="100000/1",
    )


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest_asyncio.fixture
async def gateway(settings, clock):
    async with (
        served(build(settings, clock=clock.clock())) as port,
        httpx2.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", headers={"authorization": f"Bearer {KEY}"}, trust_env=False
        ) as http,
    ):
        yield Gateway(port, http, clock)


@pytest_asyncio.fixture
async def client(payments, clock):
    async with client_of(payments, clock) as client:
        yield client
