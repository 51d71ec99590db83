"""Recovery goes on past what it cannot end, and says in the timeline whatever it did."""

import asyncio
import logging
from datetime import timedelta
from typing import Any

import psycopg
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


async def test_every_look_up_is_in_the_timeline_also_a_fruitless_one(
    service: Platform, merchant: Caller, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO)
    payment = await merchant.authorize(LOST_CAPTURE)
    path = f"/v1/payments/{payment['id']}"
    body_of(await merchant.post(f"{path}/capture"), 200)
    pending = await merchant.pay(PENDING)
    service.let_deadlines_pass()
    for _ in range(3):
        await service.container.recovery.resolve_unknown()  # the later ones find nothing that is due
    steps = await lookups(merchant, payment["id"])
    operation = steps[0].pop("operation")
    assert operation.startswith("cap_")
    assert steps == [{"from": "authorized", "to": "authorized", "amount": None, "answer": "approved"}]
    waiting = {"from": "unknown", "to": "unknown", "operation": None, "amount": None}
    waiting["answer"] = "the acquirer has not decided yet"
    assert await lookups(merchant, pending["id"]) == [waiting]
    assert f"not resolved: {pending['id']}: the acquirer has not decided yet" in caplog.text
    service.let_pauses_pass()
    await service.container.recovery.resolve_unknown()
    assert await lookups(merchant, pending["id"]) == [waiting] * 2
    service.let_acquirer_decide()
    await service.container.recovery.resolve_unknown()
    assert await lookups(merchant, pending["id"]) == [waiting, waiting, waiting | {"answer": "approved"}]
    assert (await merchant.causes(pending["id"]))[-2:] == ["lookup:unknown", "recovery:captured"]


@pytest.mark.parametrize(("attempts", "seconds"), [(1, 2), (5, 32), (12, 600), (149, 600), (150, 3_600)])
async def test_the_longer_it_is_unknown_the_more_seldom_it_is_asked_about(
    service: Platform, merchant: Caller, attempts: int, seconds: int
):
    payment_id = uuid_of("pay", (await merchant.pay(PENDING))["id"])
    service.let_deadlines_pass()
    with service.sql() as connection:
        asked = "INSERT INTO payments.lookups (subject_id, attempts, answer, next_at) VALUES (%s, %s, '', now())"
        connection.execute(asked, [payment_id, attempts])
    await service.container.recovery.resolve_unknown()
    # Both moments are of the same transaction.
    pause = """
        SELECT l.attempts, extract(epoch FROM l.next_at - s.answered_at)::float
          FROM payments.lookups l JOIN payments.lookup_steps s ON s.payment_id = l.subject_id WHERE l.subject_id = %s
    """
    [(after, found)] = service.rows(pause, payment_id)
    assert (after, round(found / seconds)) == (attempts + 1, 1)


async def test_what_was_looked_up_cannot_be_rewritten(service: Platform, merchant: Caller):
    await merchant.pay(PENDING)
    service.let_deadlines_pass()
    await service.container.recovery.resolve_unknown()
    for statement in ("UPDATE payments.lookup_steps SET answer = ''", "DELETE FROM payments.lookup_steps"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), service.sql() as connection:
            connection.execute(f"SET ROLE payments_app; {statement}")


async def test_an_acquirer_that_never_answers_a_look_up_is_not_waited_for(
    service: Platform, merchant: Caller, monkeypatch: pytest.MonkeyPatch
):
    payment, recovery = await merchant.pay(LOST), service.container.recovery
    service.let_deadlines_pass()

    async def silent(*_: Any, **__: Any) -> Any:
        await asyncio.Event().wait()

    monkeypatch.setattr(service.container.sandbox, "lookup", silent)
    monkeypatch.setattr(recovery, "_acquirer_timeout", timedelta(milliseconds=1))
    await recovery.resolve_unknown()
    (step,) = await lookups(merchant, payment["id"])
    assert step["answer"] == "the acquirer did not answer in time"
    monkeypatch.undo()


async def lookups(merchant: Caller, payment: str) -> list[dict[str, Any]]:
    """The look-ups in a payment's timeline, without the times."""
    shown = body_of(await merchant.get(f"/v1/payments/{payment}/timeline"), 200)
    return [
        {name: value for name, value in step.items() if name not in ("at", "cause")}
        for step in shown["data"]
        if step["cause"] == "lookup"
    ]
