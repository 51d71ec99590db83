"""`kill -9` of real workers: every event arrives all the same, with the same id, and first ones in order.

`KILLS=100 make audit` does more of it.
"""

import asyncio
import os
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from payments.books.verify import broken, verify
from tests.conftest import Database
from tests.faults.wire import Proxy
from tests.payments.conftest import key_folder
from tests.support import Caller, Platform, platform_on
from tests.webhooks.receiver import Message, Receiver, answer
from tests.webhooks.support import deliveries, endpoint
from tests.webhooks.workers import Workers

__all__ = ["key_folder"]

KILLS = int(os.environ.get("KILLS", "10"))
MARK = "INSERT INTO payments.webhook_attempts"
# As many first attempts may be under way at a time when an endpoint is behind.
WINDOW = 16


@pytest.fixture
async def platform(database: Database, redis_url: str, key_folder: Path) -> AsyncIterator[Platform]:
    async with platform_on(database, redis_url, key_folder, webhook_allow_loopback=True) as platform:
        yield platform


@pytest.fixture
async def shop(platform: Platform) -> Caller:
    return await platform.shop()


async def silent(_: Message) -> bytes:
    await asyncio.Event().wait()
    raise AssertionError


async def test_killed_after_it_has_sent_and_before_it_heard(platform: Platform, shop: Caller):
    async with Receiver(answer=silent) as receiver, Workers(platform.container.settings) as workers:
        made = await endpoint(shop, receiver.url)
        await shop.pay()
        worker = await workers.start()
        await receiver.until(lambda: len(receiver.seen) == 1)
        workers.kill(worker)
        receiver.answer = None
        await workers.start()
        await receiver.until(lambda: len(receiver.seen) == 2)
        check(receiver, made["secret"], 1)
        assert receiver.seen[0].body == receiver.seen[1].body
        await delivered(shop, made["id"], 1)


async def test_killed_after_it_heard_and_before_it_marked(platform: Platform, shop: Caller):
    async with (
        Proxy(platform.database.url) as proxy,
        Receiver() as receiver,
        Workers(platform.container.settings, database_url=proxy.url) as workers,
    ):
        made = await endpoint(shop, receiver.url)
        await shop.pay()
        proxy.cut(MARK, "before the write")
        worker = await workers.start()
        await proxy.reached.wait()
        workers.kill(worker)
        assert len(receiver.seen) == 1
        [waiting] = await deliveries(shop, made["id"])
        assert (waiting["status"], waiting["attempts"]) == ("pending", [])
        await workers.start()
        await delivered(shop, made["id"], 1)
        check(receiver, made["secret"], 1)
        assert len(receiver.seen) == 2


async def test_killed_in_the_middle_of_a_batch(platform: Platform, shop: Caller):
    async with Receiver() as receiver, Workers(platform.container.settings) as workers:

        async def until_the_fifth(message: Message) -> bytes:
            return await silent(message) if message.event["sequence"] >= 5 else answer()

        receiver.answer = until_the_fifth
        made = await endpoint(shop, receiver.url)
        await asyncio.gather(*(shop.pay() for _ in range(30)))
        worker = await workers.start()
        await receiver.until(lambda: max(receiver.sequences, default=0) >= 5)
        workers.kill(worker)
        receiver.answer = None
        await workers.start()
        await delivered(shop, made["id"], 30)
        check(receiver, made["secret"], 30)


async def test_an_outside_receiver_audits_load_while_workers_are_killed(platform: Platform, shop: Caller):
    chance = random.Random(KILLS)

    async def unreliable(_: Message) -> bytes:
        return answer("500 Internal Server Error") if chance.random() < 0.2 else answer()

    async with (
        Receiver() as reliable,
        Receiver(answer=unreliable) as failing,
        Workers(platform.container.settings) as workers,
    ):
        endpoints = [await endpoint(shop, each.url) for each in (reliable, failing)]
        for _ in range(2):
            await workers.start()
        over = asyncio.Event()
        load = [asyncio.create_task(pay_until(shop, over)) for _ in range(2)]
        for _ in range(KILLS):
            await reliable.more(chance.randint(2, 8))
            workers.kill(chance.choice(workers.alive))
            await workers.start()
        over.set()
        events = sum(await asyncio.gather(*load))
        for receiver, made in zip((reliable, failing), endpoints, strict=True):
            await delivered(shop, made["id"], events)
            check(receiver, made["secret"], events)
    async with platform.container.database.snapshot() as connection:
        assert list(broken(await verify(connection))) == []


async def pay_until(shop: Caller, over: asyncio.Event) -> int:
    """Make payments, each of which leaves two or three events; returns how many."""
    events = 0
    while not over.is_set():
        payment = await shop.authorize()
        await shop.post(f"/v1/payments/{payment['id']}/capture", {})
        await shop.post(f"/v1/payments/{payment['id']}/refunds", {"amount": 1})
        events += 3
    return events


async def delivered(shop: Caller, endpoint_id: str, events: int) -> None:
    """Return when so many deliveries are done, and nothing else is left."""
    query = "SELECT status, count(*) FROM payments.webhook_deliveries WHERE endpoint_id = %s GROUP BY status"
    async with asyncio.timeout(120):
        done = [("delivered", events)]
        while shop.platform.rows(query, endpoint_id.removeprefix("we_")) != done:  # noqa: ASYNC110 - workers write it
            await asyncio.sleep(0.05)


def check(receiver: Receiver, secret: str, events: int) -> None:
    """Every event at least once, always with its own id, signed, and for the first time in the order of its number."""
    ids: dict[int, str] = {}
    firsts: list[int] = []
    for message in receiver.seen:
        message.verify(secret)
        number = message.event["sequence"]
        if number not in ids:
            firsts.append(number)
        assert ids.setdefault(number, message.id) == message.id == message.event["id"]
    assert sorted(firsts) == list(range(1, events + 1))
    latest = 0
    for count, number in enumerate(firsts, 1):
        latest = max(latest, number)
        # What began before the latest and has not come yet is under way, or was when its worker was killed.
        assert latest - count < WINDOW, firsts
