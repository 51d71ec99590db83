"""Authorizations end by the database's clock, whether or not the task ran."""

import pytest

from payments.worker import tasks
from shared.ids import uuid_of
from tests.support import Caller, Platform, body_of, problem_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

LOST_CAPTURE, LOST_VOID = "4000009000000078", "4000009000000094"
NOTHING = {"pending": 0, "available": 0, "authorized": 0}


def let_expire(service: Platform, payment: str, *, seconds: int = 1) -> None:
    """Move the end of an authorization to some seconds ago."""
    moved = "UPDATE payments.payments SET expires_at = now() - make_interval(secs => %s) WHERE id = %s RETURNING id"
    assert service.rows(moved, seconds, uuid_of("pay", payment))


async def test_a_capture_after_the_end_is_refused_though_the_task_did_not_run(service: Platform, merchant: Caller):
    payment = await merchant.authorize()
    let_expire(service, payment["id"])
    before = service.contents()
    for body in ({}, {"amount": 1}, {"amount": 1, "final": False}):
        response = await merchant.post(f"/v1/payments/{payment['id']}/capture", body)
        problem_of(response, 409, "authorization_expired")
    assert service.contents() == before
    assert (await merchant.show(payment["id"]))["status"] == "authorized"


async def test_a_capture_before_the_end_passes(service: Platform, merchant: Caller):
    payment = await merchant.authorize()
    let_expire(service, payment["id"], seconds=-60)
    await service.container.recovery.expire()
    assert body_of(await merchant.post(f"/v1/payments/{payment['id']}/capture"), 200)["status"] == "captured"


async def test_an_ended_authorization_can_still_be_voided(service: Platform, merchant: Caller):
    payment = await merchant.authorize()
    let_expire(service, payment["id"])
    assert body_of(await merchant.post(f"/v1/payments/{payment['id']}/void"), 200)["status"] == "voided"
    await service.container.recovery.expire()
    assert await merchant.causes(payment["id"]) == ["request:processing", "acquirer:authorized", "void:voided"]


async def test_the_task_releases_what_has_ended(service: Platform, merchant: Caller):
    payment, alive = await merchant.authorize(), await merchant.authorize(amount=7)
    let_expire(service, payment["id"])
    await service.container.recovery.expire()
    assert (await merchant.show(payment["id"]))["status"] == "expired"
    assert await merchant.causes(payment["id"]) == ["request:processing", "acquirer:authorized", "expiry:expired"]
    assert (await merchant.show(alive["id"]))["status"] == "authorized"
    assert await merchant.balance() == NOTHING | {"authorized": 7}
    after = service.contents()
    assert await service.container.recovery.expire() == 0
    assert service.contents() == after
    for what in ("capture", "void", "refunds"):
        problem_of(await merchant.post(f"/v1/payments/{payment['id']}/{what}"), 409, "payment_state")


async def test_a_partly_captured_payment_ends_in_captured(service: Platform, merchant: Caller):
    payment = await merchant.authorize()
    path = f"/v1/payments/{payment['id']}"
    body_of(await merchant.post(f"{path}/capture", {"amount": 6_000, "final": False}), 200)
    let_expire(service, payment["id"])
    await service.container.recovery.expire()
    shown = await merchant.show(payment["id"])
    assert (shown["status"], shown["amount_captured"]) == ("captured", 6_000)
    assert await merchant.balance() == NOTHING | {"pending": 6_000}
    assert body_of(await merchant.post(f"{path}/refunds"), 201)["amount"] == 6_000


@pytest.mark.parametrize(
    ("number", "what", "ends"), [(LOST_CAPTURE, "capture", "captured"), (LOST_VOID, "void", "voided")]
)
async def test_an_unanswered_operation_is_waited_for(service: Platform, merchant: Caller, number, what, ends):
    payment = await merchant.authorize(number)
    body_of(await merchant.post(f"/v1/payments/{payment['id']}/{what}"), 200)
    let_expire(service, payment["id"])
    await service.container.recovery.expire()
    assert (await merchant.show(payment["id"]))["status"] == "authorized"
    service.let_deadlines_pass()
    await service.container.recovery.resolve_unknown()
    assert (await merchant.show(payment["id"]))["status"] == ends


async def test_how_long_an_authorization_lasts_is_a_setting(service: Platform, merchant: Caller):
    days = service.container.settings.authorization_days
    payment = await merchant.authorize()
    (lasts,) = service.rows(
        "SELECT extract(epoch FROM expires_at - created_at) FROM payments.payments WHERE id = %s",
        uuid_of("pay", payment["id"]),
    )
    assert lasts == (days * 86_400,)


async def test_every_task_of_the_worker_runs_and_runs_again(service: Platform, merchant: Caller):
    await merchant.pay()
    for _ in range(2):
        for name, seconds, run in tasks(service.container):
            assert seconds > 0
            assert await run() >= 0, name
