"""Nobody works on what nobody waits for; and what has begun is finished, whoever leaves."""

import asyncio
from time import monotonic

import pytest

from payments.batching import Batcher
from shared.problems import Problem
from tests.support import body_of, problem_of


class Held:
    """Handles batches when it is told to."""

    def __init__(self):
        self.batches: list[list[str]] = []
        self.go_on = asyncio.Event()

    async def __call__(self, items, is_under_way):
        self.batches.append(list(items))
        self.is_under_way = is_under_way
        await self.go_on.wait()
        return [item.upper() for item in items]


async def test_what_is_too_late_when_its_batch_begins_is_left_out():
    held = Held()
    batcher: Batcher[str, str] = Batcher(held, lanes=1)
    first = asyncio.create_task(batcher.submit("first"))
    await asyncio.sleep(0)
    late = asyncio.create_task(batcher.submit("late", monotonic() - 1))
    in_time = asyncio.create_task(batcher.submit("in time", monotonic() + 600))
    gone = asyncio.create_task(batcher.submit("gone"))
    await asyncio.sleep(0)
    gone.cancel()
    held.go_on.set()
    assert list(await asyncio.gather(first, in_time)) == ["FIRST", "IN TIME"]
    with pytest.raises(Problem) as caught:
        await late
    assert (caught.value.status, caught.value.effect, caught.value.retryable) == (503, "none", True)
    assert held.batches == [["first"], ["in time"]]


@pytest.mark.parametrize(("waiting", "begun"), [(12, 2), (11, 1)])
async def test_the_next_batch_begins_early_when_enough_waits_for_it(waiting, begun):
    held = Held()
    batcher: Batcher[str, str] = Batcher(held, lanes=1)
    first = asyncio.create_task(batcher.submit("first"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    others = [asyncio.create_task(batcher.submit("other")) for _ in range(waiting)]
    await asyncio.sleep(0)
    for _ in range(2):  # saying it twice changes nothing
        held.is_under_way()
        await asyncio.sleep(0)
    assert [len(batch) for batch in held.batches] == [1, waiting][:begun]
    held.go_on.set()
    assert await asyncio.gather(first, *others) == ["FIRST", *["OTHER"] * waiting]
    await batcher.close()


@pytest.mark.parametrize(("waiting", "begun"), [(32, [1, 12, 32]), (31, [1, 12])])
async def test_with_two_under_way_a_third_needs_more_and_there_is_no_fourth(waiting, begun):
    held = Held()
    batcher: Batcher[str, str] = Batcher(held, lanes=1)
    submitted = []
    for count in (1, 12, waiting, 96):
        submitted += [asyncio.create_task(batcher.submit("item")) for _ in range(count)]
        await asyncio.sleep(0)
        if held.batches:
            held.is_under_way()
        await asyncio.sleep(0)
    assert [len(batch) for batch in held.batches] == begun
    held.go_on.set()
    assert set(await asyncio.gather(*submitted)) == {"ITEM"}


async def test_one_that_leaves_its_batch_cancels_nothing():
    held = Held()
    batcher: Batcher[str, str] = Batcher(held, lanes=1)
    leaving, staying = (asyncio.create_task(batcher.submit(name)) for name in ("leaving", "staying"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    leaving.cancel()
    held.go_on.set()
    assert await staying == "STAYING"
    assert held.batches[0][0] == "leaving"


async def test_a_payment_whose_time_is_over_is_not_begun(shop):
    body = await shop.payment()
    late = await shop.post("/v1/payments", body, key="once", headers={"x-request-timeout": "0"})
    assert problem_of(late, 503, "unavailable")["effect"] == "none"
    problem_of(await shop.get("/v1/idempotency_keys/once"), 404, "not_found")
    body_of(await shop.post("/v1/payments", body, key="once", headers={"x-request-timeout": "30000"}), 201)


async def test_an_answer_of_the_acquirer_is_stored_however_late(platform, shop):
    # The intent is committed in time; by the time the acquirer answers, nobody waits any more.
    body = await shop.payment("4000009000000052")
    with platform.pauses.held():
        paying = asyncio.create_task(shop.post("/v1/payments", body, headers={"x-request-timeout": "500"}))
        await platform.pauses.reached.wait()
        await asyncio.sleep(0.6)
    paid = body_of(await paying, 201)
    assert (await shop.show(paid["id"]))["status"] == "captured"
