"""The merchants' routes behind the real way in, called with identities signed by a key of the tests."""

from collections.abc import AsyncIterator, Callable
from time import time
from typing import Any

import httpx2
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import Depends, FastAPI

from payments.access import Access, authorize
from payments.database import Database
from payments.http.entry import Entry
from payments.http.problems import install
from payments.keyring import Keyring
from payments.merchants.routes import build_router
from payments.merchants.scopes import SCOPES
from payments.merchants.service import Merchants
from shared.identity import ALGORITHM, Identity, Kind
from shared.ids import new_uuid
from tests.support import unmeasured


class Clock:
    """Stands still until it is told to go on."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Client:
    """Calls the routes; every caller is a method that returns a client of the same application."""

    def __init__(self, app: Entry, private_key: Ed25519PrivateKey, authorization: str = "") -> None:
        self._app = app
        self._private_key = private_key
        self._authorization = authorization

    def signed(self, kind: Kind, subject: str, *roles: str, scopes: Any = ()) -> "Client":
        merchant = new_uuid() if kind == "api_key" else None
        identity = Identity(subject, kind, merchant, livemode=False, scopes=frozenset(scopes), roles=frozenset(roles))
        claims = identity.claims(int(time()))
        # Long-lived, so that no test is too slow for it.
        token = jwt.encode(claims | {"exp": claims["iat"] + 600}, self._private_key, ALGORITHM, headers={"kid": "test"})
        return Client(self._app, self._private_key, f"Bearer {token}")

    def admin(self) -> "Client":
        return self.signed("person", "ada", "admin")

    def api_key(self) -> "Client":
        return self.signed("api_key", "key_1", scopes=SCOPES)

    def gateway(self) -> "Client":
        return self.signed("service", "gateway")

    async def __call__(self, method: str, path: str, **arguments: Any) -> httpx2.Response:
        transport = httpx2.ASGITransport(app=self._app)
        headers = {"authorization": self._authorization}
        async with httpx2.AsyncClient(transport=transport, base_url="http://payments", headers=headers) as client:
            return await client.request(method, path, **arguments)


@pytest.fixture
def keyring() -> Keyring:
    return Keyring("k1", {"k1": b"1" * 32})


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def payments_database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.dispose()


@pytest.fixture
def merchants(payments_database: Database, keyring: Keyring, clock: Clock) -> Merchants:
    return Merchants(payments_database, keyring, clock=clock)


@pytest.fixture
def client(merchants: Merchants) -> Client:
    """Somebody unknown; `client.admin()` and the like are known."""
    private_key = Ed25519PrivateKey.generate()
    app = FastAPI(dependencies=[Depends(authorize)])
    install(app)
    access = Access({"test": private_key.public_key()})
    app.state.access = access
    app.include_router(build_router(merchants))
    return Client(Entry(app, access, {}, unmeasured()), private_key)


@pytest.fixture
def admin(client: Client) -> Client:
    return client.admin()


@pytest.fixture
def body() -> Callable[..., dict[str, Any]]:
    """Make the body of a good merchant, with changes."""

    def make(**changes: Any) -> dict[str, Any]:
        return {
            "name": "Blue Bottle Books",
            "country": "DE",
            "category_code": "5942",
            "settlement_currency": "EUR",
            "fee": {"basis_points": 290, "fixed": 30, "dispute": 0},
            **changes,
        }

    return make
