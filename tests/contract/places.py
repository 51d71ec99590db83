"""The three places where the same platform runs: in this process, as ``make dev`` does, and as a Lambda function."""

import asyncio
import base64
import http.client
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from starlette.types import ASGIApp

from gateway.in_process import InProcess
from gateway.upstream import Request
from payments.container import Container
from payments.devtools.keys import PEOPLE_AUDIENCE, PEOPLE_ISSUER, KeyFiles
from payments.devtools.platform import QUOTA
from payments.devtools.state import State
from payments.fx import sample
from payments.settings import Settings
from tests.conftest import Database
from tests.contract.client import Answer, Client
from tests.serverless.runtime import Function, http_event


def environment(database: Database, redis_url: str, keys: KeyFiles) -> dict[str, str]:
    """Settings of both services in one process."""
    keys.create()
    return {
        "PAYMENTS_DATABASE_URL": database.url,
        "PAYMENTS_REDIS_URL": redis_url,
        "PAYMENTS_IDENTITY_JWKS_FILE": str(keys.identity_jwks),
        "PAYMENTS_KEYRING_FILE": str(keys.keyring),
        "PAYMENTS_VAULT_KEY_FILE": str(keys.vault),
        "GATEWAY_REDIS_URL": redis_url,
        "GATEWAY_IDENTITY_KEY_FILE": str(keys.identity),
        "GATEWAY_PEOPLE_JWKS_FILE": str(keys.people_jwks),
        "GATEWAY_PEOPLE_ISSUER": PEOPLE_ISSUER,
        "GATEWAY_PEOPLE_AUDIENCE": PEOPLE_AUDIENCE,
        "GATEWAY_CONSOLE_CLIENT_ID": "console",
        **{f"GATEWAY_{kind}_LIMIT": QUOTA for kind in ("WRITE", "READ", "ADMIN", "UNAUTHENTICATED")},
    }


def set_rates(place: "InThisProcess | OverHttp | OnLambda") -> None:
    """Have exchange rates, as ``make dev`` has."""
    answer = Client(place).admin.send("PUT", "/v1/fx/rates", sample.rates())
    assert answer.status == 200, answer


def count_again(loop: asyncio.AbstractEventLoop) -> None:
    """Do what the worker does for an empty Redis, so that fraud signals come from there."""

    async def rebuild() -> None:
        container = Container(Settings())
        await container.open()
        await container.fraud.rebuild()
        await container.close()

    asyncio.run_coroutine_threadsafe(rebuild(), loop).result()


class InThisProcess:
    """The application itself, on an event loop of its own."""

    name = "in process"

    def __init__(self, application: ASGIApp, loop: asyncio.AbstractEventLoop, admin_token: str) -> None:
        self.admin_token = admin_token
        self._application = InProcess(application)
        self._loop = loop

    def send(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        url = urlsplit(target)
        sent = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
        request = Request(method, url.path.encode(), url.query.encode(), sent, body, repeatable=False, timeout=60)
        response = asyncio.run_coroutine_threadsafe(self._application.send(request), self._loop).result()
        answered = {name.decode().lower(): value.decode("latin-1") for name, value in response.headers}
        return Answer(response.status, answered, response.body)


@asynccontextmanager
async def alive(application: ASGIApp) -> AsyncIterator[None]:
    """Start an application, and stop it at the end, as a server does."""
    to_application: asyncio.Queue[Any] = asyncio.Queue()
    answers: asyncio.Queue[Any] = asyncio.Queue()
    scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}
    running = asyncio.create_task(cast("Any", application(scope, to_application.get, answers.put)))
    try:
        for step in ("startup", "shutdown"):
            await to_application.put({"type": f"lifespan.{step}"})
            answer = await answers.get()
            assert answer["type"] == f"lifespan.{step}.complete", answer
            if step == "startup":
                yield
    finally:
        await running


@contextmanager
def on(loop: asyncio.AbstractEventLoop, context: AbstractAsyncContextManager[None]) -> Iterator[None]:
    """Enter and leave an asynchronous context on a loop that runs in another thread."""

    async def stay() -> None:
        async with context:
            entered.set()
            await asyncio.wrap_future(leave)

    entered, leave = threading.Event(), Future[None]()
    staying = asyncio.run_coroutine_threadsafe(stay(), loop)
    staying.add_done_callback(lambda _: entered.set())
    entered.wait()
    try:
        yield
    finally:
        leave.set_result(None)
        staying.result()


@contextmanager
def running_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop in a thread, which goes on between requests, as a server's does."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


class OverHttp:
    """``make dev``, through the gateway's port."""

    name = "laptop"

    def __init__(self, state: State) -> None:
        self.admin_token = state.admin_token
        self._address = urlsplit(state.gateway_url).netloc

    def send(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        connection = http.client.HTTPConnection(self._address, timeout=60)
        try:
            connection.request(method, target, body or None, {**headers})
            response = connection.getresponse()
            answered = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, answered, response.read())
        finally:
            connection.close()


class OnLambda:
    """The bundle, behind an HTTP API's events."""

    name = "lambda"

    def __init__(self, function: Function, admin_token: str) -> None:
        self.admin_token = admin_token
        self._function = function

    def send(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        result = self._function.invoke(http_event(method, target, headers, body))
        content = result.get("body", "")
        decoded = base64.b64decode(content) if result["isBase64Encoded"] else content.encode()
        return Answer(result["statusCode"], result.get("headers", {}), decoded)


def key_files(folder: Path) -> KeyFiles:
    """Keys of one place."""
    keys = KeyFiles(folder / "keys")
    keys.create()
    return keys
