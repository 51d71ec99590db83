"""`GET /v1/stream` through the gateway: live, from any cursor, one's own only, and it ends when it should."""

import asyncio

import httpx2
import pytest

from payments.events import streams
from tests.events.conftest import Served
from tests.events.support import next_event, sequence
from tests.support import problem_of

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_events_arrive_as_they_happen(door: Served, client: httpx2.AsyncClient):
    shop = await door.shop()
    async with shop.follow(client) as following:
        assert (await anext(following))["id"] == "0"
        for number in (1, 2):
            payment = await shop.caller.pay()
            await sequence(door.platform)
            event = await next_event(following)
            assert (event["id"], event["event"]) == (str(number), "payment.captured")
            assert event["data"]["data"] == payment
            assert event["data"]["sequence"] == number


async def test_a_client_that_comes_back_goes_on_from_its_last_event(door: Served, client: httpx2.AsyncClient):
    shop = await door.shop()
    for _ in range(5):
        await shop.caller.pay()
    await sequence(door.platform)
    async with shop.follow(client, **{"last-event-id": "2"}) as following:
        assert [(await next_event(following))["id"] for _ in range(3)] == ["3", "4", "5"]
    async with shop.follow(client, "?after=4") as following:
        assert (await next_event(following))["id"] == "5"
    async with shop.follow(client, "?after=0&type=payment.declined") as following:
        await shop.caller.pay("4000000000000002")
        await sequence(door.platform)
        assert (await next_event(following))["id"] == "6"


async def test_events_come_without_redis_too(door: Served, client: httpx2.AsyncClient, monkeypatch):
    shop = await door.shop()
    await door.platform.container.streams.close()
    monkeypatch.setattr(door.platform.container.listener, "_url", "redis://127.0.0.1:1")
    async with shop.follow(client) as following:
        await anext(following)
        await shop.caller.pay()
        await sequence(door.platform)
        assert (await next_event(following))["id"] == "1"


async def test_nobody_hears_of_others(door: Served, client: httpx2.AsyncClient):
    shop, other = await door.shop(), await door.shop()
    async with shop.follow(client) as following, other.follow(client) as others:
        await anext(others)
        await shop.caller.pay()
        theirs = await other.caller.pay()
        await sequence(door.platform)
        assert (await next_event(others))["data"]["data"]["id"] == theirs["id"]
        assert (await next_event(following))["data"]["data"]["id"] != theirs["id"]


async def test_an_idle_stream_beats_and_says_how_far_it_is(door: Served, client: httpx2.AsyncClient, monkeypatch):
    monkeypatch.setattr(streams, "HEARTBEAT_SECONDS", 0.01)
    shop = await door.shop()
    async with shop.follow(client, "?type=payment.declined") as following:
        await anext(following)
        await shop.caller.pay()
        await sequence(door.platform)
        async for block in following:
            assert "data" not in block
            if block["id"] == "1":
                break


async def test_a_revoked_key_ends_its_streams(door: Served, client: httpx2.AsyncClient):
    shop = await door.shop()
    async with shop.follow(client) as following:
        await anext(following)
        revoke = f"/v1/merchants/{shop.merchant}/api_keys/{shop.key_id}"
        assert (await door.platform.admin.request("DELETE", revoke, key=None)).is_success
        # The gateway cuts the answer off in the middle.
        with pytest.raises(httpx2.RemoteProtocolError):
            await next_event(following)


async def test_streams_take_no_connection_from_requests(door: Served, client: httpx2.AsyncClient):
    shop = await door.shop()
    async with asyncio.TaskGroup() as group:
        over = asyncio.Event()
        ready = asyncio.Semaphore(0)

        async def follow() -> None:
            async with shop.follow(client) as following:
                await anext(following)
                ready.release()
                await over.wait()

        for _ in range(12):  # the gateway has four connections
            group.create_task(follow())
            await ready.acquire()
        answer = await client.get(f"{shop.gateway_url}/v1/events", headers=shop.headers)
        assert answer.status_code == 200
        over.set()
    async with asyncio.timeout(30):
        while door.platform.container.streams._followers:  # noqa: ASYNC110 - the service hears of it from two sockets
            await asyncio.sleep(0.01)


async def test_there_is_a_bound(door: Served, client: httpx2.AsyncClient, monkeypatch):
    monkeypatch.setattr(streams, "_MAX_PER_MERCHANT", 1)
    shop = await door.shop()
    async with shop.follow(client) as following:
        await anext(following)
        refused = await client.get(f"{shop.gateway_url}/v1/stream", headers=shop.headers)
        problem_of(refused, 429, "too_many_streams")
        assert refused.headers["retry-after"]


@pytest.mark.parametrize("cursor", ["x", "-1", "9" * 20, "²"])
async def test_a_cursor_is_a_number(door: Served, cursor):
    shop = await door.platform.shop()
    answer = await shop.get("/v1/stream", headers={"last-event-id": cursor})
    problem_of(answer, 422, "validation_failed", "/last-event-id")


async def test_streams_end_with_the_process(door: Served, client: httpx2.AsyncClient):
    shop = await door.shop()
    async with shop.follow(client) as following:
        await anext(following)
        await door.platform.container.streams.close()
        assert [block async for block in following] == []
