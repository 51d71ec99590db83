"""Disputes of payments at Stripe. localstripe has none: the relay answers, in the shape of Stripe's reference."""

import logging
from typing import Any

import httpx2
import pytest

from tests.connectors.stripe.setting import Setting
from tests.support import body_of, problem_of

pytestmark = pytest.mark.slow

PATH = "/v1/disputes"


async def disputes(setting: Setting) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = body_of(await setting.shop.get(PATH), 200)["data"]
    return found


async def respond(setting: Setting, dispute: str, text: str = "It was delivered.") -> dict[str, Any]:
    body = {"text": text, "submit": True}
    return body_of(await setting.shop.post(f"{PATH}/{dispute}/evidence", body, key=None), 200)


async def test_a_dispute_finds_its_payment_by_stripes_name_and_is_answered_and_won(setting: Setting):
    paid = await setting.shop.pay(amount=5_000, cvc="123")
    dispute = await setting.dispute(paid["id"], 2_000)
    for what in ("created", "funds_withdrawn", "created", "updated"):
        assert body_of(await setting.tell(what, dispute), 200) == {"received": True}
    [found] = await disputes(setting)
    assert (found["payment"], found["status"], found["reason"]) == (
        paid["id"],
        "needs_response",
        "product_not_received",
    )
    assert (found["amount"], found["amount_withheld"], found["currency"]) == (2_000, 2_000, paid["currency"])
    assert found["respond_by"]
    assert (await setting.shop.balance())["pending"] == 3_000
    assert (await respond(setting, found["id"]))["status"] == "under_review"
    assert setting.relay.disputes[dispute["id"]]["evidence"]["uncategorized_text"] == "It was delivered."
    won = setting.relay.disputes[dispute["id"]] | {"status": "won"}
    for what in ("funds_reinstated", "closed", "funds_reinstated"):
        body_of(await setting.tell(what, won), 200)
    body_of(await setting.tell("created", dispute), 200)  # late, and from before
    [found] = await disputes(setting)
    steps = [step["to"] for step in found["timeline"]]
    assert steps == ["needs_response", "responding", "under_review", "won"]
    assert (await setting.shop.balance())["pending"] == 5_000


async def test_a_dispute_that_is_first_heard_of_when_it_is_lost_costs_its_amount_once(setting: Setting):
    held = await setting.shop.authorize(cvc="123")
    body_of(await setting.shop.post(f"/v1/payments/{held['id']}/capture", {"amount": 6_000}), 200)
    dispute = await setting.dispute(held["id"], 6_000)
    for status, what in (("lost", "closed"), ("needs_response", "created"), ("lost", "closed")):
        body_of(await setting.tell(what, dispute | {"status": status}), 200)
    [found] = await disputes(setting)
    assert found["status"] == "lost"
    assert (await setting.shop.balance())["pending"] == 0


async def test_a_response_that_stripe_did_not_take_in_is_handed_in_again(setting: Setting):
    paid = await setting.shop.pay(cvc="123")
    dispute = await setting.dispute(paid["id"], 100)
    body_of(await setting.tell("created", dispute), 200)
    [found] = await disputes(setting)
    busy = {"error": {"type": "rate_limit_error", "message": "Too many requests"}}
    setting.relay.answer_with = httpx2.Response(429, json=busy)
    assert (await respond(setting, found["id"]))["status"] == "responding"
    with setting.platform.sql() as connection:
        connection.execute("UPDATE payments.disputes SET ask_again_at = now() WHERE status = 'responding'")
    setting.relay.lose = "answer", dispute["id"]
    assert await setting.platform.container.disputes.repeat_responses() == 0
    with setting.platform.sql() as connection:
        connection.execute("UPDATE payments.disputes SET ask_again_at = now() WHERE status = 'responding'")
    assert await setting.platform.container.disputes.repeat_responses() == 1
    assert (await disputes(setting))[0]["status"] == "under_review"
    handed_in = [each for each in setting.relay.requests if each == f"POST /v1/disputes/{dispute['id']}"]
    assert len(handed_in) == 1, "Stripe knows the repetition by its key"


async def test_giving_in_closes_it_and_a_refusal_leaves_it_open(setting: Setting):
    paid = await setting.shop.pay(cvc="123")
    kept, closed = [await setting.dispute(paid["id"], 100, id=name) for name in ("du_kept", "du_closed")]
    for each in (kept, closed):
        body_of(await setting.tell("created", each), 200)
    newest, oldest = await disputes(setting)
    assert body_of(await setting.shop.post(f"{PATH}/{newest['id']}/accept", key=None), 200)["status"] == "lost"
    assert setting.relay.disputes["du_closed"]["status"] == "lost"
    del setting.relay.disputes["du_kept"]
    refused = await respond(setting, oldest["id"])
    assert (refused["status"], refused["timeline"][-1]["cause"]) == ("needs_response", "response_refused")


async def test_what_cannot_be_placed_is_refused_or_left_and_never_guessed(
    setting: Setting, caplog: pytest.LogCaptureFixture
):
    paid = await setting.shop.pay(cvc="123")
    dispute = await setting.dispute(paid["id"], 100)
    problem_of(await setting.tell("created", dispute, secret="whsec_wrong"), 400, "invalid_callback")
    problem_of(await setting.tell("created", dispute, age=3_600), 400, "invalid_callback")
    problem_of(await setting.tell("created", dispute | {"currency": "jpy"}), 422, "validation_failed", "/amount")
    assert "disputes JPY 100" in caplog.text
    # Told again as long as Stripe cannot be asked whose payment it is …
    setting.relay.lose = "request", dispute["payment_intent"]
    problem_of(await setting.tell("created", dispute), 503, "no_acquirer")
    # … and left once it is known that we never asked for it, or that no money was taken back.
    caplog.set_level(logging.WARNING)
    for left in ({"payment_intent": "pi_nobodys"}, {"payment_intent": None}, {"status": "warning_needs_response"}):
        caplog.clear()
        assert body_of(await setting.tell("created", dispute | left), 200) == {"received": True}
        assert caplog.records
    assert await disputes(setting) == []
    body_of(await setting.tell("created", dispute), 200)
    assert len(await disputes(setting)) == 1


async def test_a_dispute_waits_until_its_payment_is_known_to_be_captured(setting: Setting):
    setting.relay.lose = "answer", "/v1/payment_intents"
    paid = await setting.shop.pay(cvc="123")
    dispute = await setting.dispute(paid["id"], 100)
    problem_of(await setting.tell("created", dispute), 409, "payment_state")
    setting.platform.let_deadlines_pass()
    assert await setting.platform.container.recovery.resolve_unknown() == 1
    body_of(await setting.tell("created", dispute), 200)
    assert len(await disputes(setting)) == 1
