"""Recovery goes on past what it cannot end: a row that waits, or breaks, holds up no other."""

from typing import Any

import pytest

from payments.payments import recovery
from shared.ids import uuid_of
from tests.support import Caller, Platform, body_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

LOST, PENDING, LOST_CAPTURE = "4000009000000011", "4000009000000045", "4000009000000078"


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery, "_BATCH", 2)


async def test_payments_that_wait_for_their_acquirer_hold_up_no_other(
    service: Platform, merchant: Caller, small_batches
):
    waiting = [await merchant.pay(PENDING) for _ in range(3)]
    lost = await merchant.pay(LOST)
    service.let_deadlines_pass()
    await service.container.recovery.resolve_unknown()
    assert (await merchant.show(lost["id"]))["status"] == "captured"
    assert {(await merchant.show(payment["id"]))["status"] for payment in waiting} == {"unknown"}


async def test_a_payment_that_breaks_its_connector_holds_up_no_other(
    service: Platform, merchant: Caller, monkeypatch: pytest.MonkeyPatch
):
    poison, lost = await merchant.pay(LOST), await merchant.pay(LOST)
    service.let_deadlines_pass()
    sandbox = service.container.sandbox
    lookup = sandbox.lookup

    async def broken(key: str, **about: Any) -> Any:
        if key == uuid_of("pay", poison["id"]).hex:
            raise RuntimeError("a defect")
        return await lookup(key, **about)

    monkeypatch.setattr(sandbox, "lookup", broken)
    await service.container.recovery.resolve_unknown()
    assert (await merchant.show(lost["id"]))["status"] == "captured"
    assert (await merchant.show(poison["id"]))["status"] == "unknown"
    monkeypatch.undo()
    service.let_pauses_pass()
    await service.container.recovery.resolve_unknown()
    assert (await merchant.show(poison["id"]))["status"] == "captured"


async def test_authorizations_that_wait_for_an_answer_hold_up_no_other(
    service: Platform, merchant: Caller, small_batches
):
    waiting = [await merchant.authorize(LOST_CAPTURE) for _ in range(3)]
    for payment in waiting:
        body_of(await merchant.post(f"/v1/payments/{payment['id']}/capture"), 200)
    ended = await merchant.authorize()
    expire = "UPDATE payments.payments SET expires_at = now() - interval '1 hour' WHERE merchant_id = %s RETURNING id"
    assert len(service.rows(expire, merchant.identity.merchant_id)) == 4
    with service.sql() as connection:
        youngest = "UPDATE payments.payments SET expires_at = expires_at + interval '1 minute' WHERE id = %s"
        connection.execute(youngest, [uuid_of("pay", ended["id"])])
    await service.container.recovery.expire()
    assert (await merchant.show(ended["id"]))["status"] == "expired"
    assert {(await merchant.show(payment["id"]))["status"] for payment in waiting} == {"authorized"}
