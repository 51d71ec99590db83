"""The connection to Redis, and what becomes of counters when it breaks."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from payments.fraud.counters import Counters, CountersUnavailableError
from payments.fraud.redis_connection import RETRY_SECONDS, RedisConnection, RedisReplyError, RedisUnavailableError
from tests.fraud.conftest import Bench


class Monotonic:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Relay:
    """Stands between client and server, and can be cut or made to swallow what comes."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._writers: list[asyncio.StreamWriter] = []
        self._serving: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.silent = False
        self.port = 0

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()
        await asyncio.gather(*self._serving, self._server.wait_closed())

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        up_reader, up_writer = await asyncio.open_connection(*self._target)
        self._writers += [writer, up_writer]
        await asyncio.gather(self._pipe(reader, up_writer), self._pipe(up_reader, writer))

    async def _pipe(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65_536):
                if not self.silent:
                    writer.write(data)
        except OSError:
            pass
        finally:
            writer.close()


@asynccontextmanager
async def relayed(valkey_server):
    relay = Relay("127.0.0.1", valkey_server.port)
    await relay.start()
    try:
        yield relay, valkey_server.url.replace(f":{valkey_server.port}/", f":{relay.port}/")
    finally:
        await relay.stop()


async def test_replies_come_in_the_order_of_the_calls(redis_url):
    connection = RedisConnection(redis_url, timeout=5)
    replies = await asyncio.gather(*(connection.call("ECHO", str(number)) for number in range(500)))
    assert replies == [str(number).encode() for number in range(500)]
    await connection.close()


async def test_an_error_reply_is_the_caller_s_alone(redis_url):
    connection = RedisConnection(redis_url, timeout=5)
    replies = await asyncio.gather(connection.call("NONSENSE"), connection.call("PING"), return_exceptions=True)
    assert isinstance(replies[0], RedisReplyError)
    assert replies[1] == b"PONG"
    await connection.close()


async def test_a_wrong_password_is_refused(redis_url):
    connection = RedisConnection(redis_url.replace("://:", "://:wrong"), timeout=5)
    with pytest.raises(RedisReplyError, match="WRONGPASS"):
        await connection.call("PING")


async def test_nobody_there_is_told_at_once_and_tried_once_a_second(valkey_server):
    async with relayed(valkey_server) as (relay, url):
        clock = Monotonic()
        connection = RedisConnection(url, timeout=5, clock=clock)
        await relay.stop()
        with pytest.raises(RedisUnavailableError):
            await connection.call("PING")
        await relay.start()
        with pytest.raises(RedisUnavailableError, match="a moment ago"):
            await connection.call("PING")
        clock.now += RETRY_SECONDS
        assert await connection.call("PING") == b"PONG"
        await connection.close()


async def test_silence_ends_after_the_timeout_for_everybody_who_waits(valkey_server):
    async with relayed(valkey_server) as (relay, url):
        clock = Monotonic()
        connection = RedisConnection(url, timeout=0.05, clock=clock)
        await connection.call("PING")
        relay.silent = True
        replies = await asyncio.gather(*(connection.call("PING") for _ in range(10)), return_exceptions=True)
        assert {type(reply) for reply in replies} == {RedisUnavailableError}
        relay.silent = False
        clock.now += RETRY_SECONDS
        assert await connection.call("PING") == b"PONG"
        await connection.close()


async def test_what_could_not_be_counted_is_counted_when_redis_is_back(valkey, valkey_server, clock):
    async with relayed(valkey_server) as (relay, url):
        retry = Monotonic()
        bench = Bench(Counters(RedisConnection(url, timeout=5, clock=retry), clock=clock), clock)
        await bench.pay()
        await relay.stop()
        lost = [bench.attempt() for _ in range(100)]
        found = await asyncio.gather(*(bench.counters.observe(one) for one in lost), return_exceptions=True)
        assert {type(result) for result in found} == {CountersUnavailableError}
        await relay.start()
        retry.now += RETRY_SECONDS
        assert (await bench.pay())["card_count_1m"] == 2
        await bench.counters.close()  # which waits until they are counted
        assert (await bench.look())["card_count_1m"] == 103
        await bench.counters.close()


async def test_too_much_to_count_later_asks_for_a_rebuild(valkey, valkey_server, clock, monkeypatch):
    monkeypatch.setattr("payments.fraud.counters._MOST_OWED", 5)
    async with relayed(valkey_server) as (relay, url):
        retry = Monotonic()
        bench = Bench(Counters(RedisConnection(url, timeout=5, clock=retry), clock=clock), clock)
        await relay.stop()
        for _ in range(7):
            with pytest.raises(CountersUnavailableError):
                await bench.pay()
        await relay.start()
        retry.now += RETRY_SECONDS
        await bench.pay()
        await bench.counters.close()
        assert not valkey.exists("fraud:ready")


async def test_an_empty_server_learns_the_script_again(bench, valkey):
    await bench.pay()
    valkey.script_flush()
    assert (await bench.pay())["card_count_1m"] == 2


async def test_a_full_server_is_an_unavailable_one(bench, valkey):
    await bench.pay()
    valkey.config_set("maxmemory", 1)
    try:
        with pytest.raises(CountersUnavailableError, match="OOM"):
            await bench.pay()
    finally:
        valkey.config_set("maxmemory", 0)
    assert (await bench.pay())["card_count_1m"] == 2
