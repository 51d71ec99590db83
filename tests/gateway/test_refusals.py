"""New payments that find no place: refused before they become requests, with the same answer as the long way gives."""

import asyncio
import json
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio

from gateway.admission import Admission
from gateway.metrics import CATALOGUE
from gateway.proxy import Proxy
from gateway.refusals import Refusals
from shared.metrics import Registry
from shared.red import ROUTES, Requests, Templates
from tests.gateway.support import KEY, raw, reply

BODY = b'{"amount": 1}'
PLACES = 3


def request(
    *,
    method: str = "POST",
    target: str = "/v1/payments",
    key: str = KEY,
    headers: tuple[str, ...] = (),
    body: bytes = BODY,
) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", "host: gateway", f"authorization: Bearer {key}", *headers]
    return "\r\n".join([*lines, f"content-length: {len(body)}", "", ""]).encode() + body


class Client:
    """One connection, and what comes back on it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def ask(self, data: bytes) -> tuple[str, list[str], dict]:
        """Return the status line, the headers but for the date, in order, and the document."""
        self.writer.write(data)
        return await self.answer()

    async def answer(self) -> tuple[str, list[str], dict]:
        async with asyncio.timeout(60):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[:-2]
            length = next(int(line.partition(": ")[2]) for line in head if line.startswith("content-length"))
            document = json.loads(await self.reader.readexactly(length))
        return head[0], sorted(line for line in head[1:] if not line.startswith("date:")), document


@pytest.fixture
def settings(settings):
    return settings.model_copy(update={"upstream_connections": PLACES})


@pytest_asyncio.fixture
async def connect(gateway):
    open_ = []

    async def connect() -> Client:
        client = Client(*await asyncio.open_connection("127.0.0.1", gateway.port))
        open_.append(client)
        return client

    yield connect
    for client in open_:
        client.writer.close()


@pytest_asyncio.fixture
async def used(connect):
    """A connection that has carried a request: a first one always goes the long way."""
    client = await connect()
    status, _, _ = await client.ask(request())
    assert status == "HTTP/1.1 200 OK"
    return client


@asynccontextmanager
async def full(gateway, payments):
    """Every place is taken."""
    go_on = asyncio.Event()

    async def answer(_, writer):
        await go_on.wait()
        writer.write(reply())

    payments.answer = answer
    seen = len(payments.seen)
    under_way = [asyncio.create_task(gateway.http.post("/v1/payments")) for _ in range(PLACES)]
    async with asyncio.timeout(60):
        while len(payments.seen) < seen + PLACES:  # noqa: ASYNC110 - they are on their way
            await asyncio.sleep(0)
    try:
        yield
    finally:
        go_on.set()
        await asyncio.gather(*under_way)
        payments.answer = raw(reply())


async def test_the_short_way_says_what_the_long_way_says(gateway, payments, used, connect):
    headers = ("x-request-id: of_the_client",)
    async with full(gateway, payments):
        seen = len(payments.seen)
        short = await used.ask(request(headers=headers))
        assert short == await (await connect()).ask(request(headers=headers))
        assert len(payments.seen) == seen
    status, lines, document = short
    assert status == "HTTP/1.1 503 Service Unavailable"
    assert (document["code"], document["request_id"], document["retryable"]) == ("overloaded", "of_the_client", True)
    assert "retry-after: 1" in lines


async def test_it_is_really_taken(gateway, payments, used, monkeypatch):
    async def never(*_):
        raise AssertionError("the long way")

    async with full(gateway, payments):
        monkeypatch.setattr(Proxy, "__call__", never)
        first, second = await used.ask(request()), await used.ask(request())
    assert first[0] == second[0] == "HTTP/1.1 503 Service Unavailable"
    assert first[2]["request_id"] != second[2]["request_id"]


async def test_the_connection_goes_on(gateway, payments, used):
    async with full(gateway, payments):
        await used.ask(request())
    status, _, document = await used.ask(request())
    assert (status, document) == ("HTTP/1.1 200 OK", {})


async def test_a_body_that_comes_later_belongs_to_the_refused_one(gateway, payments, used):
    whole = request(body=b'{"amount": 12345}')
    async with full(gateway, payments):
        status, _, _ = await used.ask(whole[:-10])
        assert status == "HTTP/1.1 503 Service Unavailable"
    used.writer.write(whole[-10:])
    assert (await used.ask(request()))[0] == "HTTP/1.1 200 OK"
    assert payments.seen[-1].body == BODY


async def test_a_refused_request_that_turns_out_to_be_nonsense_gets_no_second_answer(gateway, payments, used):
    async with full(gateway, payments):
        head = f"POST /v1/payments HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer {KEY}\r\n"
        status, _, _ = await used.ask(f"{head}transfer-encoding: chunked\r\n\r\nnot a size\r\n".encode())
        assert status == "HTTP/1.1 503 Service Unavailable"
        async with asyncio.timeout(60):
            assert await used.reader.read() == b""


async def test_answers_keep_their_order(gateway, payments, used):
    async with full(gateway, payments):
        used.writer.write(
            request(headers=("x-request-id: number_one",)) + request(headers=("x-request-id: number_two",))
        )
        assert [(await used.answer())[2]["request_id"] for _ in range(2)] == ["number_one", "number_two"]


@pytest.mark.parametrize(
    "other",
    [
        request(method="GET", body=b""),
        request(target="/v1/payments/pay_1/capture"),
        request(headers=("connection: close",)),
        request(key="somebody"),
        request(headers=("expect: 100-continue",)),
    ],
    ids=["reading", "another route", "the last request", "people", "a body that was not sent yet"],
)
async def test_everything_else_goes_the_long_way(gateway, payments, used, other, monkeypatch):
    asked = []
    before = Proxy.__call__

    async def spy(self, scope, receive, send):
        asked.append(scope["path"])
        await before(self, scope, receive, send)

    monkeypatch.setattr(Proxy, "__call__", spy)
    async with full(gateway, payments):
        asked.clear()
        await used.ask(other)
        assert len(asked) == 1


async def test_what_comes_at_once_is_counted_before_it_takes_its_place():
    refuse = Refusals(Admission(PLACES), Requests(Registry(CATALOGUE), "gateway", Templates(ROUTES)))
    assert [refuse.needed() for _ in range(PLACES + 2)] == [False] * PLACES + [True] * 2
    await asyncio.sleep(0)  # by now they have taken it, or gone another way
    assert not refuse.needed()


def test_it_is_counted():
    registry, admission = Registry(CATALOGUE), Admission(0)
    requests = Requests(registry, "gateway", Templates(ROUTES))
    refuse = Refusals(admission, requests)
    answer = refuse(b"POST", b"/v1/payments", [(b"authorization", b"Bearer sk_test_1")])
    assert answer is not None
    assert (answer[0], admission.shed, requests.in_flight.value) == (503, 1, 0)
    durations = registry.histogram("gateway_http_request_duration_seconds").of("POST", "/v1/payments", "503")
    assert sum(durations.counts) == 1
