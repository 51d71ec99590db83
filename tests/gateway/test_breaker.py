"""Circuits open when payments fails, for all replicas, and admissions end before everything is slow."""

import asyncio
from contextlib import asynccontextmanager

import pytest
import redis

from gateway.admission import ADMIN_PLACES, Admission
from gateway.breaker import LEAST_REQUESTS, OPEN_SECONDS, Circuit
from gateway.circuits import Circuits
from shared.problems import Problem
from shared.redis_connection import RETRY_SECONDS, RedisConnection
from tests.fraud.relay import relayed
from tests.gateway.support import raw, reply, silence


@pytest.fixture
def circuit(clock):
    return Circuit("write", clock.clock())


def go(circuit: Circuit, *, failed: bool, times: int = 1) -> None:
    for _ in range(times):
        circuit.leave(probe=circuit.enter(), failed=failed)


def rejected(circuit: Circuit) -> Problem:
    with pytest.raises(Problem) as caught:
        circuit.enter()
    assert (caught.value.status, caught.value.code, caught.value.effect) == (503, "circuit_open", "none")
    return caught.value


class TestCircuit:
    def test_a_few_failures_mean_nothing(self, circuit):
        go(circuit, failed=True, times=LEAST_REQUESTS - 1)
        assert circuit.state == "closed"

    def test_it_opens_when_half_of_them_fail(self, circuit):
        go(circuit, failed=False, times=LEAST_REQUESTS)
        go(circuit, failed=True, times=LEAST_REQUESTS - 1)
        assert circuit.state == "closed"
        go(circuit, failed=True)
        assert circuit.state == "open"
        assert rejected(circuit).headers == {"Retry-After": str(int(OPEN_SECONDS))}
        assert circuit.rejected == 1

    def test_failures_of_long_ago_are_forgotten(self, circuit, clock):
        go(circuit, failed=True, times=LEAST_REQUESTS - 1)
        clock.now += 10.1
        go(circuit, failed=True, times=5)
        assert circuit.state == "closed"

    def test_one_probe_at_a_time_closes_it(self, circuit, clock):
        go(circuit, failed=True, times=LEAST_REQUESTS)
        clock.now += OPEN_SECONDS
        assert circuit.state == "half_open"
        for _ in range(3):
            probe = circuit.enter()
            assert probe
            assert rejected(circuit).headers == {"Retry-After": "1"}
            circuit.leave(probe=True, failed=False)
        assert circuit.state == "closed"
        go(circuit, failed=True, times=LEAST_REQUESTS - 1)
        assert circuit.state == "closed"  # what was before does not count again

    def test_a_failing_probe_opens_it_again(self, circuit, clock):
        go(circuit, failed=True, times=LEAST_REQUESTS)
        clock.now += OPEN_SECONDS
        go(circuit, failed=False, times=2)
        go(circuit, failed=True)
        assert circuit.state == "open"
        clock.now += OPEN_SECONDS
        go(circuit, failed=False, times=2)
        assert circuit.state == "half_open"

    def test_answers_to_what_was_sent_before_are_no_probes(self, circuit, clock):
        go(circuit, failed=True, times=LEAST_REQUESTS)
        clock.now += OPEN_SECONDS
        for _ in range(5):
            circuit.leave(probe=False, failed=False)
        assert circuit.state == "half_open"

    def test_an_abandoned_probe_makes_place(self, circuit, clock):
        go(circuit, failed=True, times=LEAST_REQUESTS)
        clock.now += OPEN_SECONDS
        circuit.abandon(probe=circuit.enter())
        assert circuit.enter()

    def test_it_can_be_forced(self, circuit):
        circuit.forced = "open"
        rejected(circuit)
        circuit.forced = "closed"
        go(circuit, failed=True, times=3 * LEAST_REQUESTS)
        assert not circuit.enter()
        circuit.forced = None
        assert circuit.state == "open"


class TestReplicas:
    @pytest.fixture
    async def boards(self, redis_url, clock):
        with redis.Redis.from_url(redis_url) as store:
            store.flushall()
        connections = [RedisConnection(redis_url, timeout=60) for _ in range(2)]
        yield [Circuits(connection, clock.clock()) for connection in connections]
        for connection in connections:
            await connection.close()

    async def test_one_opens_for_all_when_all_together_fail(self, boards):
        first, second = boards
        go(first.all["write"], failed=True, times=LEAST_REQUESTS // 2)
        go(second.all["write"], failed=True, times=LEAST_REQUESTS // 2)
        await first.sync()
        await second.sync()
        await first.sync()
        assert [board.all["write"].state for board in boards] == ["open", "open"]
        assert [board.all["read"].state for board in boards] == ["closed", "closed"]
        assert first.shared

    async def test_the_trouble_of_one_replica_is_its_own(self, boards):
        first, second = boards
        go(first.all["read"], failed=True, times=LEAST_REQUESTS)
        go(second.all["read"], failed=False, times=2 * LEAST_REQUESTS)
        await second.sync()
        await first.sync()
        await second.sync()
        assert (first.all["read"].state, second.all["read"].state) == ("open", "closed")

    async def test_forcing_reaches_every_replica(self, boards):
        first, second = boards
        await first.force("admin", "open")
        await second.sync()
        assert second.all["admin"].state == "open"
        await second.force("admin", None)
        await first.sync()
        assert [board.all["admin"].forced for board in boards] == [None, None]

    async def test_without_redis_each_is_its_own_and_tells_the_others_later(self, valkey_server, clock):
        async with relayed(valkey_server) as (relay, url):
            connection = RedisConnection(url, timeout=60, clock=clock)
            board = Circuits(connection, clock.clock())
            await board.sync()
            assert board.shared
            await relay.stop()
            await board.force("write", "open")
            assert (board.shared, board.all["write"].state) == (False, "open")
            await relay.start()
            clock.now += RETRY_SECONDS
            await board.sync()
            other = Circuits(connection, clock.clock())
            await other.sync()
            assert other.all["write"].state == "open"
            await board.force("write", None)
            await connection.close()


class TestAdmission:
    def test_beyond_the_places_is_503(self):
        admission = Admission(2)
        admission.enter("write")
        admission.enter("read")
        with pytest.raises(Problem) as caught:
            admission.enter("write")
        assert (caught.value.status, caught.value.code, caught.value.retryable) == (503, "overloaded", True)
        admission.leave("read")
        admission.enter("write")
        assert admission.shed == 1

    def test_administrators_have_places_of_their_own(self):
        admission = Admission(1)
        admission.enter("write")
        for _ in range(ADMIN_PLACES):
            admission.enter("admin")
        with pytest.raises(Problem):
            admission.enter("admin")


class TestThroughTheGateway:
    async def test_an_open_circuit_answers_at_once_and_closes_again(self, gateway, payments):
        await gateway.http.get("/v1/payments")
        payments.answer = raw(reply(b"{}", "503 Service Unavailable"))
        for _ in range(LEAST_REQUESTS):
            await gateway.http.post("/v1/payments")
        seen = len(payments.seen)
        response = await gateway.http.post("/v1/payments")
        assert (response.status_code, response.json()["code"]) == (503, "circuit_open")
        assert response.headers["retry-after"] == "5"
        assert len(payments.seen) == seen
        payments.answer = raw(reply())
        assert (await gateway.http.get("/v1/payments")).status_code == 200  # reading has a circuit of its own
        gateway.clock.now += OPEN_SECONDS
        assert [(await gateway.http.post("/v1/payments")).status_code for _ in range(4)] == [200] * 4

    @pytest.mark.parametrize("status", ["500 Internal Server Error", "400 Bad Request", "429 Too Many Requests"])
    async def test_what_one_client_can_cause_opens_nothing(self, gateway, payments, status):
        payments.answer = raw(reply(b"{}", status))
        answers = {(await gateway.http.post("/v1/payments")).status_code for _ in range(2 * LEAST_REQUESTS)}
        assert answers == {int(status[:3])}

    async def test_time_outs_open_it_too(self, gateway, payments):
        payments.answer = silence
        answers = [(await gateway.http.post("/v1/payments")).json()["code"] for _ in range(LEAST_REQUESTS + 1)]
        assert answers == ["bad_gateway"] * LEAST_REQUESTS + ["circuit_open"]

    @pytest.fixture
    def settings(self, settings):
        return settings.model_copy(update={"upstream_connections": 3})

    async def test_above_its_places_it_turns_away_at_once(self, gateway, payments):
        await gateway.http.get("/v1/payments")
        async with held(payments) as go_on:
            under_way = [asyncio.create_task(gateway.http.post("/v1/payments")) for _ in range(3)]
            async with asyncio.timeout(60):
                while len(payments.seen) < 4:  # noqa: ASYNC110 - they are on their way
                    await asyncio.sleep(0)
            response = await gateway.http.post("/v1/payments")
            assert (response.status_code, response.json()["code"]) == (503, "overloaded")
            assert response.headers["retry-after"] == "1"
            go_on.set()
            assert {answer.status_code for answer in await asyncio.gather(*under_way)} == {200}
        assert (await gateway.http.post("/v1/payments")).status_code == 200

    async def test_the_deadline_is_passed_on(self, gateway, payments, patience):
        await gateway.http.post("/v1/payments")
        assert payments.seen[0].one("x-request-timeout") == str(int(patience * 900))


@asynccontextmanager
async def held(payments):
    """A payments that answers when it is told to."""
    go_on = asyncio.Event()

    async def answer(_, writer):
        await go_on.wait()
        writer.write(reply())

    before, payments.answer = payments.answer, answer
    yield go_on
    payments.answer = before
