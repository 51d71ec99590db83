"""What only a raw socket can send: what two parsers would read differently, and clients that take their time."""

import asyncio

import pytest

from shared.serving import MAX_HEAD_BYTES
from tests.gateway.support import KEY, exchange, raw, reply

HEAD = f"Host: x\r\nAuthorization: Bearer {KEY}\r\n".encode()
POST = b"POST /v1/payments HTTP/1.1\r\n" + HEAD
SMUGGLED = b"GET /v1/smuggled HTTP/1.1\r\n" + HEAD + b"\r\n"

AMBIGUOUS = {
    "length and chunks": POST + b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "chunks and length": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "two lengths": POST + b"Content-Length: 0\r\nContent-Length: 60\r\n\r\n" + SMUGGLED,
    "two lengths in one": POST + b"Content-Length: 0, 60\r\n\r\n" + SMUGGLED,
    "length with a sign": POST + b"Content-Length: +2\r\n\r\n{}",
    "length in hex": POST + b"Content-Length: 0x2\r\n\r\n{}",
    "negative length": POST + b"Content-Length: -1\r\n\r\n{}",
    "space before the colon": POST + b"Content-Length : 2\r\n\r\n{}",
    "chunked is not last": POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "unknown coding": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunked twice": POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "coding with a tab": POST + b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
    "folded header": POST + b"X-Folded: a\r\n b\r\nContent-Length: 0\r\n\r\n",
    "folded coding": POST + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "bare line feeds": POST.replace(b"\r\n", b"\n") + b"Content-Length: 0\n\n",
    "bare carriage return": POST + b"X-A: b\rContent-Length: 5\r\n\r\n",
    "line feed in a value": POST + b"X-A: b\nX-Smuggled: c\r\n\r\n",
    "NUL in a value": POST + b"X-A: b\x00c\r\n\r\n",
    "header without a colon": POST + b"nonsense\r\n\r\n",
    "empty header name": POST + b": x\r\n\r\n",
    "chunk size with a sign": POST + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
    "chunk size too large": POST + b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n\r\n",
    "chunk without its end": POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}X\r\n0\r\n\r\n",
    "bare line feed after a chunk size": POST + b"Transfer-Encoding: chunked\r\n\r\n2\n{}\r\n0\r\n\r\n",
    "HTTP/0.9": b"GET /v1/payments\r\n\r\n",
    "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "no HTTP at all": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "method in lower case": b"get /v1/payments HTTP/1.1\r\n" + HEAD + b"\r\n",
}


@pytest.mark.parametrize("data", AMBIGUOUS.values(), ids=AMBIGUOUS.keys())
async def test_what_can_be_read_in_two_ways_is_refused(gateway, payments, data):
    answer = await exchange(gateway.port, data, until_closed=True)
    assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 404 ", b"HTTP/1.1 405 ")), answer
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b"connection: close" in answer.lower()
    assert not [seen for seen in payments.seen if "smuggled" in seen.target]
    assert payments.seen == []


async def test_headers_cannot_be_injected(gateway, payments):
    # Escaped line breaks stay what they are: part of a value or of a path, in neither direction a header.
    head = b"GET /v1/payments?a=%0d%0aX-Evil:%201 HTTP/1.1\r\n" + HEAD + b"X-Request-Id: a%0d%0aX-Evil: 1\r\n\r\n"
    answer = await exchange(gateway.port, head)
    assert b"x-evil" not in answer.lower().replace(b"%0d%0ax-evil", b"")
    assert not any(name == "x-evil" for seen in payments.seen for name, _ in seen.headers)
    payments.answer = raw(reply(headers=("x-note: a%0d%0aset-cookie: b",)))
    answer = await exchange(gateway.port, b"GET /v1/payments HTTP/1.1\r\n" + HEAD + b"\r\n")
    assert b"\r\nset-cookie" not in answer


class TestLargeHeads:
    @pytest.mark.parametrize("pieces", [1, 10])
    async def test_beyond_32_kb_is_431(self, gateway, payments, pieces):
        filler = b"".join(b"X-%d: %b\r\n" % (n, b"a" * 1000) for n in range(40))
        data = POST + filler
        size = -(-len(data) // pieces)
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        for start in range(0, len(data), size):
            writer.write(data[start : start + size])
            await asyncio.sleep(0)
        writer.write(b"\r\n")
        answer = await reader.readuntil(b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 431 ")
        writer.transport.abort()
        assert payments.seen == []

    async def test_a_long_path_too(self, gateway):
        data = b"GET /v1/" + b"a" * MAX_HEAD_BYTES + b" HTTP/1.1\r\n" + HEAD + b"\r\n"
        assert (await exchange(gateway.port, data)).startswith(b"HTTP/1.1 431 ")

    async def test_below_it_is_fine(self, gateway):
        data = b"GET /v1/payments HTTP/1.1\r\n" + HEAD + b"X-A: " + b"a" * 20_000 + b"\r\n\r\n"
        assert (await exchange(gateway.port, data)).startswith(b"HTTP/1.1 200 ")


class TestSlowClients:
    @pytest.fixture(autouse=True)
    def impatient(self, monkeypatch):
        monkeypatch.setattr("shared.serving.HEAD_SECONDS", 0.1)
        monkeypatch.setattr("shared.serving.BODY_SECONDS", 0.1)

    @pytest.mark.parametrize("data", [b"", b"GET /v1/pay", POST, b"GET /health/live HTTP/1.1\r\nHost: x\r\n"])
    async def test_a_head_that_does_not_come_is_408(self, gateway, data):
        answer = await exchange(gateway.port, data, until_closed=True)
        assert answer.startswith(b"HTTP/1.1 408 ")

    async def test_so_is_a_body(self, gateway, payments):
        answer = await exchange(gateway.port, POST + b"Content-Length: 100\r\n\r\n{", until_closed=True)
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b'"code":"request_timeout"' in answer
        assert payments.seen == []

    async def test_one_between_two_requests_may_wait(self, gateway):
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        for _ in range(2):
            writer.write(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
            assert (await reader.readuntil(b"}")).startswith(b"HTTP/1.1 200 ")
            await asyncio.sleep(0.2)  # longer than a head may take
        writer.transport.abort()
