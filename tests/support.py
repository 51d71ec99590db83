"""The whole payments service in process, on a real database: what the tests of its features share."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from time import time
from typing import Any, Self
from uuid import UUID, uuid4

import httpx2
import jsonschema_rs
import jwt
import psycopg
from starlette.types import ASGIApp

from payments.batching import Batcher
from payments.container import Container
from payments.devtools.keys import KeyFiles
from payments.fx import sample
from payments.http.models import ResponseModel
from payments.main import create_app
from payments.merchants.scopes import SCOPES
from payments.payments import schemas
from payments.settings import Settings
from shared.identity import ALGORITHM, Identity, Kind
from shared.ids import uuid_of
from shared.metrics import Registry
from shared.problem_catalog import SCHEMA
from shared.problems import MEDIA_TYPE
from shared.red import Requests, Templates, red_metrics
from shared.signing_keys import key_id, load_private_key
from tests.conftest import Database

VISA = "4242424242424242"
_FRESH = object()
_PROBLEMS = jsonschema_rs.validator_for(SCHEMA)
_TABLES = """
SELECT format('%I.%I', relnamespace::regnamespace, relname) FROM pg_class
 WHERE relkind IN ('r', 'p') AND NOT relispartition
   AND relnamespace::regnamespace::text IN ('payments', 'vault', 'sandbox')
"""
_OVERDUE = """
UPDATE payments.payments SET acquirer_deadline = acquirer_deadline - interval '1 hour';
UPDATE payments.operations SET acquirer_deadline = acquirer_deadline - interval '1 hour';
UPDATE payments.idempotency_keys SET deadline = deadline - interval '1 hour';
DELETE FROM payments.lookups;
"""


class Pauses:
    """How the sandbox waits in tests: not at all, unless a test holds it back."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self._go_on = asyncio.Event()
        self._go_on.set()

    async def __call__(self, seconds: float) -> None:
        self.reached.set()
        await self._go_on.wait()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep the acquirer from answering; `reached` tells that it has been asked."""
        self.reached.clear()
        self._go_on.clear()
        try:
            yield
        finally:
            self._go_on.set()


class Clock:
    """The clock of maturing and payouts: the real one, until a test moves it."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def advance(self, **time: float) -> None:
        self.ahead += timedelta(**time)


class Caller:
    """Somebody with an identity, as the gateway hands it on."""

    def __init__(self, platform: "Platform", identity: Identity) -> None:
        self.platform = platform
        self.identity = identity
        self._authorization = f"Bearer {platform.token(identity)}"
        self._cards: dict[str, str] = {}

    def but(self, **changes: Any) -> "Caller":
        """The same caller with other scopes, another mode, another merchant."""
        fields = {name: getattr(self.identity, name) for name in Identity.__slots__}
        return Caller(self.platform, Identity(**{**fields, **changes}))

    async def get(self, path: str, **arguments: Any) -> httpx2.Response:
        return await self.request("GET", path, key=None, **arguments)

    async def post(self, path: str, body: Any = None, **arguments: Any) -> httpx2.Response:
        """Post JSON, under a fresh key unless the test names one."""
        return await self.request("POST", path, json=body, **arguments)

    async def key(self, key: str) -> list[dict[str, Any]]:
        """What became of the requests that used an idempotency key."""
        uses: list[dict[str, Any]] = body_of(await self.get(f"/v1/idempotency_keys/{key}"), 200)["data"]
        return uses

    async def request(
        self, method: str, path: str, *, key: Any = _FRESH, headers: Mapping[str, str] | None = None, **arguments: Any
    ) -> httpx2.Response:
        if key is _FRESH:
            key = uuid4().hex
        keys = [key] if isinstance(key, str) else key or []
        sent = [*{"authorization": self._authorization, **(headers or {})}.items()]
        sent += [("idempotency-key", one) for one in keys]
        # As bytes, because some tests send what is no ASCII.
        raw = [(name.encode(), value.encode("latin-1")) for name, value in sent]
        response = await self.platform.client.request(method, path, headers=raw, **arguments)
        assert response.headers["x-request-id"]
        return response

    async def card(self, number: str = VISA) -> str:
        """Tokenize a card, once per number."""
        if number not in self._cards:
            body = {"number": number, "exp_month": 12, "exp_year": 2040, "cvc": "123"}
            self._cards[number] = body_of(await self.post("/v1/payment_methods", body), 201)["id"]
        return self._cards[number]

    async def payment(self, number: str = VISA, **changes: Any) -> dict[str, Any]:
        """The body of a good request for a payment."""
        return {"amount": 10_000, "currency": "EUR", "payment_method": await self.card(number), **changes}

    async def pay(self, number: str = VISA, **changes: Any) -> dict[str, Any]:
        """Make a payment, of 100.00 EUR unless told."""
        return body_of(await self.post("/v1/payments", await self.payment(number, **changes)), 201)

    async def authorize(self, number: str = VISA, **changes: Any) -> dict[str, Any]:
        """Make a payment that only holds the money."""
        return await self.pay(number, capture_method="manual", **changes)

    async def show(self, payment: str) -> dict[str, Any]:
        return body_of(await self.get(f"/v1/payments/{payment}"), 200)

    async def causes(self, payment: str) -> list[str]:
        """What the timeline says, without the times."""
        timeline = body_of(await self.get(f"/v1/payments/{payment}/timeline"), 200)
        return [f"{step['cause']}:{step['to']}" for step in timeline["data"]]

    async def balance(self, currency: str = "EUR") -> dict[str, int]:
        """Pending, available and authorized, in one currency."""
        found = body_of(await self.get("/v1/balances"), 200)["data"]
        empty = {"pending": 0, "available": 0, "authorized": 0}
        return next(({name: row[name] for name in empty} for row in found if row["currency"] == currency), empty)


class Platform:
    """One process of the service."""

    def __init__(self, database: Database, redis_url: str, keys: KeyFiles, **settings: Any) -> None:
        keys.create()
        self.database = database
        self.pauses = Pauses()
        self.signing_key = load_private_key(keys.identity)
        self.key_id = key_id(self.signing_key.public_key())
        chosen = {
            "database_url": database.url,
            "redis_url": redis_url,
            "identity_jwks_file": keys.identity_jwks,
            "keyring_file": keys.keyring,
            "vault_key_file": keys.vault,
            "acquirer_seconds": 3,
            **settings,
        }
        self.clock = Clock()
        self.container = Container(Settings(**chosen), sandbox_delay=self.pauses, clock=self.clock)
        self.app = create_app(self.container)
        self.client = client_of(self.app)

    async def __aenter__(self) -> Self:
        await self.container.open()
        await self.container.fraud.rebuild()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.client.aclose()
        await self.container.close()

    def token(self, identity: Identity) -> str:
        """Sign an identity as the gateway does, but for long enough that no test is too slow for it."""
        claims = identity.claims(int(time()))
        lasting = claims | {"exp": claims["iat"] + 600}
        return jwt.encode(lasting, self.signing_key, ALGORITHM, headers={"kid": self.key_id})

    def caller(self, kind: Kind, merchant: UUID | None = None, *roles: str, scopes: Sequence[str] = ()) -> Caller:
        return Caller(self, Identity("somebody", kind, merchant, False, frozenset(scopes), frozenset(roles)))

    async def set_rates(self) -> None:
        """Have exchange rates for the usual currencies."""
        body_of(await self.admin.request("PUT", "/v1/fx/rates", key=None, json=sample.rates()), 200)

    @property
    def admin(self) -> Caller:
        return self.caller("person", None, "admin")

    async def shop(self, basis_points: int = 0, fixed: int = 0, currency: str = "EUR", **terms: Any) -> Caller:
        """Take a merchant on; its fees are zero unless told."""
        body = {
            "name": "Blue Bottle Books",
            "country": "DE",
            "category_code": "5942",
            "settlement_currency": currency,
            "fee": {"basis_points": basis_points, "fixed": fixed},
            # Payments of tests repeat a lot; what fraud makes of that is tested where it is the subject.
            "fraud": {"review_threshold": 101, "decline_threshold": 101, "fallback_policy": "approve"},
            **terms,
        }
        merchant = body_of(await self.admin.post("/v1/merchants", body, key=None), 201)
        return self.caller("api_key", uuid_of("mer", merchant["id"]), scopes=SCOPES)

    @contextmanager
    def sql(self, role: str = "owner") -> Iterator[psycopg.Connection[Any]]:
        """A connection as the role that owns the tables, or as the application's (`app`)."""
        url = self.database.owner_url if role == "owner" else self.database.url
        with psycopg.connect(url, autocommit=True) as connection:
            yield connection

    def rows(self, query: str, *parameters: Any) -> list[Any]:
        with self.sql() as connection:
            return connection.execute(query, parameters or None).fetchall()

    def contents(self) -> dict[str, tuple[int, int]]:
        """What every table holds: its number of rows and a sum of their hashes."""
        with self.sql() as connection:
            names = [name for (name,) in connection.execute(_TABLES)]
            assert len(names) > 10
            query = "SELECT '{0}', count(*), coalesce(sum(hashtextextended(t::text, 0)), 0) FROM {0} t"
            union = " UNION ALL ".join(query.format(name) for name in names)
            return {name: (count, total) for name, count, total in connection.execute(union.encode())}

    def let_deadlines_pass(self) -> None:
        """Put the deadlines of all unanswered calls into the past."""
        with self.sql() as connection:
            connection.execute(_OVERDUE)

    def let_acquirer_decide(self) -> None:
        """Let the time pass that the sandbox takes for a decision it postponed."""
        with self.sql() as connection:
            connection.execute("UPDATE sandbox.operations SET created_at = created_at - interval '1 hour'")
        self.let_pauses_pass()

    def let_pauses_pass(self) -> None:
        """Let recovery ask again at once."""
        with self.sql() as connection:
            connection.execute("DELETE FROM payments.lookups")

    async def die(self) -> None:
        """Lose what only memory knows: the acquirer's answers under way are never stored."""
        calls = list(self.container.calls._under_way)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)


@asynccontextmanager
async def platform_on(database: Database, redis_url: str, folder: Path, **settings: Any) -> AsyncIterator[Platform]:
    """The service on a database, with its keys in a folder."""
    async with Platform(database, redis_url, KeyFiles(folder), **settings) as platform:
        yield platform


def unmeasured() -> Requests:
    """Counts requests where no test looks."""
    return Requests(Registry(red_metrics("payments")), "payments", Templates(()))


def environment_of(settings: Settings) -> dict[str, str]:
    """The settings as a process of its own reads them."""
    values = settings.model_dump(mode="json", exclude_none=True)
    return {
        f"PAYMENTS_{name.upper()}": value if isinstance(value, str) else json.dumps(value)
        for name, value in values.items()
    }


def client_of(app: ASGIApp) -> httpx2.AsyncClient:
    """A client of an application in process."""
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://payments")


class _Queue(deque[Any]):
    """Tells when it holds so many items."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.filled = asyncio.Event()
        self._size = size

    def append(self, item: Any) -> None:
        super().append(item)
        if len(self) == self._size:
            self.filled.set()


async def together(
    batcher: Batcher[Any, Any], requests: Sequence[Coroutine[Any, Any, httpx2.Response]]
) -> list[httpx2.Response]:
    """Let all requests but the last queue up, as while commits are in flight; the last one sets the queue going."""
    *queued, last = requests
    lanes, batcher._lanes = batcher._lanes, 0
    batcher._queue = queue = _Queue(len(queued))
    answers = asyncio.gather(*queued)
    await queue.filled.wait()
    batcher._lanes = lanes
    last_answer = await last
    return [*await answers, last_answer]


async def limit(merchant: Caller, **limits: int) -> None:
    """Set the limits of a merchant."""
    assert merchant.identity.merchant_id is not None
    path = f"/v1/merchants/mer_{merchant.identity.merchant_id.hex}/limits"
    body_of(await merchant.platform.admin.request("PUT", path, key=None, json=limits), 200)


def body_of(response: httpx2.Response, status: int) -> dict[str, Any]:
    """The body of a response that must have succeeded; payments and refunds must fit their schema."""
    assert response.status_code == status, response.text
    body: dict[str, Any] = response.json()
    models: dict[str, type[ResponseModel]] = {"payment": schemas.Payment, "refund": schemas.Refund}
    model = models.get(body.get("object", ""))
    if model is not None:
        model.model_validate(body)
    return body


def problem_of(response: httpx2.Response, status: int, code: str, *pointers: str) -> dict[str, Any]:
    """The problem that a response must be, complete and precise."""
    assert response.status_code == status, response.text
    problem: dict[str, Any] = response.json()
    _PROBLEMS.validate(problem)
    assert response.headers["content-type"] == MEDIA_TYPE
    assert (problem["code"], problem["status"]) == (code, status)
    assert (problem["type"], problem["title"]) == (f"urn:problem:payments:{code}", HTTPStatus(status).phrase)
    assert problem["instance"] == response.request.url.path
    assert problem["request_id"] == response.headers["x-request-id"]
    assert [error["pointer"] for error in problem.get("errors", [])] == list(pointers)
    assert len(problem["detail"]) > 10
    return problem
