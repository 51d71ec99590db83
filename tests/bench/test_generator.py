"""The load generator against a server that does what each test wants."""

import asyncio
import math
import re
from contextlib import asynccontextmanager

import pytest

from bench.generator import Generator, percentile
from bench.requests import MARK, payment, read, write

PREFIX = "0a1b2c3d"
CREATED = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\ncontent-type: application/json\r\n\r\n{}"
REQUEST = payment("http://localhost:8000", "sk_test_x", "pm_1", "USD").encode()


class Server:
    """Hands each whole request to `answer`, and remembers it."""

    def __init__(self, answer):
        self.answer, self.requests, self.connections = answer, [], 0
        self.address = ("", 0)

    async def __call__(self, reader, writer):
        self.connections += 1
        try:
            while True:
                self.requests.append(await reader.readexactly(len(REQUEST)))
                await self.answer(writer, len(self.requests))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def serving(answer):
    server = Server(answer)
    async with await asyncio.start_server(server, "127.0.0.1", 0) as listening:
        server.address = listening.sockets[0].getsockname()
        yield server


async def run(server, *, connections=1, seconds=0.05, rate=None):
    def work():
        with Generator([REQUEST], PREFIX, server.address, connections) as generator:
            return generator.run(seconds, rate)

    return await asyncio.to_thread(work)


async def created(writer, _):
    writer.write(CREATED)


async def test_a_closed_loop_sends_again_on_the_same_connections():
    async with serving(created) as server:
        outcome = await run(server, connections=3)
    assert outcome.errors == {}
    assert outcome.answered == len(server.requests) > 3
    assert server.connections == 3
    assert 0 < outcome.p50 <= outcome.p95 <= outcome.p99
    assert outcome.cpu_seconds > 0


async def test_only_the_key_differs_and_no_key_comes_twice():
    async with serving(created) as server:
        await run(server)
    keys = [key for request in server.requests for key in re.findall(rb"Idempotency-Key: (\S+)", request)]
    assert len(set(keys)) == len(keys) == len(server.requests) > 1
    assert all(key.startswith(PREFIX.encode()) and len(key) == len(MARK) for key in keys)
    assert {request.replace(key, b"") for request, key in zip(server.requests, keys, strict=True)} == {
        REQUEST.replace(MARK.encode(), b"")
    }


async def test_an_answer_may_come_in_pieces():
    async def in_pieces(writer, _):
        for start in range(0, len(CREATED), 7):
            writer.write(CREATED[start : start + 7])
            await writer.drain()
            await asyncio.sleep(0)

    async with serving(in_pieces) as server:
        outcome = await run(server)
    assert outcome.errors == {}
    assert outcome.answered == len(server.requests)


async def test_whatever_is_not_created_is_an_error():
    async def every_second(writer, number):
        writer.write(CREATED if number % 2 else CREATED.replace(b"201 Created", b"503 Nothing"))

    async with serving(every_second) as server:
        outcome = await run(server, rate=1000, seconds=0.02)
    assert (outcome.answered, outcome.errors) == (10, {"503": 10})


async def test_a_lost_connection_is_an_error_and_replaced():
    async def first_hangs_up(writer, number):
        if number == 1:
            writer.close()
        else:
            writer.write(CREATED)

    async with serving(first_hangs_up) as server:
        outcome = await run(server, rate=1000, seconds=0.01)
    assert (outcome.answered, outcome.errors) == (9, {"connection lost": 1})
    assert server.connections == 2


async def test_a_connection_closed_while_idle_is_no_error():
    async def last_words(writer, _):
        writer.write(CREATED)
        writer.close()

    async with serving(last_words) as server:
        outcome = await run(server, rate=20, seconds=0.2)
    assert (outcome.answered, outcome.errors) == (4, {})


async def test_an_open_loop_counts_the_time_that_a_stall_kept_requests_waiting():
    # Ten requests, one every 10 ms; the first is held until all have arrived, on the only connection there is.
    async def first_stalls(writer, number):
        if number == 1:
            await asyncio.sleep(0.3)
        writer.write(CREATED)

    async with serving(first_stalls) as server:
        outcome = await run(server, rate=100, seconds=0.1)
    assert outcome.answered == 10
    # The last one arrived after 90 ms, so it waited for at least 210.
    assert outcome.p50 > 200


def test_percentiles():
    values = [float(number) for number in range(1, 101)]
    assert [percentile(values, share) for share in (0.5, 0.95, 0.99, 1.0)] == [50, 95, 99, 100]
    assert percentile([7.0], 0.99) == 7
    assert math.isnan(percentile([], 0.5))


def test_requests_survive_their_file(tmp_path):
    path = tmp_path / "requests"
    write(path, [REQUEST.decode(), REQUEST.decode().replace("USD", "EUR")])
    assert list(read(path)) == [REQUEST, REQUEST.replace(b"USD", b"EUR")]
    assert path.stat().st_mode & 0o077 == 0


async def test_nobody_listens():
    async with serving(created) as server:
        pass
    with pytest.raises(OSError, match="refused"):
        await run(server)


async def test_what_comes_on_an_idle_connection_answers_nothing():
    async with serving(created) as server:
        accepted, refused, replaced = 0, asyncio.Event(), asyncio.Event()

        async def refuse_the_first(reader, writer):
            nonlocal accepted
            accepted += 1
            if accepted == 1:
                writer.write(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")
                writer.close()
                refused.set()
            else:
                await refused.wait()
                last = accepted == 3
                await server(reader, writer)
                if last:
                    replaced.set()

        async with await asyncio.start_server(refuse_the_first, "127.0.0.1", 0) as listening:
            server.address = listening.sockets[0].getsockname()
            outcome = await run(server, connections=2, rate=100, seconds=0.01)
            async with asyncio.timeout(60):
                await replaced.wait()
    assert (outcome.answered, outcome.errors) == (1, {})
