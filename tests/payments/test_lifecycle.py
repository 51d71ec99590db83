"""A payment's life over HTTP, on a real database, when the acquirer answers at once."""

import re
from typing import Any

import pytest

from payments.payments.domain import fee
from tests.support import Caller, Platform, body_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

DECLINED, NO_FUNDS, ERROR = "4000000000000002", "4000000000009995", "4000000000000119"
CAPTURE_FAILS, REFUND_FAILS, SLOW = "4000009000000086", "4000000000005126", "4000009000000052"
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


async def test_an_automatic_payment_is_captured_at_once(merchant: Caller):
    payment = await merchant.pay()
    assert payment["status"] == "captured"
    assert (payment["amount_authorized"], payment["amount_captured"], payment["amount_refunded"]) == (10_000, 10_000, 0)
    assert payment["expires_at"] is None
    assert await merchant.show(payment["id"]) == payment
    assert await merchant.causes(payment["id"]) == ["request:processing", "acquirer:captured"]
    assert await merchant.balance() == {"pending": 10_000, "available": 0, "authorized": 0}


async def test_a_payment_shows_what_it_was_made_with(merchant: Caller):
    sent: dict[str, Any] = {
        "amount": 1999,
        "currency": "JPY",
        "reference": "order 17",
        "description": "Zwei Bücher, in Leinen",
        "metadata": {"shelf": "B7", "a": ""},
        "statement_descriptor": "BLUE BOTTLE",
        "customer_ip": "2001:0db8:0000:0000:0000:0000:0000:0001",
        "device_id": "d-1",
        "card_country": "JP",
        "cvc": "123",
    }
    payment = await merchant.pay(**sent)
    shown = {name: value for name, value in sent.items() if name != "cvc"} | {"customer_ip": "2001:db8::1"}
    assert payment | shown == payment
    assert "cvc" not in payment
    assert payment["id"].startswith("pay_")
    assert payment["livemode"] is False
    assert payment["payment_method"] == await merchant.card()
    assert (payment["card"]["brand"], payment["card"]["last4"]) == ("visa", "4242")
    assert (payment["acquirer"], payment["decline"]) == ("sandbox", None)
    assert all(MOMENT.fullmatch(payment[name]) for name in ("created_at", "updated_at"))
    assert await merchant.show(payment["id"]) == payment


async def test_a_manual_payment_is_held_and_then_captured(merchant: Caller):
    payment = await merchant.authorize()
    assert (payment["status"], payment["amount_authorized"], payment["amount_captured"]) == ("authorized", 10_000, 0)
    assert MOMENT.fullmatch(payment["expires_at"])
    assert await merchant.balance() == {"pending": 0, "available": 0, "authorized": 10_000}
    captured = body_of(await merchant.post(f"/v1/payments/{payment['id']}/capture"), 200)
    assert (captured["status"], captured["amount_captured"]) == ("captured", 10_000)
    assert await merchant.show(payment["id"]) == captured
    assert await merchant.balance() == {"pending": 10_000, "available": 0, "authorized": 0}


async def test_a_final_capture_of_a_part_releases_the_rest(merchant: Caller):
    payment = await merchant.authorize()
    captured = body_of(await merchant.post(f"/v1/payments/{payment['id']}/capture", {"amount": 6_000}), 200)
    assert (captured["status"], captured["amount_captured"]) == ("captured", 6_000)
    assert await merchant.balance() == {"pending": 6_000, "available": 0, "authorized": 0}


async def test_an_authorization_is_captured_in_several_parts(merchant: Caller):
    capture = f"/v1/payments/{(await merchant.authorize())['id']}/capture"
    for amount, total in ((2_000, 2_000), (3_000, 5_000)):
        part = body_of(await merchant.post(capture, {"amount": amount, "final": False}), 200)
        assert (part["status"], part["amount_captured"]) == ("authorized", total)
    assert await merchant.balance() == {"pending": 5_000, "available": 0, "authorized": 5_000}
    last = body_of(await merchant.post(capture, {"final": False}), 200)
    assert (last["status"], last["amount_captured"]) == ("captured", 10_000)
    steps = body_of(await merchant.get(capture.replace("capture", "timeline")), 200)["data"]
    assert [step["amount"] for step in steps] == [10_000, None, 2_000, 3_000, 5_000]
    assert [step["cause"] for step in steps[2:]] == ["capture_succeeded", "capture_succeeded", "capture"]
    assert all(step["operation"].startswith("cap_") for step in steps[2:])
    assert [step["at"] for step in steps] == sorted(step["at"] for step in steps)


async def test_a_void_releases_the_hold(merchant: Caller):
    payment = await merchant.authorize()
    voided = body_of(await merchant.post(f"/v1/payments/{payment['id']}/void"), 200)
    assert (voided["status"], voided["amount_captured"]) == ("voided", 0)
    assert await merchant.causes(payment["id"]) == ["request:processing", "acquirer:authorized", "void:voided"]
    assert await merchant.balance() == {"pending": 0, "available": 0, "authorized": 0}


async def test_a_void_of_a_partly_captured_payment_ends_in_captured(merchant: Caller):
    payment = await merchant.authorize()
    body_of(await merchant.post(f"/v1/payments/{payment['id']}/capture", {"amount": 1, "final": False}), 200)
    closed = body_of(await merchant.post(f"/v1/payments/{payment['id']}/void"), 200)
    assert (closed["status"], closed["amount_captured"]) == ("captured", 1)
    assert await merchant.balance() == {"pending": 1, "available": 0, "authorized": 0}


@pytest.mark.parametrize(
    ("number", "code", "retryable"),
    [
        (DECLINED, "card_declined", False),
        (NO_FUNDS, "insufficient_funds", False),
        (ERROR, "processing_error", True),
        ("4000002760003184", "authentication_required", False),
    ],
)
async def test_a_declined_payment_is_a_created_payment(merchant: Caller, number, code, retryable):
    payment = await merchant.pay(number)
    assert payment["status"] == "declined"
    assert (payment["decline"]["code"], payment["decline"]["retryable"]) == (code, retryable)
    assert payment["decline"]["message"].endswith(".")
    assert (payment["amount_authorized"], payment["amount_captured"]) == (0, 0)
    assert await merchant.show(payment["id"]) == payment
    assert body_of(await merchant.get("/v1/ledger/transactions"), 200)["data"] == []


async def test_refunds_are_objects_of_their_own(merchant: Caller):
    payment = await merchant.pay()
    path = f"/v1/payments/{payment['id']}/refunds"
    wish = {"amount": 4_000, "reason": "requested_by_customer", "metadata": {"ticket": "9"}}
    refund = body_of(await merchant.post(path, wish), 201)
    assert refund | wish == refund
    assert (refund["status"], refund["payment"], refund["currency"]) == ("succeeded", payment["id"], "EUR")
    assert refund["failure_code"] is None
    assert body_of(await merchant.get(f"/v1/refunds/{refund['id']}"), 200) == refund
    rest = body_of(await merchant.post(path), 201)
    assert rest["amount"] == 6_000
    shown = await merchant.show(payment["id"])
    assert (shown["status"], shown["amount_refunded"]) == ("captured", 10_000)
    assert await merchant.balance() == {"pending": 0, "available": 0, "authorized": 0}
    assert await merchant.causes(payment["id"]) == [
        "request:processing",
        "acquirer:captured",
        "refund_succeeded:captured",
        "refund_succeeded:captured",
    ]


async def test_a_capture_that_fails_leaves_the_authorization(merchant: Caller):
    payment = await merchant.authorize(CAPTURE_FAILS)
    failed = body_of(await merchant.post(f"/v1/payments/{payment['id']}/capture"), 200)
    assert (failed["status"], failed["amount_captured"]) == ("authorized", 0)
    assert (await merchant.causes(payment["id"]))[-1] == "acquirer:authorized"
    assert await merchant.balance() == {"pending": 0, "available": 0, "authorized": 10_000}
    assert body_of(await merchant.post(f"/v1/payments/{payment['id']}/void"), 200)["status"] == "voided"


async def test_a_refund_that_fails_gives_nothing_back(merchant: Caller):
    payment = await merchant.pay(REFUND_FAILS)
    refund = body_of(await merchant.post(f"/v1/payments/{payment['id']}/refunds", {"amount": 1}), 201)
    assert (refund["status"], refund["failure_code"]) == ("failed", "refund_rejected")
    assert (await merchant.show(payment["id"]))["amount_refunded"] == 0
    assert await merchant.balance() == {"pending": 10_000, "available": 0, "authorized": 0}


async def test_a_slow_acquirer_is_waited_for(service: Platform, merchant: Caller):
    payment = await merchant.pay(SLOW)
    assert payment["status"] == "captured"
    assert service.pauses.reached.is_set()


async def test_the_fee_is_charged_once_and_in_the_settlement_currency(service: Platform):
    merchant = await service.shop(basis_points=250, fixed=30, currency="EUR")
    await merchant.pay(amount=10_001)
    assert (await merchant.balance())["pending"] == 10_001 - 250 - 30
    settlement = (await merchant.pay(amount=10_001, currency="USD"))["settlement"]
    assert settlement["fee"] == fee(250, 30, settlement["gross"] - settlement["spread"])
    assert (await merchant.balance())["pending"] == 10_001 - 250 - 30 + settlement["net"]
    assert (await merchant.balance("USD"))["pending"] == 0


async def test_every_change_leaves_an_event_that_shows_the_object_as_it_became(service: Platform, merchant: Caller):
    made = await merchant.authorize()
    part = body_of(await merchant.post(f"/v1/payments/{made['id']}/capture", {"amount": 6_000, "final": False}), 200)
    refund = body_of(await merchant.post(f"/v1/payments/{made['id']}/refunds", {"amount": 1}), 201)
    done = body_of(await merchant.post(f"/v1/payments/{made['id']}/void"), 200)
    events = service.rows(
        "SELECT type, data FROM payments.events WHERE merchant_id = %s ORDER BY id", merchant.identity.merchant_id
    )
    assert events == [
        ("payment.authorized", made),
        ("payment.partially_captured", part),
        ("refund.succeeded", refund),
        ("payment.captured", done),
    ]
