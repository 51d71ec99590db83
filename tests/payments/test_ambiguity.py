"""The external order: what is unknown stays reserved, and only evidence ends it, once."""

import asyncio
from typing import Any

import pytest

from payments.connectors.declines import DECLINES
from payments.connectors.port import Approved, InvalidCallbackError
from payments.connectors.sandbox.callbacks import write_callback
from shared.ids import new_uuid, uuid_of
from tests.support import Caller, Platform, body_of, problem_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

LOST, NEVER_ARRIVES, LOST_DECLINE = "4000009000000011", "4000009000000029", "4000009000000037"
PENDING, TWICE = "4000009000000045", "4000009000000060"
LOST_CAPTURE, LOST_VOID = "4000009000000078", "4000009000000094"
LOST_REFUND, REFUND_NEVER_ARRIVES, REFUND_PENDING = "4000009000000102", "4000009000000110", "4000000000007726"
NOTHING = {"pending": 0, "available": 0, "authorized": 0}


async def recover(service: Platform) -> None:
    service.let_deadlines_pass()
    await service.container.recovery.resolve_unknown()


async def entries(merchant: Caller) -> list[str]:
    found = body_of(await merchant.get("/v1/ledger/transactions", params={"limit": 100}), 200)
    return [row["kind"] for row in found["data"]]


@pytest.mark.parametrize(
    ("number", "ends", "code"),
    [(LOST, "captured", None), (NEVER_ARRIVES, "failed", "not_processed"), (LOST_DECLINE, "declined", "card_declined")],
)
async def test_a_payment_without_an_answer_is_unknown_until_there_is_evidence(
    service: Platform, merchant: Caller, number, ends, code
):
    payment = await merchant.pay(number)
    assert (payment["status"], payment["amount_authorized"], payment["decline"]) == ("unknown", 0, None)
    assert await merchant.balance() == NOTHING
    await recover(service)
    ended = await merchant.show(payment["id"])
    assert ended["status"] == ends
    assert (ended["decline"] or {}).get("code") == code
    steps = ["request:processing", "timeout:unknown", "lookup:unknown", f"recovery:{ends}"]
    assert await merchant.causes(payment["id"]) == steps
    assert await entries(merchant) == (["capture"] if ends == "captured" else [])
    after = service.contents()
    await service.container.recovery.resolve_unknown()
    assert service.contents() == after


async def test_nothing_can_be_done_to_an_unknown_payment(service: Platform, merchant: Caller):
    payment = await merchant.authorize(LOST)
    for what in ("capture", "void", "refunds"):
        problem_of(await merchant.post(f"/v1/payments/{payment['id']}/{what}"), 409, "payment_state")
    await recover(service)
    assert (await merchant.show(payment["id"]))["status"] == "authorized"
    assert body_of(await merchant.post(f"/v1/payments/{payment['id']}/void"), 200)["status"] == "voided"


async def test_recovery_waits_until_the_acquirer_had_its_time(service: Platform, merchant: Caller):
    payment = await merchant.pay(LOST)
    await service.container.recovery.resolve_unknown()
    assert (await merchant.show(payment["id"]))["status"] == "unknown"


async def test_finding_nothing_is_evidence_only_when_nothing_can_arrive_any_more(service: Platform, merchant: Caller):
    payment = await merchant.pay(NEVER_ARRIVES)
    patience = service.container.sandbox.capabilities.not_found_final_after
    key = uuid_of("pay", payment["id"])
    for since, expected in ((patience / 10, "unknown"), (2 * patience, "failed")):
        moved = "UPDATE payments.payments SET acquirer_deadline = now() - %s WHERE id = %s RETURNING id"
        assert service.rows(moved, since, key)
        service.let_pauses_pass()
        await service.container.recovery.resolve_unknown()
        assert (await merchant.show(payment["id"]))["status"] == expected


async def test_recovery_waits_while_the_acquirer_has_not_decided(service: Platform, merchant: Caller):
    payment = await merchant.pay(PENDING)
    assert payment["status"] == "unknown"
    await recover(service)
    assert (await merchant.show(payment["id"]))["status"] == "unknown"
    service.let_acquirer_decide()
    await recover(service)
    assert (await merchant.show(payment["id"]))["status"] == "captured"


async def test_recoveries_at_once_end_a_payment_once(service: Platform, merchant: Caller):
    payment = await merchant.pay(LOST)
    service.let_deadlines_pass()
    await asyncio.gather(*(service.container.recovery.resolve_unknown() for _ in range(5)))
    steps = ["request:processing", "timeout:unknown", "lookup:unknown", "recovery:captured"]
    assert await merchant.causes(payment["id"]) == steps, "one of them asks, and the others leave it to that one"
    assert await entries(merchant) == ["capture"]


async def test_a_duplicate_callback_counts_once(service: Platform, merchant: Caller):
    payment = await merchant.pay(TWICE)
    assert payment["status"] == "captured"
    assert await merchant.causes(payment["id"]) == ["request:processing", "callback:captured"]
    assert await entries(merchant) == ["capture"]
    key = uuid_of("pay", payment["id"])
    assert service.rows("SELECT callbacks FROM sandbox.operations WHERE key = %s", key.hex) == [(2,)]
    events = service.rows("SELECT type FROM payments.events WHERE object_id = %s ORDER BY id", key)
    assert events == [("payment.processing",), ("payment.captured",)]


async def call_back(service: Platform, key: str, kind: Any, outcome: Any) -> None:
    container = service.container
    headers, body = write_callback(container.keyring, key=key, kind=kind, reference="sbx_1", outcome=outcome)
    await container.callbacks.receive(container.sandbox, headers, body)


async def test_a_callback_is_evidence_and_the_first_evidence_stands(service: Platform, merchant: Caller):
    payment = await merchant.authorize(LOST)
    key = uuid_of("pay", payment["id"]).hex
    await call_back(service, key, "authorize", DECLINES["card_declined"])
    for late in (Approved("sbx_2"), DECLINES["card_declined"], Approved("sbx_2")):
        await call_back(service, key, "authorize", late)
    await recover(service)
    assert await merchant.causes(payment["id"]) == ["request:processing", "timeout:unknown", "callback:declined"]
    assert await merchant.balance() == NOTHING


async def test_a_callback_ends_an_unknown_refund(service: Platform, merchant: Caller):
    payment = await merchant.pay(LOST_REFUND)
    refund = body_of(await merchant.post(f"/v1/payments/{payment['id']}/refunds", {"amount": 100}), 201)
    await call_back(service, uuid_of("ref", refund["id"]).hex, "refund", Approved("sbx_r"))
    assert body_of(await merchant.get(f"/v1/refunds/{refund['id']}"), 200)["status"] == "succeeded"
    assert (await merchant.show(payment["id"]))["amount_refunded"] == 100


async def test_a_callback_about_nothing_of_ours_changes_nothing(service: Platform, merchant: Caller):
    before = service.contents()
    for kind in ("authorize", "capture", "refund"):
        await call_back(service, new_uuid().hex, kind, Approved("sbx_3"))
    assert service.contents() == before


async def test_a_forged_callback_is_refused(service: Platform, merchant: Caller):
    payment = await merchant.authorize(LOST)
    container, key = service.container, uuid_of("pay", payment["id"]).hex
    headers, body = write_callback(
        container.keyring, key=key, kind="authorize", reference="sbx_1", outcome=Approved("sbx_1")
    )
    before = service.contents()
    for forged_headers, forged_body in ((headers, body.replace(b"sbx_1", b"sbx_2")), ({}, body)):
        with pytest.raises(InvalidCallbackError):
            await container.callbacks.receive(container.sandbox, forged_headers, forged_body)
    assert service.contents() == before


async def test_an_unknown_capture_keeps_its_amount_and_stops_what_would_close_the_payment(
    service: Platform, merchant: Caller
):
    payment = await merchant.authorize(LOST_CAPTURE)
    path = f"/v1/payments/{payment['id']}"
    part = {"amount": 6_000, "final": False}
    silent = body_of(await merchant.post(f"{path}/capture", part), 200)
    assert (silent["status"], silent["amount_captured"]) == ("authorized", 0)
    assert await merchant.balance() == NOTHING | {"authorized": 10_000}
    for what in ("capture", "void"):
        assert problem_of(await merchant.post(f"{path}/{what}"), 409, "payment_state")["retryable"]
    too_much = {"amount": 4_001, "final": False}
    problem_of(await merchant.post(f"{path}/capture", too_much), 422, "amount_too_large", "/amount")
    body_of(await merchant.post(f"{path}/capture", {"amount": 4_000, "final": False}), 200)
    await recover(service)
    captured = await merchant.show(payment["id"])
    assert (captured["status"], captured["amount_captured"]) == ("captured", 10_000)
    assert await merchant.balance() == NOTHING | {"pending": 10_000}
    assert sorted(await entries(merchant)) == ["capture", "capture", "hold", "release", "release"]


async def test_an_unknown_final_capture_keeps_the_rest_as_well(service: Platform, merchant: Caller):
    payment = await merchant.authorize(LOST_CAPTURE)
    path = f"/v1/payments/{payment['id']}/capture"
    body_of(await merchant.post(path, {"amount": 6_000}), 200)
    assert problem_of(await merchant.post(path, {"amount": 1, "final": False}), 409, "payment_state")["retryable"]
    await recover(service)
    captured = await merchant.show(payment["id"])
    assert (captured["status"], captured["amount_captured"]) == ("captured", 6_000)
    assert await merchant.balance() == NOTHING | {"pending": 6_000}


async def test_an_unknown_void_keeps_everything_until_it_is_known(service: Platform, merchant: Caller):
    payment = await merchant.authorize(LOST_VOID)
    path = f"/v1/payments/{payment['id']}"
    assert body_of(await merchant.post(f"{path}/void"), 200)["status"] == "authorized"
    for what in ("capture", "void"):
        assert problem_of(await merchant.post(f"{path}/{what}"), 409, "payment_state")["retryable"]
    await recover(service)
    assert (await merchant.show(payment["id"]))["status"] == "voided"
    assert await merchant.causes(payment["id"]) == [
        "request:processing",
        "acquirer:authorized",
        "void_processing:authorized",
        "timeout:authorized",
        "lookup:authorized",
        "void:voided",
    ]
    assert await merchant.balance() == NOTHING


@pytest.mark.parametrize(
    ("number", "ends", "failure", "left"),
    [(LOST_REFUND, "succeeded", None, 4_000), (REFUND_NEVER_ARRIVES, "failed", "not_processed", 10_000)],
)
async def test_an_unknown_refund_keeps_its_amount(service: Platform, merchant: Caller, number, ends, failure, left):
    payment = await merchant.pay(number)
    path = f"/v1/payments/{payment['id']}/refunds"
    refund = body_of(await merchant.post(path, {"amount": 6_000}), 201)
    assert (refund["status"], refund["failure_code"]) == ("unknown", None)
    assert (await merchant.show(payment["id"]))["amount_refunded"] == 0
    assert await merchant.balance() == NOTHING | {"pending": 10_000}
    problem_of(await merchant.post(path, {"amount": 4_001}), 422, "amount_too_large", "/amount")
    await recover(service)
    ended = body_of(await merchant.get(f"/v1/refunds/{refund['id']}"), 200)
    assert (ended["status"], ended["failure_code"]) == (ends, failure)
    problem_of(await merchant.post(path, {"amount": left + 1}), 422, "amount_too_large", "/amount")
    body_of(await merchant.post(path, {"amount": left}), 201)
    await recover(service)


async def test_a_pending_refund_succeeds_when_the_acquirer_has_decided(service: Platform, merchant: Caller):
    payment = await merchant.pay(REFUND_PENDING)
    refund = body_of(await merchant.post(f"/v1/payments/{payment['id']}/refunds"), 201)
    assert refund["status"] == "unknown"
    await recover(service)
    assert body_of(await merchant.get(f"/v1/refunds/{refund['id']}"), 200)["status"] == "unknown"
    service.let_acquirer_decide()
    await recover(service)
    assert body_of(await merchant.get(f"/v1/refunds/{refund['id']}"), 200)["status"] == "succeeded"
    assert await merchant.balance() == NOTHING


async def test_a_connector_that_breaks_leaves_the_outcome_unknown(
    service: Platform, merchant: Caller, monkeypatch: pytest.MonkeyPatch
):
    async def broken(*_: object) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr(service.container.sandbox, "authorize", broken)
    assert (await merchant.pay(LOST))["status"] == "unknown"
