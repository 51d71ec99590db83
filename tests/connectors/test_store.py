"""The sandbox's books on real PostgreSQL: one entry per key, however many arrive at once."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from payments.connectors.sandbox.connector import SandboxConnector
from payments.connectors.sandbox.store import Operation, SandboxStore, operations
from payments.database import Database


@pytest.fixture
def operation(requests) -> Operation:
    return Operation(requests.key(), "refund", "sbx_1", "sbx_0", 10**15, "EUR", "approved", None, "refund_timeout")


@pytest.fixture
def soon() -> datetime:
    return datetime.now(UTC) + timedelta(minutes=1)


async def count(store: SandboxStore, key: str) -> int:
    async with store._database.transaction() as connection:
        rows = await connection.execute(sa.select(sa.func.count()).where(operations.c.key == key))
        return rows.scalar_one()


async def test_an_entry_comes_back_as_it_was_written(store, operation, soon):
    first = await store.record(operation, soon)
    second = await store.record(operation, soon)
    found = await store.find(operation.key)

    assert (first.fresh, second.fresh, found.fresh) == (True, False, False)
    assert first.operation == second.operation == found.operation == operation
    assert timedelta() <= second.age <= found.age < timedelta(minutes=1)


async def test_what_comes_too_late_is_not_written(store, operation):
    past = datetime.now(UTC) - timedelta(minutes=1)

    assert await store.record(operation, past) is None
    assert await store.find(operation.key) is None


async def test_what_is_known_is_answered_however_late(store, operation, soon):
    await store.record(operation, soon)

    late = await store.record(operation, datetime.now(UTC) - timedelta(minutes=1))

    assert late.operation == operation


async def test_a_second_writer_waits_for_the_first_and_reads_its_entry(store, operation, soon, database_url):
    other = Database(database_url)
    first = {field: getattr(operation, field) for field in Operation.__struct_fields__} | {"reference": "sbx_first"}
    blocked = sa.text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = :event"
    )
    async with other.transaction() as writer:
        await writer.execute(sa.insert(operations).values(first))
        second = asyncio.create_task(store.record(operation, soon))
        async with asyncio.timeout(20):
            async with other.engine.connect() as watcher:
                while not (await watcher.execute(blocked, {"event": "transactionid"})).scalar_one():
                    await watcher.rollback()
    entry = await second
    await other.dispose()

    assert (entry.fresh, entry.operation.reference) == (False, "sbx_first")


@pytest.mark.parametrize("scenario", ["authorize_then_timeout", "duplicate_callback", "slow"])
async def test_a_burst_with_one_key_acts_once(scenario, database_url, keyring, requests, deadline):
    callbacks = []

    async def deliver(headers, body) -> None:
        callbacks.append(body)

    async def delay(_: float) -> None:
        await asyncio.sleep(0)

    # Two processes' worth of pools.
    databases = [Database(database_url), Database(database_url)]
    connectors = [SandboxConnector(SandboxStore(one), keyring, deliver=deliver, delay=delay) for one in databases]
    request = requests.authorize(scenario)
    outcomes = await asyncio.gather(*(connectors[n % 2].authorize(request, deadline) for n in range(40)))
    entries = await count(connectors[0]._store, request.key)
    proof = await connectors[1].lookup(request.key)
    for one in databases:
        await one.dispose()

    assert entries == 1
    lost = 1 if scenario == "authorize_then_timeout" else 0
    assert [outcome == proof for outcome in outcomes].count(False) == lost
    assert len(callbacks) == (2 if scenario == "duplicate_callback" else 0)


async def test_callbacks_are_counted(store, operation, soon):
    await store.record(operation, soon)
    await store.count_callback(operation.key)
    await store.count_callback(operation.key)

    async with store._database.transaction() as connection:
        rows = await connection.execute(sa.select(operations.c.callbacks).where(operations.c.key == operation.key))
        assert rows.scalar_one() == 2


async def test_the_table_in_the_code_is_the_table_in_the_database(store):
    columns = sa.text(
        "SELECT column_name, is_nullable = 'YES' FROM information_schema.columns "
        "WHERE table_schema = 'sandbox' AND table_name = 'operations'"
    )
    async with store._database.transaction() as connection:
        actual = {tuple(row) for row in await connection.execute(columns)}

    assert actual == {(column.name, column.nullable) for column in operations.columns}
