"""The keep-alive client against servers that close early, answer slowly, answer nonsense, or too much of it."""

import asyncio

import pytest
import pytest_asyncio

from gateway.connection import MAX_HEAD_BYTES, ClosedError
from gateway.http_client import IDLE_SECONDS, HttpUpstream
from gateway.upstream import BrokenError, TimedOutError, UnreachableError
from tests.gateway.support import raw, reply, request, silence, until


class TestAnswers:
    @pytest.mark.parametrize(
        ("answer", "body"),
        [
            pytest.param(reply(b"hello"), b"hello", id="length"),
            pytest.param(reply(b""), b"", id="length of zero"),
            pytest.param(b"HTTP/1.1 304 Not Modified\r\n\r\n", b"", id="not modified"),
            pytest.param(
                b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nhel\r\n2;x\r\nlo\r\n0\r\nx-sum:1\r\n\r\n",
                b"hello",
                id="chunks with an extension and a trailer",
            ),
            pytest.param(
                b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + reply(b"hello"),
                b"hello",
                id="interim answers first",
            ),
        ],
    )
    async def test_bodies(self, client, payments, answer, body):
        payments.answer = raw(answer)
        for _ in range(3):
            response = await client.send(request())
            assert await response.read() == body
            assert not {b"x-sum", b"link"} & {name for name, _ in response.headers}
        assert payments.connections == 1

    async def test_byte_by_byte(self, client, payments):
        async def trickle(_, writer):
            for byte in reply(b"hello", "201 Created", ("x-a: 1", "x-a: 2")):
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(0)

        payments.answer = trickle
        response = await client.send(request())
        assert (response.status, await response.read()) == (201, b"hello")
        assert [value for name, value in response.headers if name == b"x-a"] == [b"1", b"2"]

    @pytest.mark.parametrize(
        "answer",
        [
            pytest.param(b"HTTP/1.1 200 OK\r\n\r\nuntil the end", id="no length"),
            pytest.param(b"HTTP/1.0 200 OK\r\n\r\n", id="old, no length"),
            pytest.param(
                b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", id="two lengths"
            ),
            pytest.param(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nabc", id="two values"),
            pytest.param(b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n", id="negative length"),
            pytest.param(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n", id="no chunk size"),
            pytest.param(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n x: folded\r\n\r\n", id="folded header"),
            pytest.param(b"HTTP/1.1 200 OK\r\nx y: 1\r\ncontent-length: 0\r\n\r\n", id="space in a name"),
            pytest.param(b"HTTP/1.1 200 OK\ncontent-length: 0\n\n", id="bare line feeds"),
            pytest.param(b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n", id="another protocol"),
            pytest.param(b"\x16\x03\x01\x02\x00", id="TLS"),
            pytest.param(b"HTTP/1.1 200 OK\r\nx: " + b"a" * 2 * MAX_HEAD_BYTES, id="endless header"),
            pytest.param(b"HTTP/1.1 200 OK\r\n" + b"x: 1\r\n" * MAX_HEAD_BYTES, id="endless headers"),
        ],
    )
    async def test_nonsense_is_refused_and_its_connection_dropped(self, client, payments, answer):
        payments.answer = raw(answer)
        with pytest.raises(BrokenError) as raised:
            await client.send(request())
        assert raised.value.sent
        payments.answer = raw(reply(b"hello"))
        assert (await client.send(request())).body == b"hello"
        assert payments.connections == 2

    async def test_an_answer_that_ends_the_connection_does(self, client, payments):
        payments.answer = raw(reply(headers=("connection: close",)))
        for expected in (1, 2):
            await client.send(request())
            assert payments.connections == expected


class TestRequests:
    @pytest.mark.parametrize(("method", "lengths"), [("GET", []), ("HEAD", []), ("POST", ["0"]), ("DELETE", ["0"])])
    async def test_an_empty_body_has_a_length_where_one_is_expected(self, client, payments, method, lengths):
        payments.answer = raw(b"HTTP/1.1 204 No Content\r\n\r\n")
        await client.send(request(method))
        assert payments.seen[0].all("content-length") == lengths

    async def test_large_bodies_go_out_whole(self, client, payments):
        body = b"x" * 1_000_000
        await client.send(request("POST", body=body))
        assert payments.seen[0].body == body

    @pytest.mark.parametrize("value", [b"a\r\nx-evil: 1", b"a\nb", b"a\rb", b"a\0b"])
    async def test_no_value_can_write_a_header(self, client, payments, value):
        with pytest.raises(ValueError, match="control character"):
            await client.send(request(headers=[(b"x", value)]))
        assert payments.seen == []

    async def test_an_ipv6_host_is_bracketed(self, clock):
        client = HttpUpstream("::1", 8000, limit=1, clock=clock.clock())
        assert b"\r\nhost: [::1]:8000\r\n" in client._head(request())


class TestStaleConnections:
    """A server may close an idle connection while a request is already on its way."""

    @pytest_asyncio.fixture
    async def stale(self, client, payments):
        """The one idle connection will be closed when the next request arrives on it."""
        await client.send(request())

        async def answer(seen, writer):
            if seen.connection == 1:
                writer.close()
            else:
                writer.write(reply(b"again"))

        payments.answer = answer
        return client

    async def test_a_repeatable_request_is_repeated_once_on_a_new_connection(self, stale, payments):
        response = await stale.send(request("POST", body=b"{}", headers=[(b"idempotency-key", b"k")]))
        assert response.body == b"again"
        assert [(seen.method, seen.body, seen.connection) for seen in payments.seen[1:]] == [
            ("POST", b"{}", 1),
            ("POST", b"{}", 2),
        ]

    async def test_the_other_idle_ones_are_not_tried_in_turn(self, client, payments):
        await asyncio.gather(*(client.send(request()) for _ in range(3)))
        assert len(client._idle) == 3

        async def answer(seen, writer):
            if seen.connection <= 3:
                writer.close()
            else:
                writer.write(reply(b"again"))

        payments.answer = answer
        assert (await client.send(request())).body == b"again"

    async def test_any_other_is_not(self, stale, payments):
        with pytest.raises(ClosedError) as raised:
            await stale.send(request("POST", repeatable=False))
        assert raised.value.sent
        assert len(payments.seen) == 2

    async def test_a_new_connection_that_closes_is_no_stale_one(self, client, payments):
        payments.answer = silence
        with pytest.raises(ClosedError):
            await client.send(request())
        assert len(payments.seen) == 1

    async def test_it_is_not_repeated_twice(self, client, payments):
        await client.send(request())
        payments.answer = silence
        with pytest.raises(ClosedError):
            await client.send(request())
        assert len(payments.seen) == 3

    async def test_it_is_not_repeated_once_a_byte_of_an_answer_came(self, client, payments):
        await client.send(request())
        payments.answer = raw(b"H", close=True)
        with pytest.raises(BrokenError) as raised:
            await client.send(request())
        assert not isinstance(raised.value, ClosedError)
        assert len(payments.seen) == 2

    async def test_where_nobody_listens_any_more_the_first_attempt_still_counts(self, client, payments):
        await client.send(request())

        async def die(*_):
            payments.stop()

        payments.answer = die
        with pytest.raises(UnreachableError) as raised:
            await client.send(request())
        assert raised.value.sent

    async def test_one_known_to_be_closed_is_not_used(self, client, payments):
        await client.send(request())
        payments.writers[0].close()
        await until(lambda: not client._idle)
        assert (await client.send(request("POST", repeatable=False))).status == 200
        assert payments.connections == 2

    async def test_one_idle_for_long_is_not_used(self, client, payments, clock):
        await client.send(request())
        clock.now += IDLE_SECONDS
        await client.send(request())
        assert payments.connections == 1
        clock.now += IDLE_SECONDS + 0.1
        await client.send(request())
        assert payments.connections == 2

    async def test_unasked_bytes_end_the_connection(self, client, payments):
        await client.send(request())
        payments.writers[0].write(b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n")
        await until(lambda: not client._idle)
        assert (await client.send(request())).status == 200


class TestTime:
    async def test_an_answer_that_does_not_start(self, client, payments):
        async def never(*_):
            """Say nothing."""

        payments.answer = never
        async with asyncio.timeout(30):
            with pytest.raises(TimedOutError) as raised:
                await client.send(request(timeout=0.05))
        assert raised.value.sent
        await until(lambda: not client._open)  # its answer may still come, and must not meet another request

    async def test_a_short_answer_that_does_not_end(self, client, payments):
        payments.answer = raw(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf")
        with pytest.raises(TimedOutError):
            await client.send(request(timeout=0.05))

    async def test_a_body_that_does_not_go_on(self, client, payments):
        payments.answer = raw(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n")
        response = await client.send(request(timeout=0.05, idle=0.05))
        assert response.body == b"half"
        assert response.rest is not None
        with pytest.raises(TimedOutError):
            await anext(aiter(response.rest))
        await response.rest.aclose()

    async def test_nobody_listens(self, client, payments):
        payments.stop()
        with pytest.raises(UnreachableError) as raised:
            await client.send(request())
        assert not raised.value.sent

    async def test_who_gives_up_waiting_takes_the_connection_along(self, client, payments):
        async def never(*_):
            """Say nothing."""

        payments.answer = never
        sending = asyncio.create_task(client.send(request()))
        await payments.arrived.wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        await until(lambda: not client._open)
