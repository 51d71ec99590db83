"""The same service and merchants as the tests of payments, and both services on sockets."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest_asyncio
from pydantic import HttpUrl

from gateway.container import build
from gateway.settings import Settings
from payments.devtools.keys import PEOPLE_AUDIENCE, PEOPLE_ISSUER, KeyFiles
from tests.events.support import Shop
from tests.gateway.support import served
from tests.payments.conftest import key_folder, merchant, service
from tests.support import Platform, body_of

__all__ = ["key_folder", "merchant", "service"]


@dataclass
class Served:
    """The platform behind a gateway; both in this process, on real sockets."""

    platform: Platform
    gateway_url: str

    async def shop(self) -> Shop:
        """A merchant with an API key that the gateway takes."""
        caller = await self.platform.shop()
        merchant = f"mer_{caller.identity.merchant_id.hex}"  # type: ignore[union-attr]
        body = {"name": "a test", "livemode": False}
        key = body_of(await self.platform.admin.post(f"/v1/merchants/{merchant}/api_keys", body, key=None), 201)
        return Shop(caller, merchant, key["id"], key["secret"], self.gateway_url)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def door(service: Platform, key_folder: Path) -> AsyncIterator[Served]:
    keys = KeyFiles(key_folder)
    async with served(service.app) as port:
        settings = Settings(
            payments_url=HttpUrl(f"http://127.0.0.1:{port}"),
            identity_key_file=keys.identity,
            people_jwks_file=keys.people_jwks,
            people_issuer=PEOPLE_ISSUER,
            people_audience=PEOPLE_AUDIENCE,
            upstream_connections=4,
        )
        async with served(build(settings)) as gateway_port:
            yield Served(service, f"http://127.0.0.1:{gateway_port}")


@pytest_asyncio.fixture(loop_scope="module")
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    limits = httpx2.Limits(max_connections=None)
    async with httpx2.AsyncClient(timeout=60, limits=limits, trust_env=False) as client:
        yield client
