"""The connection dies around a commit. The client gets the right answer all the same, and nothing happens twice."""

import asyncio

import pytest

from tests.faults.evidence import check_books, check_one_capture_per_key, operations_per_key, payments_per_key
from tests.faults.wire import CHANGE, CREATION, Moment, Proxy
from tests.support import Caller, body_of

CALLBACK_TWICE, SLOW, LOST = "4000009000000060", "4000009000000052", "4000009000000011"
CAPTURE_LOST, VOID_LOST, REFUND_LOST = "4000009000000078", "4000009000000094", "4000009000000102"
MOMENTS: list[Moment] = ["before the write", "before the commit", "after the commit", "behind the commit"]

pytestmark = pytest.mark.parametrize("moment", MOMENTS)


async def test_a_lone_payment(shop: Caller, proxy: Proxy, moment: Moment):
    body = await shop.payment()
    proxy.cut(CREATION, moment)
    first = await shop.post("/v1/payments", body, key="one")
    assert proxy.reached.is_set()
    assert body_of(first, 201)["status"] == "captured"
    again = await shop.post("/v1/payments", body, key="one")
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers["idempotent-replayed"] == "true"
    check_one_capture_per_key(shop, 1)


async def test_a_whole_batch_with_repetitions(shop: Caller, proxy: Proxy, moment: Moment):
    body = await shop.payment()
    keys = [f"key {number % 30}" for number in range(70)]
    await shop.pay()  # opens the accounts, so that all of them go out together
    proxy.cut(CREATION, moment)
    answers = await asyncio.gather(*(shop.post("/v1/payments", body, key=key) for key in keys))
    assert proxy.reached.is_set()
    assert {answer.status_code for answer in answers} == {201}
    bodies = {(key, answer.content) for key, answer in zip(keys, answers, strict=True)}
    assert len(bodies) == 30, "one body per key"
    assert {key: count for key, count in payments_per_key(shop).items() if key in keys} == dict.fromkeys(keys, 1)
    check_one_capture_per_key(shop, 31)


@pytest.mark.parametrize("kind", ["capture", "void", "refunds"])
async def test_an_operation(shop: Caller, proxy: Proxy, moment: Moment, kind: str):
    payment = await (shop.pay() if kind == "refunds" else shop.authorize())
    path = f"/v1/payments/{payment['id']}/{kind}"
    proxy.cut(CHANGE, moment)
    first = await shop.post(path, {}, key="two")
    assert proxy.reached.is_set()
    done = body_of(first, 201 if kind == "refunds" else 200)
    assert done["status"] == {"capture": "captured", "void": "voided", "refunds": "succeeded"}[kind]
    assert (await shop.post(path, {}, key="two")).content == first.content
    assert operations_per_key(shop) == {"two": 1}
    check_books(shop)


@pytest.mark.parametrize("statement", [CREATION, CHANGE], ids=["intent", "answer"])
@pytest.mark.parametrize(("card", "status"), [(SLOW, "captured"), (CALLBACK_TWICE, "captured"), (LOST, "unknown")])
async def test_a_payment_in_the_external_order(
    shop: Caller, proxy: Proxy, moment: Moment, statement: str, card: str, status: str
):
    body = await shop.payment(card)
    proxy.cut(statement, moment)
    first = await shop.post("/v1/payments", body, key="three")
    assert proxy.reached.is_set()
    assert body_of(first, 201)["status"] == status
    assert (await shop.post("/v1/payments", body, key="three")).content == first.content
    shop.platform.let_deadlines_pass()
    await shop.platform.container.recovery.resolve_unknown()
    assert (await shop.show(body_of(first, 201)["id"]))["status"] == "captured"
    check_books(shop)


@pytest.mark.parametrize("commit", ["intent", "answer"])
@pytest.mark.parametrize(("card", "kind"), [(CAPTURE_LOST, "capture"), (VOID_LOST, "void"), (REFUND_LOST, "refunds")])
async def test_an_operation_in_the_external_order(
    shop: Caller, proxy: Proxy, moment: Moment, card: str, kind: str, commit: str
):
    payment = await (shop.pay(card) if kind == "refunds" else shop.authorize(card))
    path = f"/v1/payments/{payment['id']}/{kind}"
    with shop.platform.pauses.held():
        if commit == "intent":
            proxy.cut(CHANGE, moment)
        request = asyncio.create_task(shop.post(path, {}, key="four"))
        called = asyncio.create_task(shop.platform.pauses.reached.wait())
        await asyncio.wait([request, called], return_when=asyncio.FIRST_COMPLETED)
        assert called.done(), "the acquirer is called in spite of it"
        if commit == "answer":
            proxy.cut(CHANGE, moment)
    first = await request
    assert proxy.reached.is_set()
    body_of(first, 201 if kind == "refunds" else 200)
    assert (await shop.post(path, {}, key="four")).content == first.content
    shop.platform.let_deadlines_pass()
    assert await shop.platform.container.recovery.resolve_unknown() == 1
    payment = await shop.show(payment["id"])
    assert payment["status"] == {"capture": "captured", "void": "voided", "refunds": "captured"}[kind]
    assert payment["amount_refunded"] == (payment["amount"] if kind == "refunds" else 0)
    assert operations_per_key(shop) == {"four": 1}
    check_books(shop)
