"""Batches are decided before they have the locks of their days, and nothing is written that turns out to be wrong."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st

from payments.pipeline import Pipeline
from tests.conftest import Database
from tests.support import Caller, Platform, body_of, limit, platform_on, problem_of, together

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATH = "/v1/payments"


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def second(database: Database, redis_url: str, key_folder: Path) -> AsyncIterator[Platform]:
    """Another process of the service."""
    async with platform_on(database, redis_url, key_folder) as platform:
        yield platform


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the statements that were sent."""
    names: list[str] = []
    send: Any = Pipeline.send

    def spy(self: Pipeline, statement: Any, values: Any) -> Any:
        names.append(statement.name.decode())
        return send(self, statement, values)

    monkeypatch.setattr(Pipeline, "send", spy)
    return names


async def pay(merchant: Caller, body: dict[str, Any]) -> dict[str, Any]:
    return body_of(await merchant.post(PATH, body), 201)


async def test_a_second_payment_asks_nothing_before_it_is_written(merchant, sent):
    await limit(merchant, daily_volume=1000)
    body = await merchant.payment(amount=100)
    for left in (1000, 900):
        sent.clear()
        payment = await pay(merchant, body)
        assert payment["decision"]["limits"]["headroom"]["daily_volume"] == left
    assert sent == ["write_lock_days", "write_create_foreseen"]


async def test_what_another_process_wrote_meanwhile_counts(merchant, second, sent):
    await limit(merchant, daily_volume=350)
    body = await merchant.payment(amount=100)
    statuses = [(await pay(caller, body))["status"] for caller in (merchant, Caller(second, merchant.identity))]
    sent.clear()
    statuses += [(await pay(merchant, body))["status"] for _ in range(2)]
    assert statuses == ["captured", "captured", "captured", "declined"]
    # It was wrong once; on such a day nothing is foreseen until nobody else writes any more.
    assert [name for name in sent if name.startswith("write_create")] == [
        "write_create_foreseen",
        "write_create",
        "write_create",
    ]


async def test_a_replay_takes_no_headroom_from_its_neighbors(merchant):
    """Both are decided beforehand, when nobody knows that one of the keys has its payment."""
    await limit(merchant, daily_volume=300)
    body = await merchant.payment(amount=100)
    first = body_of(await merchant.post(PATH, body, key="once"), 201)
    await pay(merchant, body)
    batcher = merchant.platform.container.write_path._creations
    replay, fresh = await together(batcher, [merchant.post(PATH, body, key=key) for key in ("once", "fresh")])
    assert body_of(replay, 201) == first
    assert body_of(fresh, 201)["status"] == "captured"
    assert (await pay(merchant, body))["status"] == "declined"


async def test_what_a_refused_batch_would_have_left_is_not_expected(merchant):
    await limit(merchant, daily_volume=200)
    body = await merchant.payment(amount=100)
    await pay(merchant, body)
    with merchant.platform.sql() as connection:
        connection.execute("ALTER TABLE payments.payments ADD CONSTRAINT luck CHECK (reference <> 'unlucky')")
        try:
            problem_of(await merchant.post(PATH, body | {"reference": "unlucky"}), 500, "internal")
        finally:
            connection.execute("ALTER TABLE payments.payments DROP CONSTRAINT luck")
    assert [(await pay(merchant, body))["status"] for _ in range(2)] == ["captured", "declined"]


BURST = st.lists(st.tuples(st.integers(0, 1), st.integers(1, 60), st.booleans()), min_size=1, max_size=8)


@settings(max_examples=15, deadline=None)
@given(bursts=st.lists(BURST, min_size=2, max_size=4))
async def test_two_processes_approve_exactly_what_the_limit_allows(service, second, bursts):
    """A burst arrives at once, in either process; some repeat a key. Whatever is declined found too little left."""
    shop = await service.shop()
    await limit(shop, daily_volume=200)
    body = await shop.payment(amount=1)
    body_of(await shop.post(PATH, body, key="first"), 201)
    callers, used = (shop, Caller(second, shop.identity)), 1
    for number, burst in enumerate(bursts):
        posts = [
            callers[process].post(PATH, body, key="first")
            if repeats
            else callers[process].post(PATH, body | {"amount": amount}, key=f"{number}.{at}")
            for at, (process, amount, repeats) in enumerate(burst)
        ]
        replies = [body_of(reply, 201) for reply in await asyncio.gather(*posts)]
        new = [reply for reply, (_, _, repeats) in zip(replies, burst, strict=True) if not repeats]
        used += sum(payment["amount"] for payment in new if payment["status"] == "captured")
        assert used <= 200
        assert all(payment["amount"] > 200 - used for payment in new if payment["status"] == "declined")
    query = "SELECT volume FROM payments.merchant_days WHERE merchant_id = %s AND count > 0"
    assert service.rows(query, shop.identity.merchant_id) == [(used,)]
