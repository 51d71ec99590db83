"""What a client is told when payments does not answer: whether money may have moved, and whether to try again."""

import asyncio

import pytest

from tests.gateway.support import KEY, raw, reply, silence

WITH_KEY = {"idempotency-key": "k1"}


def judged(response):
    document = response.json()
    assert response.headers["content-type"] == "application/problem+json"
    assert document["request_id"] == response.headers["x-request-id"]
    return response.status_code, document["code"], document["effect"], document["retryable"]


async def never(_, writer):
    """Take the request and say nothing."""


SENT = pytest.mark.parametrize(
    ("method", "headers", "effect", "retryable"),
    [("POST", WITH_KEY, "unknown", True), ("POST", {}, "unknown", False), ("GET", {}, "none", True)],
)


class TestAfterTheRequestWasSent:
    class TestInVain:
        @pytest.fixture
        def patience(self):
            return 0.1

        @SENT
        async def test_no_answer_in_time(self, gateway, payments, method, headers, effect, retryable):
            payments.answer = never
            response = await gateway.http.request(method, "/v1/payments", headers=headers)
            assert judged(response) == (504, "timeout", effect, retryable)

    @SENT
    @pytest.mark.parametrize(
        "answer",
        [
            pytest.param(silence, id="closed"),
            pytest.param(raw(b"HTTP/1.1 200 OK\r\ncontent-le", close=True), id="closed within the head"),
            pytest.param(
                raw(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{", close=True), id="closed within the body"
            ),
            pytest.param(raw(b"SSH-2.0-OpenSSH\r\n"), id="not HTTP"),
        ],
    )
    async def test_a_broken_answer(self, gateway, payments, answer, method, headers, effect, retryable):
        payments.answer = answer
        response = await gateway.http.request(method, "/v1/payments", headers=headers)
        assert judged(response) == (502, "bad_gateway", effect, retryable)


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_payments_cannot_be_reached(gateway, payments, method):
    await gateway.http.get("/v1/payments")  # the key is known from here on
    payments.stop()
    await gateway.http.get("/health/live")  # the gateway has seen the connection go
    response = await gateway.http.request(method, "/v1/payments")
    assert judged(response) == (503, "unavailable", "none", True)
    assert response.headers["retry-after"] == "1"


async def test_payments_does_not_believe_who_is_calling(gateway, payments):
    # Its key is good: it must not be told otherwise because payments was stalled until the gateway's word had expired.
    payments.answer = raw(reply(b"{}", "401 Unauthorized"))
    response = await gateway.http.post("/v1/payments", headers=WITH_KEY)
    assert judged(response) == (503, "unavailable", "none", True)
    assert response.headers["retry-after"] == "1"
    assert "www-authenticate" not in response.headers


async def test_payments_dies_over_a_request_and_stays_away(gateway, payments):
    # The first attempt may have been carried out, so "nothing was done" would be a lie.
    await gateway.http.get("/v1/payments")

    async def die(*_):
        payments.stop()

    payments.answer = die
    response = await gateway.http.post("/v1/payments", headers=WITH_KEY)
    assert judged(response) == (503, "unavailable", "unknown", True)


async def test_payments_comes_back(gateway, payments):
    assert (await gateway.http.get("/v1/payments")).status_code == 200
    payments.stop()
    assert (await gateway.http.get("/v1/payments")).status_code == 503
    await payments.start()
    assert (await gateway.http.get("/v1/payments")).status_code == 200


async def test_an_answer_that_is_cut_off_is_not_passed_off_as_whole(gateway, payments):
    async def answer(_, writer):
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        await writer.drain()
        await cut.wait()
        writer.close()

    cut = asyncio.Event()
    payments.answer = answer
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(f"GET /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n\r\n".encode())
    await reader.readuntil(b"first\r\n")
    cut.set()
    assert await reader.read() == b""  # closed, without the last chunk that would end it properly
    writer.close()


async def test_a_defect_of_ours_is_a_problem_without_details(gateway, monkeypatch, caplog):
    monkeypatch.setattr("gateway.bodies.read_body", lambda *_: 1 / 0)
    response = await gateway.http.post("/v1/payments")
    assert judged(response) == (500, "internal", "unknown", True)
    assert "ZeroDivisionError" not in response.text
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize("together", [True, False])
async def test_a_second_answer_to_one_request_reaches_nobody(gateway, payments, together):
    async def answer(_, writer):
        writer.write(reply(b'{"n":1}') + reply(b'{"n":"smuggled"}') if together else reply(b'{"n":1}'))

    payments.answer = answer
    first = await gateway.http.get("/v1/payments")
    assert first.status_code == (502 if together else 200)
    if not together:
        payments.writers[-1].write(reply(b'{"n":"smuggled"}'))
        await gateway.http.get("/health/live")
    payments.answer = raw(reply(b'{"n":2}'))
    assert (await gateway.http.get("/v1/payments")).json() == {"n": 2}
