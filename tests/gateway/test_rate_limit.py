"""Quotas: exact under bursts, shared by replicas, told to the client, and kept while Redis is away."""

import asyncio
import re
import time
from itertools import pairwise

import httpx2
import pytest
import redis

from gateway.addresses import bucket, client_address, networks
from gateway.clock import Clock
from gateway.container import build
from gateway.policies import Quota, Verdict
from gateway.rate_limit import RateLimiter
from shared.redis_connection import RETRY_SECONDS, RedisConnection
from tests.fraud.relay import relayed
from tests.gateway.support import KEY, KEY_ENTRY, served

QUOTA = Quota(10, 100)
OTHER = "sk_test_" + "b" * 43


@pytest.fixture
def store(redis_url):
    with redis.Redis.from_url(redis_url) as store:
        store.flushall()
        yield store


@pytest.fixture
async def limiters(store, redis_url, clock):
    """Two replicas."""
    connections = [RedisConnection(redis_url, timeout=60) for _ in range(2)]
    yield [RateLimiter(connection, clock.clock(), fallback_share=0.5) for connection in connections]
    for connection in connections:
        await connection.close()


async def take(limiter: RateLimiter, times: int, caller="key_1", kind="write", quota=QUOTA) -> list[Verdict]:
    return await asyncio.gather(*(limiter.take(caller, kind, quota) for _ in range(times)))


class TestCounting:
    async def test_a_burst_gets_exactly_its_quota(self, limiters):
        verdicts = await take(limiters[0], 25)
        assert [verdict.allowed for verdict in verdicts] == [True] * 10 + [False] * 15
        assert [verdict.remaining for verdict in verdicts] == [*range(9, -1, -1), *[0] * 15]
        assert limiters[0].limited == 15

    async def test_replicas_share_it(self, limiters):
        first, second = await asyncio.gather(take(limiters[0], 8), take(limiters[1], 8))
        assert sum(verdict.allowed for verdict in first + second) == 10

    @pytest.mark.parametrize("quota", [Quota(1, 100), Quota(3, 1000), Quota(7, 997), Quota(1000, 1000)])
    async def test_any_quota_is_exact(self, limiters, quota):
        asked = quota.limit + 5
        halves = (asked // 2, asked - asked // 2)
        found = await asyncio.gather(*(take(each, n, quota=quota) for each, n in zip(limiters, halves, strict=True)))
        # A thousand in a thousand seconds may refill by one while the test runs.
        assert quota.limit <= sum(verdict.allowed for half in found for verdict in half) <= quota.limit + 1

    async def test_callers_and_classes_have_their_own(self, limiters):
        for caller, kind in (("key_1", "write"), ("key_1", "read"), ("key_2", "write")):
            assert sum(verdict.allowed for verdict in await take(limiters[0], 11, caller, kind)) == 10

    async def test_it_refills_evenly(self, limiters, store):
        await take(limiters[0], 10)
        [key] = store.keys()
        store.set(key, int(store.get(key)) - 3 * QUOTA.interval)  # the time of three requests passes
        assert sum(verdict.allowed for verdict in await take(limiters[0], 5)) == 3

    async def test_what_is_whole_again_takes_no_memory(self, limiters, store):
        await take(limiters[0], 4)
        [key] = store.keys()
        assert 30_000 < store.pttl(key) <= 40_000

    async def test_the_client_is_told(self, limiters):
        verdict = (await take(limiters[0], 3))[-1]
        assert verdict.headers() == [(b"ratelimit-policy", b'"write";q=10;w=100'), (b"ratelimit", b'"write";r=7;t=30')]
        refused = (await take(limiters[0], 8))[-1]
        assert (refused.allowed, refused.remaining, refused.retry_after) == (False, 0, 10)

    async def test_a_script_that_redis_forgot_is_sent_again(self, limiters, store):
        await take(limiters[0], 1)
        store.script_flush()
        assert (await take(limiters[0], 1))[0].remaining == 8

    async def test_one_that_leaves_takes_nobody_along(self, limiters):
        first, second = (asyncio.create_task(limiters[0].take("key_1", "write", QUOTA)) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        assert (await second).allowed
        assert limiters[0]._callers == {}


class TestInAdvance:
    """A busy caller's next requests are taken along with the ones that wait."""

    BIG = Quota(10_000, 1_000)

    async def warm(self, limiter):
        """Ask twice: the first question says nothing of how busy a caller is."""
        await take(limiter, 50, quota=self.BIG)
        await take(limiter, 50, quota=self.BIG)

    async def test_what_was_taken_needs_no_question(self, limiters, store):
        await self.warm(limiters[0])
        before = questions(store)
        verdicts = await take(limiters[0], 20, quota=self.BIG)
        assert questions(store) == before
        assert [verdict.allowed for verdict in verdicts] == [True] * 20
        assert [one.remaining - other.remaining for one, other in pairwise(verdicts)] == [1] * 19

    async def test_more_are_taken_before_the_last_one_is_used(self, limiters, store):
        await self.warm(limiters[0])
        before = questions(store)
        async with asyncio.timeout(60):
            for _ in range(200):
                [verdict] = await take(limiters[0], 1, quota=self.BIG)
                [caller] = limiters[0]._callers.values()
                assert verdict.allowed
                assert 0 < caller.ahead <= 100
                if caller.task is not None:
                    await caller.task
        assert questions(store) > before

    async def test_whoever_comes_too_early_waits_for_the_answer_that_is_on_its_way(self, limiters, store):
        await self.warm(limiters[0])
        before = questions(store)
        await take(limiters[0], 26, quota=self.BIG)
        await asyncio.sleep(0)  # the question is asked
        verdicts = await take(limiters[0], 30, quota=self.BIG)
        assert all(verdict.allowed for verdict in verdicts)
        assert questions(store) == before + 1

    async def test_a_quota_at_its_end_is_not_asked_for_with_each_request(self, limiters, store):
        await self.warm(limiters[0])
        store.set("rl:write:key_1", int(time.time() * 1_000_000) + self.BIG.limit * self.BIG.interval)
        before = questions(store)
        for _ in range(40):
            [verdict] = await take(limiters[0], 1, quota=self.BIG)
            assert verdict.allowed
            await asyncio.gather(*(caller.task for caller in limiters[0]._callers.values() if caller.task))
        assert 1 <= questions(store) - before <= 3

    async def test_a_caller_that_has_become_quiet_asks_for_no_more(self, limiters, store, clock):
        await self.warm(limiters[0])
        clock.now += 0.9  # 30 requests in so much time: fewer than two in a twentieth of a second
        before = questions(store)
        await take(limiters[0], 30, quota=self.BIG)
        await asyncio.gather(*(caller.task for caller in limiters[0]._callers.values() if caller.task))
        assert questions(store) == before

    async def test_the_quota_is_kept_all_the_same(self, limiters):
        allowed = 0
        for _ in range(60):
            for limiter in limiters:
                allowed += sum(verdict.allowed for verdict in await take(limiter, 100, quota=self.BIG))
        # Each replica may hold a hundredth, and a request is refilled every tenth of a second while the test runs.
        assert 9_800 <= allowed <= 10_000 + 60

    async def test_at_most_a_hundredth_is_held(self, limiters, store):
        await take(limiters[0], 1_000, quota=self.BIG)
        await take(limiters[0], 1_000, quota=self.BIG)
        [key] = store.keys()
        held = (int(store.get(key)) - time.time() * 1_000_000) / self.BIG.interval - 2_000
        assert 50 <= held <= 100

    async def test_it_is_forgotten_when_the_caller_stops(self, limiters, store, clock):
        await self.warm(limiters[0])
        clock.now += 1.5
        before = questions(store)
        await take(limiters[0], 1, quota=self.BIG)
        assert questions(store) == before + 1

    async def test_another_quota_counts_at_once(self, limiters):
        await self.warm(limiters[0])
        assert not any(verdict.allowed for verdict in await take(limiters[0], 3, quota=Quota(2, 5)))

    async def test_memory_is_bounded(self, limiters, monkeypatch):
        monkeypatch.setattr("gateway.rate_limit._MOST_CALLERS", 3)
        for number in range(20):
            await take(limiters[0], 1, caller=f"key_{number}", quota=self.BIG)
        assert len(limiters[0]._callers) <= 4


def questions(store) -> int:
    return int(store.info("commandstats").get("cmdstat_evalsha", {"calls": 0})["calls"])


class TestWithoutRedis:
    async def test_a_part_of_the_quota_is_counted_here_until_it_is_back(self, valkey_server, clock):
        async with relayed(valkey_server) as (relay, url):
            connection = RedisConnection(url, timeout=60, clock=clock)
            limiter = RateLimiter(connection, clock.clock(), fallback_share=0.5)
            assert (await take(limiter, 1, caller="outage"))[0].shared
            await relay.stop()
            verdicts = await take(limiter, 12, caller="outage")
            assert [verdict.allowed for verdict in verdicts] == [True] * 5 + [False] * 7
            assert verdicts[0].headers()[0] == (b"ratelimit-policy", b'"write-fallback";q=5;w=100')
            assert (limiter.shared, limiter.fallbacks) == (False, 12)
            clock.now += 20
            assert sum(verdict.allowed for verdict in await take(limiter, 5, caller="outage")) == 1
            await relay.start()
            clock.now += RETRY_SECONDS
            assert (await take(limiter, 1, caller="outage"))[0].shared
            await connection.close()

    async def test_where_there_is_none_this_replica_counts_for_all(self, clock):
        limiter = RateLimiter(None, clock.clock(), fallback_share=0.5)
        verdicts = await take(limiter, 12)
        assert sum(verdict.allowed for verdict in verdicts) == 10
        assert verdicts[-1].retry_after == 10
        clock.now += 10
        assert sum(verdict.allowed for verdict in await take(limiter, 2)) == 1

    async def test_its_memory_is_bounded(self, clock, monkeypatch):
        monkeypatch.setattr("gateway.rate_limit._MOST_LOCAL", 3)
        limiter = RateLimiter(None, clock.clock(), fallback_share=0.5)
        for number in range(10):
            await limiter.take(f"key_{number}", "write", QUOTA)
        assert len(limiter._local) == 3


class TestAddresses:
    TRUSTED = networks(["10.0.0.0/8", "fd00::/8"])

    @pytest.mark.parametrize(
        ("peer", "forwarded_for", "client"),
        [
            ("203.0.113.9", b"", "203.0.113.9"),
            ("203.0.113.9", b",1.2.3.4", "203.0.113.9"),  # nobody we know: what it says is worth nothing
            ("10.0.0.1", b",198.51.100.7", "198.51.100.7"),
            ("10.0.0.1", b",1.2.3.4, 198.51.100.7", "198.51.100.7"),  # the client wrote the first one itself
            ("10.0.0.1", b",1.2.3.4, 198.51.100.7, 10.9.9.9", "198.51.100.7"),  # two load balancers
            ("10.0.0.1", b",1.2.3.4,198.51.100.7", "198.51.100.7"),
            ("10.0.0.1", b",evil\xff", "10.0.0.1"),
            ("10.0.0.1", b"", "10.0.0.1"),
            ("::ffff:10.0.0.1", b",198.51.100.7", "198.51.100.7"),
            ("fd00::1", b",2001:DB8::1", "2001:db8::1"),
        ],
    )
    def test_only_our_own_proxies_are_believed(self, peer, forwarded_for, client):
        assert client_address(peer, forwarded_for, self.TRUSTED) == client

    def test_a_long_chain_ends(self):
        assert client_address("10.0.0.1", b",10.0.0.2" * 10_000, self.TRUSTED) == "10.0.0.2"

    def test_an_ipv6_host_is_its_network(self):
        assert bucket("2001:db8::1") == bucket("2001:db8::ffff:2") == "2001:db8::"
        assert bucket("198.51.100.7") == "198.51.100.7"
        assert bucket("") == "unknown"


class TestThroughTheGateway:
    @pytest.fixture
    def settings(self, settings, redis_url, store):
        limits = {"write_limit": "3/100", "read_limit": "5/100", "unauthenticated_limit": "4/100"}
        return settings.model_copy(update={"redis_url": redis_url, **limits})

    async def test_beyond_the_quota_is_429(self, gateway, payments):
        answers = [await gateway.http.post("/v1/payments") for _ in range(5)]
        assert [answer.status_code for answer in answers] == [200] * 3 + [429] * 2
        assert len(payments.seen) == 3
        told = [re.fullmatch(r'"write";r=(\d);t=(\d+)', answer.headers["ratelimit"]) for answer in answers[:3]]
        assert [found and found[1] for found in told] == ["2", "1", "0"]
        # How long the requests took is off these.
        assert all(found and 0 < int(found[2]) <= most for found, most in zip(told, (34, 67, 100), strict=True))
        assert {answer.headers["ratelimit-policy"] for answer in answers} == {'"write";q=3;w=100'}
        problem = answers[-1].json()
        assert (problem["code"], problem["effect"], problem["retryable"]) == ("rate_limited", "none", True)
        assert 0 < int(answers[-1].headers["retry-after"]) <= 34
        assert (await gateway.http.get("/v1/payments")).status_code == 200  # reading is another class

    async def test_two_replicas_count_together(self, settings, clock, payments):
        async with (
            served(build(settings, clock=clock.clock())) as first,
            served(build(settings, clock=clock.clock())) as second,
            httpx2.AsyncClient(headers={"authorization": f"Bearer {KEY}"}, trust_env=False) as http,
        ):
            urls = [f"http://127.0.0.1:{port}/v1/payments" for port in (first, second)] * 5
            answers = await asyncio.gather(*(http.get(url) for url in urls))
        assert sorted(answer.status_code for answer in answers) == [200] * 5 + [429] * 5

    async def test_a_merchant_may_have_a_quota_of_its_own(self, gateway, payments):
        payments.keys[KEY] = {**KEY_ENTRY, "rate_limits": {"write": "6/100"}}
        answers = [await gateway.http.post("/v1/payments") for _ in range(7)]
        assert [answer.status_code for answer in answers] == [200] * 6 + [429]

    async def test_guessing_keys_ends_and_good_keys_go_on(self, gateway, payments):
        payments.keys = {KEY: KEY_ENTRY, OTHER: {**KEY_ENTRY, "key_id": "key_" + "3" * 32}}
        await gateway.http.get("/v1/payments")
        answers = []
        for number in range(6):
            wrong = f"Bearer sk_test_{number:043d}"
            # A forged header does not make another address of it.
            headers = {"authorization": wrong, "x-forwarded-for": f"198.51.100.{number}"}
            answers.append(await gateway.http.get("/v1/payments", headers=headers))
        assert [answer.status_code for answer in answers] == [401] * 4 + [429] * 2
        assert answers[-1].headers["ratelimit-policy"] == '"unauthenticated";q=4;w=100'
        asked = len(payments.verifications)
        assert (await gateway.http.get("/v1/payments", headers={"authorization": "Bearer x"})).status_code == 429
        assert len(payments.verifications) == asked
        assert (await gateway.http.get("/v1/payments")).status_code == 200
        clock = gateway.clock
        clock.now += 60  # barred addresses are listened to again
        assert (await gateway.http.get("/v1/payments", headers={"authorization": f"Bearer {OTHER}"})).status_code == 200

    async def test_the_reference_is_limited_by_address_and_health_is_not(self, gateway):
        assert [(await gateway.http.get("/docs")).status_code for _ in range(5)] == [200] * 4 + [429]
        assert {(await gateway.http.get("/health/live")).status_code for _ in range(9)} == {200}

    async def test_clients_of_a_trusted_proxy_are_told_apart(self, settings, payments):
        settings = settings.model_copy(update={"trusted_proxies": tuple(networks(["127.0.0.0/8"]))})
        async with served(build(settings, clock=Clock())) as port, httpx2.AsyncClient(trust_env=False) as http:
            statuses = [
                (
                    await http.get(f"http://127.0.0.1:{port}/docs", headers={"x-forwarded-for": f"198.51.100.{n % 2}"})
                ).status_code
                for n in range(10)
            ]
        assert statuses == [200] * 8 + [429] * 2


@pytest.mark.parametrize("text", ["", "5", "0/1", "1/0", "-1/1", "1.5/1", "10/s", "99999999/1"])
def test_a_quota_that_makes_no_sense_is_an_error(text):
    with pytest.raises(ValueError, match="requests, seconds"):
        Quota.parse(text)
