"""The worker's tasks: woken as soon as there is something to do, or run once by somebody's schedule."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from payments import worker
from payments.container import Container
from tests.support import Caller, Platform
from tests.webhooks.receiver import Receiver
from tests.webhooks.support import deliveries, endpoint, work

pytestmark = pytest.mark.asyncio(loop_scope="module")

NEVER = 100_000.0


@asynccontextmanager
async def working(service: Platform) -> AsyncIterator[None]:
    """A worker with parts of its own, as in another process."""
    stop = asyncio.Event()
    running = asyncio.create_task(worker.serve(Container(service.container.settings), stop))
    try:
        yield
    finally:
        stop.set()
        await running


async def test_a_commit_wakes_it_without_any_clock(
    service: Platform, merchant: Caller, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
):
    every, woken = worker.tasks, set(worker._WOKEN_BY)
    # Nothing else runs, and no transaction lasts too long to be waited for: there is no second look.
    monkeypatch.setattr("payments.events.sequencer._MAX_ROUNDS", 1_000_000)
    monkeypatch.setattr(
        worker, "tasks", lambda container: [(name, NEVER, run) for name, _, run in every(container) if name in woken]
    )
    await endpoint(merchant, receiver.url)
    async with working(service):
        for number in range(1, 11):
            await merchant.pay()
            await receiver.until(came(receiver, number))


def came(receiver: Receiver, messages: int) -> Callable[[], bool]:
    return lambda: len(receiver.seen) == messages


async def test_without_redis_it_looks_by_itself(
    service: Platform, merchant: Caller, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(worker, "_WOKEN_BY", {})
    await endpoint(merchant, receiver.url)
    async with working(service):
        await merchant.pay()
        await receiver.until(lambda: len(receiver.seen) == 1)


async def test_tasks_run_once_for_a_schedule(service: Platform, merchant: Caller, receiver: Receiver):
    await endpoint(merchant, receiver.url)
    await merchant.pay()
    done = await worker.run_once(service.container, ["sequence events", "deliver webhooks"])
    assert done == {"sequence events": 1, "deliver webhooks": 1}
    assert receiver.sequences == [1], "what was started is waited for"
    with pytest.raises(ValueError, match="no such task: make coffee"):
        await worker.run_once(service.container, ["make coffee"])


async def test_a_task_that_fails_stops_no_other(service: Platform, monkeypatch: pytest.MonkeyPatch):
    async def fails() -> int:
        raise OSError

    async def works() -> int:
        return 7

    monkeypatch.setattr(worker, "tasks", lambda _: [("one", 1, fails), ("two", 1, works)])
    assert await worker.run_once(service.container) == {"one": None, "two": 7}


async def test_deliveries_that_ended_are_pruned_with_their_attempts(
    service: Platform, merchant: Caller, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
):
    made = await endpoint(merchant, receiver.url)
    await merchant.pay()
    await work(service)
    assert await service.container.webhooks.prune() == 0
    monkeypatch.setattr(service.container.webhooks, "_retention", timedelta(days=-1))
    assert await service.container.webhooks.prune() >= 1
    assert await deliveries(merchant, made["id"]) == []
    assert service.rows("SELECT count(*) FROM payments.webhook_attempts") == [(0,)]
