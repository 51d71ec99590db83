"""The service on one database: what reaches it, what time does to it, and how it dies."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar
from uuid import UUID

import httpx2
import psycopg
from psycopg.rows import dict_row

from payments.connectors.sandbox.connector import Timings
from payments.devtools.keys import KeyFiles
from tests.conftest import Database
from tests.payments.machine.model import FOREIGN, MID, SETTLEMENT
from tests.payments.machine.orders import Crash, Order, play_of
from tests.support import Caller, Platform, body_of

T = TypeVar("T")

_PATHS = {"create": "/v1/payments", "capture": "{}/capture", "void": "{}/void", "refund": "{}/refunds"}
# What time does, to one merchant only: the runs before left many behind.
_OVERDUE = (
    "UPDATE payments.payments SET acquirer_deadline = acquirer_deadline - interval '1 hour' WHERE merchant_id = %s",
    "UPDATE payments.operations SET acquirer_deadline = acquirer_deadline - interval '1 hour' WHERE merchant_id = %s",
    "UPDATE payments.idempotency_keys SET deadline = deadline - interval '1 hour' WHERE merchant_id = %s",
)
_FORGOTTEN = (
    "UPDATE payments.payments SET acquirer_deadline = NULL WHERE merchant_id = %s",
    "UPDATE payments.operations SET acquirer_deadline = NULL WHERE merchant_id = %s",
)
_DECIDED = "UPDATE sandbox.operations SET created_at = created_at - interval '1 hour' WHERE outcome = 'pending'"
_EXPIRED = (
    "UPDATE payments.payments SET expires_at = now() - interval '1 minute' WHERE id = %s AND expires_at IS NOT NULL"
)


class World:
    """One process of the service after the other, for all runs."""

    def __init__(self, database: Database, redis_url: str, keys: KeyFiles) -> None:
        # The role that owns the tables; the service is not asked about itself.
        self.database = psycopg.connect(database.owner_url, autocommit=True, row_factory=dict_row)
        self._runner = asyncio.Runner()
        self._start = lambda: _slow_platform(database, redis_url, keys)
        self.platform = self._start()
        self.run(self._open())

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Wait for something that the service does."""
        return self._runner.run(work)

    def close(self) -> None:
        """Stop everything."""
        self.run(self.platform.__aexit__())
        self._runner.close()
        self.database.close()

    async def _open(self) -> None:
        await self.platform.container.open()
        rate = {"base": FOREIGN, "quote": SETTLEMENT, "rate": str(float(MID)), "source": "desk"}
        body_of(await self.platform.admin.request("PUT", "/v1/fx/rates", key=None, json=rate), 200)

    async def restart(self) -> None:
        """Go on with a process that knows nothing."""
        await self.platform.die()
        await self.platform.__aexit__()
        self.platform = self._start()
        await self.platform.container.open()

    def let_deadlines_pass(self, merchant: UUID) -> None:
        """Put the deadlines of a merchant's unanswered calls into the past."""
        for statement in _OVERDUE:
            self.database.execute(statement, [merchant])

    def let_expire(self, payment: UUID) -> None:
        """Put the end of an authorization into the past."""
        self.database.execute(_EXPIRED, [payment])

    def let_acquirer_decide(self) -> None:
        """Let the time pass that the sandbox takes for decisions it postponed."""
        self.database.execute(_DECIDED)

    def forget(self, merchant: UUID) -> None:
        """Hide what a run that failed left open from the recovery of the next ones."""
        for statement in _FORGOTTEN:
            self.database.execute(statement, [merchant])


def _slow_platform(database: Database, redis_url: str, keys: KeyFiles) -> Platform:
    """The service with times far beyond a run's length: they pass when the machine says so."""
    platform = Platform(database, redis_url, keys, acquirer_seconds=1800)
    platform.container.sandbox._timings = Timings(pending=1800)
    return platform


class Client:
    """A merchant's client, which outlives the service's processes."""

    def __init__(self, world: World, shop: Caller) -> None:
        assert shop.identity.merchant_id is not None
        self.merchant = shop.identity.merchant_id
        self._world = world
        self._shop = shop

    @property
    def caller(self) -> Caller:
        """The client as the process that runs now knows it."""
        self._shop.platform = self._world.platform
        return self._shop

    async def post(self, order: Order, payment: str, copies: int = 1) -> list[httpx2.Response]:
        """Send copies of one request at once; return the answers, the one that did the work first."""
        body = await self._body(order)
        path = _PATHS[order.kind].format(f"/v1/payments/{payment}")
        requests = [self.caller.post(path, body, key=order.key) for _ in range(copies)]
        return sorted(await asyncio.gather(*requests), key=lambda answer: "idempotent-replayed" in answer.headers)

    async def find(self, order: Order) -> str:
        """Learn what became of a creation, as a client does whose request broke."""
        uses = body_of(await self.caller.get(f"/v1/idempotency_keys/{order.key}"), 200)["data"]
        return next(str(use["resource"]) for use in uses if use["path"] == "/v1/payments")

    async def post_and_crash(self, order: Order, payment: str, card: str, crash: Crash) -> None:
        """Let the process die at one moment of a request; another one takes over."""
        if crash == "before the reply" or not play_of(card, order.kind).external:
            await self.post(order, payment)
        else:
            await self._crash_in_call(order, payment, after=crash == "after the call")
        await self._world.restart()

    async def _crash_in_call(self, order: Order, payment: str, *, after: bool) -> None:
        sandbox: Any = self._world.platform.container.sandbox
        call: Callable[..., Coroutine[Any, Any, Any]] = sandbox._call
        reached = asyncio.Event()

        async def held_back(*arguments: Any) -> None:
            if after:
                await call(*arguments)
            reached.set()
            await asyncio.Event().wait()

        sandbox._call = held_back
        request = asyncio.create_task(self.post(order, payment))
        await reached.wait()
        await self._world.platform.die()
        await asyncio.gather(request, return_exceptions=True)

    async def _body(self, order: Order) -> dict[str, Any]:
        if order.kind == "create":
            method = "manual" if order.manual else "automatic"
            return await self.caller.payment(
                order.card, amount=order.amount, currency=order.currency, capture_method=method
            )
        body: dict[str, Any] = {} if order.amount is None else {"amount": order.amount}
        return {**body, "final": order.final} if order.kind == "capture" else body
