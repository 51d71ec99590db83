"""What passes through the gateway, and what does not."""

import asyncio
import json
import re

import pytest

from gateway.container import build
from gateway.upstream import Response
from tests.gateway.support import KEY, KEY_ENTRY, exchange, raw, reply

AUTHORIZED = f"Authorization: Bearer {KEY}\r\n"


def problem(response):
    assert response.headers["content-type"] == "application/problem+json"
    document = response.json()
    assert document["request_id"] == response.headers["x-request-id"]
    return document


async def send(gateway, start: str, headers: str = AUTHORIZED, body: bytes = b"") -> tuple[int, bytes]:
    """Send a request whose start line no client library would write."""
    answer = await exchange(gateway.port, f"{start} HTTP/1.1\r\nHost: x\r\n{headers}\r\n".encode() + body)
    return int(answer.split(b" ", 2)[1]), answer


async def test_a_request_arrives_whole(gateway, payments):
    payments.answer = raw(reply(b'{"id":"pay_1"}', "201 Created", ("location: /v1/payments/pay_1", "etag: x")))
    response = await gateway.http.post(
        "/v1/payments?expand=a&expand=b%20c", content=b'{"amount":1}', headers={"content-type": "application/json"}
    )
    assert (response.status_code, response.json()) == (201, {"id": "pay_1"})
    assert response.headers["location"] == "/v1/payments/pay_1"
    assert response.headers["etag"] == "x"
    (seen,) = payments.seen
    assert (seen.method, seen.target, seen.body) == ("POST", "/v1/payments?expand=a&expand=b%20c", b'{"amount":1}')
    assert seen.one("content-type") == "application/json"
    assert seen.one("host") == f"127.0.0.1:{payments.port}"
    assert seen.one("content-length") == "12"


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_methods_pass(gateway, payments, method):
    response = await gateway.http.request(method, "/v1/things/1")
    assert response.status_code == 200
    assert payments.seen[0].method == method


@pytest.mark.parametrize("method", ["TRACE", "PROPFIND"])
async def test_other_methods_do_not(gateway, payments, method):
    status, answer = await send(gateway, f"{method} /v1/things")
    assert status == 405
    assert b"allow: DELETE, GET" in answer
    assert payments.seen == []


async def test_the_body_of_head_stays_away_and_the_next_answer_is_the_right_one(gateway, payments):
    async def answer(seen, writer):
        writer.write(reply(b"x" * 7)[:-7] if seen.method == "HEAD" else reply(b'{"n":2}'))

    payments.answer = answer
    head = await gateway.http.head("/v1/things")
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", "7")
    assert (await gateway.http.get("/v1/things")).json() == {"n": 2}


async def test_answers_without_a_body(gateway, payments):
    payments.answer = raw(b"HTTP/1.1 204 No Content\r\n\r\n")
    for _ in range(2):
        response = await gateway.http.delete("/v1/things/1")
        assert (response.status_code, response.content) == (204, b"")
    assert payments.connections == 1


class TestHeaders:
    async def test_those_that_payments_understands_pass(self, gateway, payments):
        trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        sent = {"traceparent": trace, "tracestate": "a=b", "accept-language": "de", "if-none-match": "x"}
        await gateway.http.get("/v1/payments", headers=sent)
        assert {name: payments.seen[0].one(name) for name in sent} == sent | {"traceparent": trace[:-2] + "00"}

    async def test_a_repeated_idempotency_key_arrives_repeated(self, gateway, payments):
        await gateway.http.post("/v1/payments", headers=[("idempotency-key", "a"), ("idempotency-key", '"b"')])
        assert payments.seen[0].all("idempotency-key") == ["a", '"b"']

    async def test_everything_else_stops_here(self, gateway, payments):
        headers = (
            "Connection: keep-alive\r\nKeep-Alive: 1\r\nTE: trailers\r\nProxy-Authorization: x\r\nCookie: a=b\r\n"
            "X-Forwarded-For: 10.0.0.1\r\nForwarded: for=10.0.0.1\r\nX-Real-IP: 10.0.0.1\r\nX-Merchant: mer_1\r\n"
        )
        status, _ = await send(gateway, "GET /v1/payments", AUTHORIZED + headers)
        assert status == 200
        ours = {"host", "authorization", "x-request-id", "x-request-timeout"}
        assert {name for name, _ in payments.seen[0].headers} == ours

    async def test_the_clients_credential_is_replaced(self, gateway, payments):
        await gateway.http.get("/v1/payments")
        authorization = payments.seen[0].one("authorization")
        assert authorization.startswith("Bearer ey")
        assert KEY not in authorization

    async def test_headers_named_by_connection_are_of_the_connection(self, gateway, payments):
        await send(gateway, "GET /v1/payments", AUTHORIZED + "Connection: close, TraceState\r\nTracestate: a=b\r\n")
        assert payments.seen[0].all("tracestate") == []

    async def test_nothing_of_the_inner_connection_comes_out(self, gateway, payments):
        inner = ("server: uvicorn", "date: Thu, 01 Jan 1970 00:00:00 GMT", "keep-alive: 1", "x-hop: 1")
        payments.answer = raw(reply(headers=(*inner, "connection: keep-alive, x-hop", "x-request-id: req_inner")))
        response = await gateway.http.get("/v1/payments")
        assert {"server", "keep-alive", "connection", "x-hop"}.isdisjoint(response.headers)
        assert "1970" not in response.headers.get("date", "")
        assert response.headers.get_list("x-request-id") == [payments.seen[0].one("x-request-id")]

    async def test_the_length_of_the_body_is_said_once(self, gateway, payments):
        await send(gateway, "POST /v1/payments", AUTHORIZED + "Transfer-Encoding: chunked\r\n", b"2\r\n{}\r\n0\r\n\r\n")
        assert payments.seen[0].all("content-length") == ["2"]
        assert payments.seen[0].all("transfer-encoding") == []
        assert payments.seen[0].body == b"{}"


class TestRequestId:
    @pytest.mark.parametrize("given", ["abcdefgh", "A-Z_0-9_" * 8])
    async def test_a_well_formed_one_is_kept(self, gateway, payments, given):
        response = await gateway.http.get("/v1/payments", headers={"x-request-id": given})
        assert response.headers["x-request-id"] == payments.seen[0].one("x-request-id") == given

    @pytest.mark.parametrize(
        "given", ["short", "x" * 65, "has space", "semi;colon", "<script>", "", "4242424242424242"]
    )
    async def test_any_other_is_replaced(self, gateway, payments, given):
        response = await gateway.http.get("/v1/payments", headers={"x-request-id": given})
        assert re.fullmatch("req_[0-9a-f]{32}", response.headers["x-request-id"])
        assert response.headers["x-request-id"] == payments.seen[0].one("x-request-id")

    async def test_the_gateways_own_routes_have_one(self, gateway):
        response = await gateway.http.get("/health/live", headers={"x-request-id": "my-own-id"})
        assert response.headers["x-request-id"] == "my-own-id"
        assert response.json() == {"status": "ok"}


class TestPaths:
    @pytest.mark.parametrize(
        "path",
        [
            "/internal/api_keys/verify",
            "/INTERNAL/api_keys/verify",
            "//internal/api_keys/verify",
            "/v1",
            "/v1/",
            "/v1/payments/",
            "/v1//payments",
            "/v1//internal/api_keys/verify",
            "//v1/payments",
            "/v1/../internal/api_keys/verify",
            "/v1/./payments",
            "/v1/..",
            "/v1/payments/..",
            "/v1/%2e%2e/internal/api_keys/verify",
            "/v1/.%2E/internal/api_keys/verify",
            "/v1/%252e%252e/internal",
            "/v1/%25252e%25252e/internal",
            "/v1/..%2finternal",
            "/v1/a%2Fb",
            "/v1/a%252fb",
            "/v1/..%5cinternal",
            "/v1/a%00",
            "/v1/a%0d%0aX-Evil:1",
            "/v1/a%7f",
            "/v1/a%zz",
            "/v1/a%",
            "/v1/a|b",
            "/v1/a\\..\\internal",
            "/%76%31/payments",
            "/v1%2fpayments",
            "/v2/payments",
            "/V1/payments",
            "/metrics",
            "/redoc",
            "/docs/",
            "http://127.0.0.1/internal/api_keys/verify",
        ],
    )
    async def test_no_spelling_leads_out_of_v1(self, gateway, payments, path):
        status, answer = await send(gateway, f"POST {path}")
        assert status in (400, 404)
        assert b"content-type: application/problem+json" in answer
        assert payments.seen == []

    @pytest.mark.parametrize(
        "path",
        [
            "/v1/payments",
            "/v1/payments/pay_1/capture",
            "/v1/idempotency_keys/a.b..c",
            "/v1/idempotency_keys/...",
            "/v1/idempotency_keys/%22quoted%20key%22",
            "/v1/idempotency_keys/100%25",
            "/v1/idempotency_keys/caf%C3%A9",
            "/v1/a:b@c,d;e=f(g)!$&'*+~-_",
        ],
    )
    async def test_plain_ones_arrive_as_written(self, gateway, payments, path):
        status, _ = await send(gateway, f"GET {path}")
        assert status == 200
        assert payments.seen[0].target == path

    async def test_an_absolute_target_means_its_path(self, gateway, payments):
        status, _ = await send(gateway, "GET http://elsewhere.example/v1/payments?limit=1")
        assert status == 200
        assert payments.seen[0].target == "/v1/payments?limit=1"
        assert payments.seen[0].one("host") == f"127.0.0.1:{payments.port}"

    async def test_a_long_path_is_judged_in_linear_time(self, gateway):
        status, _ = await asyncio.wait_for(send(gateway, f"GET /v1/{'a' * 30_000}|"), 1)
        assert status in (400, 404)

    async def test_unknown_paths_say_where_to_look(self, gateway):
        response = await gateway.http.get("/nothing")
        assert (response.status_code, problem(response)["code"]) == (404, "not_found")
        assert problem(response)["instance"] == "/nothing"

    async def test_wrong_methods_of_own_routes(self, gateway):
        response = await gateway.http.post("/health/live")
        assert (response.status_code, problem(response)["code"]) == (405, "method_not_allowed")


class TestBodies:
    async def test_one_megabyte_passes(self, gateway, payments):
        body = bytes(range(256)) * 3906 + b"x" * 64
        assert len(body) == 1_000_000
        assert (await gateway.http.post("/v1/payments", content=body)).status_code == 200
        assert payments.seen[0].body == body

    async def test_a_larger_one_is_refused_before_it_is_read(self, gateway, payments):
        # Only the headers are sent: an answer comes, so nothing waited for the body.
        status, answer = await send(gateway, "POST /v1/payments", AUTHORIZED + "Content-Length: 1000001\r\n")
        assert status == 413
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == "body_too_large"
        assert payments.seen == []

    async def test_a_stream_is_refused_where_it_passes_the_limit(self, gateway, payments):
        chunk = b"c350\r\n" + b"x" * 50_000 + b"\r\n"
        headers = AUTHORIZED + "Transfer-Encoding: chunked\r\n"
        status, _ = await send(gateway, "POST /v1/payments", headers, chunk * 20 + b"1\r\nx")
        assert status == 413
        assert payments.seen == []

    async def test_ten_megabytes_get_an_answer_not_a_reset(self, gateway, payments):
        response = await gateway.http.post("/v1/payments", content=b"x" * 10_000_000)
        assert (response.status_code, problem(response)["code"]) == (413, "body_too_large")
        # The connection was not broken by it.
        assert (await gateway.http.get("/v1/payments")).status_code == 200

    async def test_a_body_that_was_not_asked_for_ends_the_connection(self, gateway):
        headers = AUTHORIZED + "Content-Length: 2000000\r\nExpect: 100-continue\r\n"
        request = f"POST /v1/payments HTTP/1.1\r\nHost: x\r\n{headers}\r\n".encode()
        answer = await exchange(gateway.port, request, until_closed=True)
        assert answer.startswith(b"HTTP/1.1 413 ")
        assert b"\r\nconnection: close\r\n" in answer.lower()

    async def test_a_body_that_is_announced_is_asked_for(self, gateway, payments):
        headers = AUTHORIZED + "Content-Length: 2\r\nExpect: 100-continue\r\n"
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(f"POST /v1/payments HTTP/1.1\r\nHost: x\r\n{headers}\r\n".encode())
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100 ")
        writer.write(b"{}")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
        assert payments.seen[0].body == b"{}"
        writer.close()

    async def test_a_client_that_leaves_within_its_body_disturbs_nobody(self, gateway, payments):
        _, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(f"POST /v1/payments HTTP/1.1\r\nHost: x\r\n{AUTHORIZED}Content-Length: 9\r\n\r\n{{".encode())
        await gateway.http.get("/v1/first")
        writer.transport.abort()
        assert (await gateway.http.get("/v1/second")).status_code == 200
        assert [seen.target for seen in payments.seen] == ["/v1/first", "/v1/second"]

    async def test_a_request_for_another_protocol_would_lose_its_body(self, gateway, payments):
        upgrade = AUTHORIZED + "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nContent-Length: 2\r\n"
        status, answer = await send(gateway, "POST /v1/payments", upgrade, b"{}")
        assert status == 400
        assert b"upgrade" in answer
        assert payments.seen == []


async def test_what_is_not_http_is_a_problem_too(gateway):
    answer = await exchange(gateway.port, b"what?\r\n\r\n", until_closed=True)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"application/problem+json" in answer
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == "invalid_request"


async def test_a_client_that_leaves_cancels_nothing(gateway, payments):
    finished, leave = asyncio.Event(), asyncio.Event()

    async def answer(_, writer):
        await leave.wait()
        writer.write(reply(b'{"id":"pay_1"}'))
        await writer.drain()
        finished.set()

    payments.answer = answer
    _, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(f"POST /v1/payments HTTP/1.1\r\nHost: x\r\n{AUTHORIZED}\r\n".encode())
    await payments.arrived.wait()
    writer.transport.abort()
    await gateway.http.get("/health/live")  # by now the gateway knows
    assert not payments.writers[-1].is_closing()
    leave.set()
    await asyncio.wait_for(finished.wait(), 60)
    # The connection survived and carries the next request.
    connections = payments.connections
    payments.answer = raw(reply())
    assert (await gateway.http.get("/v1/payments")).status_code == 200
    assert payments.connections == connections


async def test_long_answers_stream(gateway, payments):
    more = asyncio.Event()

    async def answer(_, writer):
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        writer.write(b"5\r\nfirst\r\n")
        await more.wait()
        writer.write(b"6\r\nsecond\r\n0\r\n\r\n")

    payments.answer = answer
    async with gateway.http.stream("GET", "/v1/events/stream") as response:
        pieces = response.aiter_raw()
        assert await anext(pieces) == b"first"  # though the second is not there yet
        more.set()
        assert await anext(pieces) == b"second"
        assert [piece async for piece in pieces] == []


async def test_a_stream_that_cannot_be_passed_on_is_closed(settings):
    closed = asyncio.Event()

    class Endless:
        async def __aiter__(self):
            while True:
                yield b"more"

        async def aclose(self):
            closed.set()

    class Streaming:
        async def send(self, request):
            found = request.path.startswith(b"/internal/")
            return Response(200, [], json.dumps(KEY_ENTRY).encode(), None if found else Endless())

        async def aclose(self):
            """Nothing is open."""

    async def send(message):
        if message.get("body") == b"more":
            raise OSError("the server gave up")

    async def nothing():
        raise AssertionError("a GET has no body to wait for")

    app = build(settings, upstream=Streaming())
    headers = [(b"authorization", f"Bearer {KEY}".encode())]
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/v1/x",
        "raw_path": b"/v1/x",
        "query_string": b"",
        "headers": headers,
    }
    with pytest.raises(OSError, match="gave up"):
        await app(scope, nothing, send)
    assert closed.is_set()
