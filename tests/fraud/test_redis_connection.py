"""The connection to Redis, and what becomes of counters when it breaks."""

import asyncio

import pytest

from payments.fraud.counters import Counters, CountersUnavailableError
from shared.redis_connection import RETRY_SECONDS, RedisConnection, RedisReplyError, RedisUnavailableError
from tests.fraud.conftest import Bench
from tests.fraud.relay import relayed


class Monotonic:
    now = 100.0

    def __call__(self) -> float:
        return self.now


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
        with pytest.raises(CountersUnavailableError):
            await bench.counters.observe(lost)
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
