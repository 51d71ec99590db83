"""`kill -9` of a real service process between a commit and its reply; another process takes over its work."""

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx2
import pytest

from payments.devtools.ports import free_port
from payments.settings import Settings
from tests.faults.evidence import check_books, check_one_capture_per_key, operations_per_key
from tests.faults.load import Load
from tests.faults.wire import CHANGE, CREATION, Proxy
from tests.support import Caller, body_of, environment_of, problem_of

_KEYS = [f"key {number}" for number in range(200)]
_ACQUIRER = "INSERT INTO sandbox.operations"
SLOW, REFUND_LOST = "4000009000000052", "4000009000000102"


class Service:
    """The payments service in a process of its own, behind the proxy."""

    def __init__(self, settings: Settings, caller: Caller) -> None:
        self._settings = settings
        self._caller = caller

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Process]:
        port = free_port()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "shared.serving", "payments.main:app_factory", "--port", str(port)),
            env={**os.environ, **environment_of(self._settings)},
            stdin=DEVNULL,
            stdout=DEVNULL,
            stderr=PIPE,
        )
        limits = httpx2.Limits(max_connections=None)
        try:
            await _ready(process)
            reading = asyncio.create_task(_drain(process))
            async with httpx2.AsyncClient(
                base_url=f"http://127.0.0.1:{port}", timeout=30, limits=limits
            ) as self.client:
                yield process
            reading.cancel()
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def post(self, path: str, body: Any, key: str) -> httpx2.Response:
        headers = {"authorization": self._caller._authorization, "idempotency-key": key}
        return await self.client.post(path, json=body, headers=headers)


async def _ready(process: Process) -> None:
    """Return when the server says that it listens."""
    assert process.stderr is not None
    said = b""
    async with asyncio.timeout(60):
        while b"Uvicorn running" not in said:
            line = await process.stderr.readline()
            assert line, said.decode()
            said += line


async def _drain(process: Process) -> None:
    assert process.stderr is not None
    while await process.stderr.readline():
        pass


@pytest.fixture
def service(shop: Caller) -> Service:
    return Service(shop.platform.container.settings, shop)


async def test_payments_survive(shop: Caller, service: Service, proxy: Proxy):
    body = await shop.payment()

    async def post(key: str) -> httpx2.Response:
        return await service.post("/v1/payments", body, key)

    load = Load(_KEYS, post)
    async with service.running() as process, load.running(clients=24, until=60):
        proxy.cut(CREATION, "never")
        await proxy.reached.wait()
        process.kill()
    assert 60 <= len(load.done()) < len(_KEYS)
    load.check_the_others_know_that_they_do_not_know()
    async with service.running():
        again = await load.repeat(post)
    load.check_repeated(again)
    replayed = [key for key, answer in again.items() if "idempotent-replayed" in answer.headers]
    assert len(replayed) > len(load.done()), "something was committed and not answered"
    check_one_capture_per_key(shop, len(_KEYS))


@pytest.mark.parametrize("write", [CREATION, _ACQUIRER, CHANGE], ids=["intent", "call", "answer"])
async def test_a_payment_in_the_external_order_survives(shop: Caller, service: Service, proxy: Proxy, write: str):
    body = await shop.payment(SLOW)
    async with service.running() as process:
        proxy.cut(write, "never")
        request = asyncio.create_task(service.post("/v1/payments", body, "six"))
        await proxy.reached.wait()
        process.kill()
        with pytest.raises(httpx2.TransportError):
            await request
    platform = shop.platform
    if write != CHANGE:
        waiting = await shop.post("/v1/payments", body, key="six")
        assert problem_of(waiting, 409, "idempotency_key_in_use")["effect"] == "unknown"
        assert 1 <= int(waiting.headers["retry-after"]) <= 10
    platform.let_deadlines_pass()
    told = body_of(await shop.post("/v1/payments", body, key="six"), 201)
    assert told["status"] == ("captured" if write == CHANGE else "unknown")
    await platform.container.recovery.resolve_unknown()
    # An intent that never reached the acquirer is evidently without effect.
    assert (await shop.show(told["id"]))["status"] == ("failed" if write == CREATION else "captured")
    assert body_of(await shop.post("/v1/payments", body, key="six"), 201) == told
    check_books(shop)


@pytest.mark.parametrize("write", [CHANGE, _ACQUIRER], ids=["intent", "call"])
async def test_a_refund_in_the_external_order_survives(shop: Caller, service: Service, proxy: Proxy, write: str):
    path = f"/v1/payments/{(await shop.pay(REFUND_LOST))['id']}"
    async with service.running() as process:
        proxy.cut(write, "never")
        request = asyncio.create_task(service.post(f"{path}/refunds", {"amount": 400}, "seven"))
        await proxy.reached.wait()
        process.kill()
        with pytest.raises(httpx2.TransportError):
            await request
    platform = shop.platform
    problem_of(await shop.post(f"{path}/refunds", {"amount": 400}, key="seven"), 409, "idempotency_key_in_use")
    problem_of(await shop.post(f"{path}/refunds", {"amount": 9_601}), 422, "amount_too_large", "/amount")
    platform.let_deadlines_pass()
    await platform.container.recovery.resolve_unknown()
    assert body_of(await shop.post(f"{path}/refunds", {"amount": 400}, key="seven"), 201)["status"] == "unknown"
    refunded = 0 if write == CHANGE else 400
    assert body_of(await shop.get(path), 200)["amount_refunded"] == refunded
    assert body_of(await shop.post(f"{path}/refunds", {}), 201)["amount"] == 10_000 - refunded
    assert operations_per_key(shop)["seven"] == 1
    check_books(shop)
