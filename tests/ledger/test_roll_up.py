"""Balances: what is rolled up plus the tail is the plain sum, whatever commits when."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any
from uuid import UUID

import psycopg
import pytest
import pytest_asyncio
import sqlalchemy as sa
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncConnection

from payments.ledger import repository
from shared.ids import new_uuid
from tests.ledger.books import OPEN, POSTINGS, TRANSACTION, Line, columns
from tests.support import Platform

pytestmark = pytest.mark.asyncio(loop_scope="module")

KINDS = ("merchant_pending", "refunds")
LANES = 3
PLAIN = sa.text(
    "SELECT a.kind, coalesce(sum(p.amount), 0) FROM payments.ledger_accounts a "
    "LEFT JOIN payments.postings p ON p.account_id = a.id WHERE a.merchant_id = :merchant GROUP BY a.kind"
)
TAIL = """
SELECT count(*) FROM payments.postings p JOIN payments.ledger_accounts a ON a.id = p.account_id
 WHERE a.merchant_id = %s AND p.xact >= (SELECT xact FROM payments.ledger_watermark)
"""

lane = st.integers(0, LANES - 1)
steps = st.one_of(
    st.tuples(st.just("post"), lane, st.integers(1, 10**6)),
    st.tuples(st.just("commit"), lane),
    st.tuples(st.just("roll back"), lane),
    st.tuples(st.just("roll up")),
)


class Holder(dict[str, int]):
    """A merchant with two accounts: their ids by kind."""

    merchant: UUID


class Writer:
    """A connection of the application that may keep its transaction open."""

    def __init__(self, connection: psycopg.AsyncConnection[Any]) -> None:
        self._connection = connection
        self.commit, self.roll_back = connection.commit, connection.rollback

    async def open_accounts(self) -> Holder:
        holder = Holder()
        holder.merchant = new_uuid()
        for kind in KINDS:
            row = await (await self._connection.execute(OPEN, [holder.merchant, False, kind, "EUR"])).fetchone()
            assert row is not None
            holder[kind] = row[0]
        await self.commit()
        return holder

    async def post(self, holder: Holder, amount: int) -> None:
        """Move an amount from the second account to the first, without a commit."""
        transaction = new_uuid()
        await self._connection.execute(TRANSACTION, [transaction, holder.merchant, False])
        lines = [Line(holder[KINDS[0]], amount), Line(holder[KINDS[1]], -amount)]
        await self._connection.execute(POSTINGS, columns(transaction, lines))


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def writers(service: Platform) -> AsyncIterator[list[Writer]]:
    async with AsyncExitStack() as stack:
        connect = psycopg.AsyncConnection.connect
        yield [Writer(await stack.enter_async_context(await connect(service.database.url))) for _ in range(LANES)]


async def read(connection: AsyncConnection, holder: Holder) -> int:
    """The balance of the first account, after a comparison of both with their postings at the same moment."""
    rows = await repository.merchant_balances(connection, holder.merchant, KINDS, livemode=False)
    balances = {row["kind"]: int(row["balance"]) for row in rows}
    plain = await connection.execute(PLAIN, {"merchant": holder.merchant})
    assert balances == {kind: int(total) for kind, total in plain}
    assert sum(balances.values()) == 0
    return balances[KINDS[0]]


async def balance(service: Platform, holder: Holder) -> int:
    async with service.container.database.snapshot() as connection:
        return await read(connection, holder)


def tail(service: Platform, holder: Holder) -> int:
    """How many postings are still to be rolled up."""
    ((count,),) = service.rows(TAIL, holder.merchant)
    return int(count)


async def test_a_transaction_that_commits_after_the_roll_up_is_not_lost(service: Platform, writers: list[Writer]):
    late, early, _ = writers
    holder = await late.open_accounts()
    await late.post(holder, 5)  # numbered first, still open
    await early.post(holder, 70)
    await early.commit()
    await service.container.ledger.roll_up()
    assert await balance(service, holder) == 70
    await late.commit()
    assert await balance(service, holder) == 75
    await service.container.ledger.roll_up()
    assert (await balance(service, holder), tail(service, holder)) == (75, 0)


@settings(max_examples=25, deadline=None)
@given(story=st.lists(steps, max_size=12))
@example(story=[("post", 0, 1), ("post", 1, 2), ("commit", 1), ("roll up",), ("commit", 0), ("roll up",)])
@example(story=[("post", 0, 1), ("roll up",), ("post", 0, 2), ("commit", 0), ("roll up",), ("roll up",)])
@example(story=[("post", 0, 1), ("post", 1, 2), ("roll up",), ("roll back", 0), ("roll up",), ("commit", 1)])
async def test_roll_up_and_tail_make_the_plain_sum_at_any_moment(
    service: Platform, writers: list[Writer], story: list[tuple[Any, ...]]
):
    for writer in writers:
        await writer.roll_back()
    holder = await writers[0].open_accounts()
    committed, pending = 0, [0] * LANES
    for what, *arguments in story:
        if what == "roll up":
            await service.container.ledger.roll_up()
        elif what == "post":
            await writers[arguments[0]].post(holder, arguments[1])
            pending[arguments[0]] += arguments[1]
        else:
            (number,) = arguments
            await (writers[number].commit() if what == "commit" else writers[number].roll_back())
            committed += pending[number] if what == "commit" else 0
            pending[number] = 0
        assert await balance(service, holder) == committed
    for writer in writers:
        await writer.commit()
    await service.container.ledger.roll_up()
    assert (await balance(service, holder), tail(service, holder)) == (committed + sum(pending), 0)


async def test_workers_that_roll_up_at_once_count_each_posting_once(service: Platform, writers: list[Writer]):
    writer = writers[0]
    holder = await writer.open_accounts()
    for amount in (1, 20, 300):
        await writer.post(holder, amount)
        await writer.commit()
    await asyncio.gather(*(service.container.ledger.roll_up() for _ in range(5)))
    assert (await balance(service, holder), tail(service, holder)) == (321, 0)


async def test_a_roll_up_changes_nothing_for_a_reader_in_the_middle(service: Platform, writers: list[Writer]):
    writer = writers[0]
    holder = await writer.open_accounts()
    await writer.post(holder, 5)
    await writer.commit()
    async with service.container.database.snapshot() as connection:
        assert await read(connection, holder) == 5
        await writer.post(holder, 7)
        await writer.commit()
        await service.container.ledger.roll_up()
        assert await read(connection, holder) == 5
    assert await balance(service, holder) == 12


async def test_a_roll_up_with_nothing_to_do_changes_no_account(service: Platform):
    await service.container.ledger.roll_up()
    before = service.rows("SELECT * FROM payments.ledger_balances ORDER BY account_id")
    assert await service.container.ledger.roll_up() == 0
    assert service.rows("SELECT * FROM payments.ledger_balances ORDER BY account_id") == before


async def test_balances_outgrow_64_bits(service: Platform, writers: list[Writer]):
    writer = writers[0]
    holder = await writer.open_accounts()
    for _ in range(3):
        await writer.post(holder, 2**62)
    await writer.commit()
    assert await balance(service, holder) == 3 * 2**62
    await service.container.ledger.roll_up()
    assert await balance(service, holder) == 3 * 2**62
