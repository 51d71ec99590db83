"""What happens to one item of a batch is no other item's business."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from payments.connectors.port import Outcome, RefundRequest
from payments.payments import decisions
from payments.payments.changes import Change
from payments.payments.domain import Payment
from payments.payments.write_path import WritePath
from tests.conftest import Database, Databases
from tests.faults.evidence import check_books, check_one_capture_per_key, operations_per_key
from tests.support import Caller, Platform, body_of, platform_on, problem_of, together

_REFUSALS = """
ALTER TABLE payments.payments ADD CONSTRAINT no_bad_luck CHECK (reference <> 'unlucky');
ALTER TABLE payments.operations ADD CONSTRAINT no_bad_luck CHECK (reason <> 'fraudulent');
"""


@pytest.fixture
def database(databases: Databases) -> Iterator[Database]:
    """A database that the test may spoil."""
    with databases.fresh() as database:
        yield database


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the batches that were tried, each followed by its parts if it was split."""
    sizes: list[int] = []
    persist: Any = WritePath._persist

    async def spy(self: WritePath, items: list[Any], write: Any) -> Any:
        sizes.append(len(items))
        return await persist(self, items, write)

    monkeypatch.setattr(WritePath, "_persist", spy)
    return sizes


async def test_a_payment_that_the_database_refuses(shop: Caller, database: Database, batches: list[int]):
    with shop.platform.sql() as connection:
        connection.execute(_REFUSALS.encode())
    bodies = [await shop.payment(reference="unlucky" if number == 40 else "lucky") for number in range(65)]
    creations = shop.platform.container.write_path._creations
    answers = await together(creations, [shop.post("/v1/payments", body) for body in bodies])
    assert batches[0] == 65
    assert 1 in batches
    problem_of(answers.pop(40), 500, "internal")
    assert {answer.status_code for answer in answers} == {201}
    check_one_capture_per_key(shop, 64)  # one of the 65 is missing


async def test_a_payment_whose_decision_breaks(shop: Caller, batches: list[int], monkeypatch: pytest.MonkeyPatch):
    """Decided under the lock of its merchant's day, between its neighbors."""
    create = decisions.create

    def broken(payment: Payment, outcome: Outcome) -> Change:
        if payment.reference == "unlucky":
            raise RuntimeError("a defect")
        return create(payment, outcome)

    monkeypatch.setattr(decisions, "create", broken)
    bodies = [await shop.payment(reference="unlucky" if number == 3 else "lucky") for number in range(8)]
    creations = shop.platform.container.write_path._creations
    answers = await together(creations, [shop.post("/v1/payments", body) for body in bodies])
    assert 8 in batches
    problem_of(answers.pop(3), 500, "internal")
    assert {answer.status_code for answer in answers} == {201}
    check_one_capture_per_key(shop, 7)


async def test_a_refund_that_the_database_refuses(shop: Caller, database: Database, batches: list[int]):
    payments = [await shop.pay() for _ in range(65)]
    with shop.platform.sql() as connection:
        connection.execute(_REFUSALS.encode())
    batches.clear()
    changes = shop.platform.container.write_path._requests
    requests = [_refund(shop, payment, number == 40) for number, payment in enumerate(payments)]
    answers = await together(changes, requests)
    assert batches[0] == 64
    assert 1 in batches
    problem_of(answers.pop(40), 500, "internal")
    assert {answer.status_code for answer in answers} == {201}
    assert (await shop.show(payments[40]["id"]))["amount_refunded"] == 0
    check_books(shop)


async def _refund(shop: Caller, payment: dict[str, Any], unlucky: bool) -> httpx2.Response:
    body = {"reason": "fraudulent" if unlucky else "duplicate"}
    return await shop.post(f"/v1/payments/{payment['id']}/refunds", body)


async def test_a_decision_that_breaks(shop: Caller, monkeypatch: pytest.MonkeyPatch, batches: list[int]):
    payments = [await shop.pay() for _ in range(65)]
    sandbox = shop.platform.container.sandbox
    decide = sandbox.single_commit

    def broken(request: Any) -> Any:
        if isinstance(request, RefundRequest) and request.amount == 13:
            raise RuntimeError("a defect")
        return decide(request)

    monkeypatch.setattr(sandbox, "single_commit", broken)
    batches.clear()
    paths = [f"/v1/payments/{payment['id']}/refunds" for payment in payments]
    requests = [shop.post(path, {"amount": 13 if number == 40 else 14}) for number, path in enumerate(paths)]
    answers = await together(shop.platform.container.write_path._requests, requests)
    assert batches[0] == 64
    problem_of(answers.pop(40), 500, "internal")
    assert {answer.status_code for answer in answers} == {201}
    check_books(shop)


@pytest.fixture
async def processes(database: Database, redis_url: str, key_folder: Path) -> AsyncIterator[list[Platform]]:
    """Two processes of the service on one database."""
    async with (
        platform_on(database, redis_url, key_folder) as first,
        platform_on(database, redis_url, key_folder) as second,
    ):
        yield [first, second]


async def test_two_processes_with_the_same_keys(processes: list[Platform]):
    shops = await _in_each(processes)
    body = await shops[0].payment()
    keys = [f"key {number}" for number in range(120)] * 5
    random.Random(7).shuffle(keys)
    requests = [shops[number % 2].post("/v1/payments", body, key=key) for number, key in enumerate(keys)]
    answers = await asyncio.gather(*requests)
    assert {answer.status_code for answer in answers} == {201}
    assert len({(key, answer.content) for key, answer in zip(keys, answers, strict=True)}) == 120
    assert sum("idempotent-replayed" not in answer.headers for answer in answers) == 120
    check_one_capture_per_key(shops[0], 120)


async def test_two_processes_with_the_same_payments(processes: list[Platform]):
    shops = await _in_each(processes)
    payments = [(await shops[0].pay(amount=100))["id"] for _ in range(20)]
    orders = [(payment, f"{payment} {number}") for payment in payments for number in range(10)] * 3
    random.Random(8).shuffle(orders)
    requests = [
        shops[number % 2].post(f"/v1/payments/{payment}/refunds", {"amount": 10}, key=key)
        for number, (payment, key) in enumerate(orders)
    ]
    answers = await asyncio.gather(*requests)
    assert {answer.status_code for answer in answers} == {201}
    assert operations_per_key(shops[0]) == {key: 1 for _, key in orders}
    shown = [body_of(await shops[0].get(f"/v1/payments/{payment}"), 200) for payment in payments]
    assert {payment["amount_refunded"] for payment in shown} == {100}
    check_books(shops[0])


async def _in_each(processes: list[Platform]) -> list[Caller]:
    """One merchant, as a caller of each process."""
    shop = await processes[0].shop()
    return [shop, Caller(processes[1], shop.identity)]
