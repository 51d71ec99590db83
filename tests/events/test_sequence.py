"""Numbers of events: without gaps, in the order of commits, and no late commit is ever skipped."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import psycopg
import pytest
import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st

from payments.events import repository, sequencer
from payments.events.schemas import Stream
from shared.ids import new_uuid
from tests.support import Caller, Platform

pytestmark = pytest.mark.asyncio(loop_scope="module")

LANES = 3
INSERT = """
INSERT INTO payments.events (id, merchant_id, livemode, type, object_id, data)
SELECT id, %s, %s, 'payment.captured', id, '{}' FROM unnest(%s::uuid[]) AS id
"""

lane = st.integers(0, LANES - 1)
steps = st.one_of(
    st.tuples(st.just("write"), lane, st.integers(1, 3)),
    st.tuples(st.just("commit"), lane),
    st.tuples(st.just("roll back"), lane),
    st.tuples(st.just("number")),
)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def writers(service: Platform) -> AsyncIterator[list[psycopg.AsyncConnection[Any]]]:
    """Connections of the application that may keep their transactions open."""
    async with AsyncExitStack() as stack:
        connect = psycopg.AsyncConnection.connect
        yield [await stack.enter_async_context(await connect(service.database.url)) for _ in range(LANES)]


async def place(service: Platform, batch: int = 2) -> int:
    async with service.container.database.transaction() as connection:
        return (await repository.place(connection, batch))[0]


async def read(service: Platform, stream: Stream, after: int = 0) -> list[tuple[int, UUID]]:
    found, _ = await service.container.events.after(stream, after, 1_000)
    return [(event.sequence, event.id) for event in found]


@settings(max_examples=60, deadline=None)
@given(st.lists(steps, max_size=25))
async def test_a_reader_with_a_cursor_misses_nothing_and_sees_nothing_twice(service, writers, plan):
    stream = Stream(new_uuid(), False)
    pending: list[list[UUID]] = [[] for _ in writers]
    committed: list[UUID] = []
    seen: list[tuple[int, UUID]] = []
    for step, *arguments in plan:
        if step == "number":
            await place(service)
            seen += await read(service, stream, seen[-1][0] if seen else 0)
            continue
        writer, waiting = writers[arguments[0]], pending[arguments[0]]
        if step == "write":
            ids = [new_uuid() for _ in range(arguments[1])]
            await writer.execute(INSERT, [stream.merchant_id, stream.livemode, ids])
            waiting += ids
            continue
        await (writer.commit() if step == "commit" else writer.rollback())
        committed += waiting if step == "commit" else []
        waiting.clear()
    for writer in writers:
        await writer.rollback()
    await service.container.sequencer.run()
    seen += await read(service, stream, seen[-1][0] if seen else 0)
    assert [number for number, _ in seen] == list(range(1, len(committed) + 1))
    assert {event for _, event in seen} == set(committed)
    assert await read(service, stream) == seen


async def test_an_event_waits_for_transactions_that_began_before(service, writers):
    stream = Stream(new_uuid(), False)
    early, late = new_uuid(), new_uuid()
    await writers[0].execute(INSERT, [stream.merchant_id, False, [early]])
    await writers[1].execute(INSERT, [stream.merchant_id, False, [late]])
    await writers[1].commit()
    await place(service)
    assert await read(service, stream) == []
    run = asyncio.create_task(service.container.sequencer.run())
    await writers[0].commit()
    await run
    assert await read(service, stream) == [(1, early), (2, late)]


@pytest.mark.parametrize("ready", [0, 1])
async def test_a_run_waits_for_what_a_transaction_holds_back(service, writers, monkeypatch, ready):
    stream = Stream(new_uuid(), False)
    held, behind = new_uuid(), new_uuid()
    for _ in range(ready):
        await writers[2].execute(INSERT, [stream.merchant_id, False, [new_uuid()]])
        await writers[2].commit()
    await writers[0].execute(INSERT, [stream.merchant_id, False, [held]])
    await writers[1].execute(INSERT, [stream.merchant_id, False, [behind]])
    await writers[1].commit()

    async def pause(seconds: float) -> None:
        if seconds > 0:
            await writers[0].commit()

    monkeypatch.setattr(service.container.sequencer, "_placed_at", 0.0)
    monkeypatch.setattr(sequencer, "asyncio", SimpleNamespace(sleep=pause))
    assert await service.container.sequencer.run() == ready + 2


async def test_two_workers_number_every_event_once(service, writers):
    stream = Stream(new_uuid(), True)
    for _ in range(20):
        await writers[0].execute(INSERT, [stream.merchant_id, True, [new_uuid() for _ in range(5)]])
        await writers[0].commit()
    await asyncio.gather(*(service.container.sequencer.run() for _ in range(4)))
    assert [number for number, _ in await read(service, stream)] == list(range(1, 101))


async def test_modes_and_merchants_have_numbers_of_their_own(service, writers):
    streams = [Stream(merchant, livemode) for merchant in (new_uuid(), new_uuid()) for livemode in (True, False)]
    for stream in streams:
        await writers[0].execute(INSERT, [*stream, [new_uuid(), new_uuid()]])
    await writers[0].commit()
    await service.container.sequencer.run()
    for stream in streams:
        assert [number for number, _ in await read(service, stream)] == [1, 2]


async def test_a_backlog_is_numbered_in_batches(service, writers, monkeypatch):
    stream = Stream(new_uuid(), False)
    monkeypatch.setattr(sequencer, "_BATCH", 3)
    for size in (5, 1, 1, 4):  # the events of one transaction stay together, however many
        await writers[0].execute(INSERT, [stream.merchant_id, False, [new_uuid() for _ in range(size)]])
        await writers[0].commit()
    waiting = await service.container.sequencer.backlog()
    assert waiting["waiting"] == 11
    assert waiting["oldest_seconds"] > 0
    assert await service.container.sequencer.run() == 11
    assert await service.container.sequencer.backlog() == {"waiting": 0, "oldest_seconds": 0}
    assert [number for number, _ in await read(service, stream)] == list(range(1, 12))


async def test_events_that_follow_closely_are_numbered_together(service, writers, monkeypatch):
    stream = Stream(new_uuid(), False)

    async def write() -> None:
        await writers[0].execute(INSERT, [stream.merchant_id, False, [new_uuid()]])
        await writers[0].commit()

    async def pause(seconds: float) -> None:
        if seconds > 0:
            await write()

    await write()
    assert await service.container.sequencer.run() == 1
    monkeypatch.setattr(sequencer, "asyncio", SimpleNamespace(sleep=pause))
    monkeypatch.setattr(sequencer, "_PACE_SECONDS", 3600)
    await write()
    assert await service.container.sequencer.run() == 2


async def test_a_payment_s_events_are_in_the_order_of_its_life(service: Platform, merchant: Caller):
    payments = [await merchant.authorize() for _ in range(3)]
    for payment in payments:
        await merchant.post(f"/v1/payments/{payment['id']}/capture", {"amount": 1_000, "final": False})
        await merchant.post(f"/v1/payments/{payment['id']}/capture", {"amount": 2_000})
        await merchant.post(f"/v1/payments/{payment['id']}/refunds", {"amount": 500})
    await service.container.sequencer.run()
    assert merchant.identity.merchant_id is not None
    found, _ = await service.container.events.after(Stream(merchant.identity.merchant_id, False), 0, 100)
    for payment in payments:
        kinds = [event.type for event in found if payment["id"] in event.data]
        assert kinds == ["payment.authorized", "payment.partially_captured", "payment.captured", "refund.succeeded"]
