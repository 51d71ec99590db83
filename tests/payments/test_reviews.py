"""Payments that wait for a person: what ends the wait, and what the money does meanwhile."""

import json
from uuid import UUID

import pytest

from shared.problems import Problem
from tests.support import Caller, Platform, body_of, problem_of


async def review_everything(platform: Platform, shop: Caller, **policy) -> None:
    assert shop.identity.merchant_id is not None
    path = f"/v1/merchants/mer_{shop.identity.merchant_id.hex}"
    fraud = {"review_threshold": 0, "decline_threshold": 101, **policy}
    body_of(await platform.admin.request("PATCH", path, key=None, json={"fraud": fraud}), 200)


async def decide(platform: Platform, payment, verdict, reason="seen"):
    return json.loads(await platform.container.reviews.decide(UUID(payment["id"][-32:]), verdict, "ann", reason))


async def test_a_payment_under_review_holds_no_money(platform, shop):
    await review_everything(platform, shop)
    payment = await shop.pay(amount=500)
    assert (payment["status"], payment["amount_authorized"]) == ("review", 0)
    assert payment["decision"]["outcome"] == "review"
    assert await shop.balance() == {"pending": 0, "available": 0, "authorized": 0}
    problem_of(await shop.post(f"/v1/payments/{payment['id']}/capture"), 409, "payment_state")


@pytest.mark.parametrize(("method", "status"), [("automatic", "captured"), ("manual", "authorized")])
async def test_an_approved_payment_goes_on(platform, shop, method, status):
    await review_everything(platform, shop)
    payment = await shop.pay(amount=500, capture_method=method, cvc="123")
    approved = await decide(platform, payment, "approve", "called the customer")
    assert approved["status"] == status
    review = approved["decision"]["review"]
    assert (review["verdict"], review["by"], review["reason"]) == ("approve", "ann", "called the customer")
    assert await shop.causes(payment["id"]) == ["request:review", f"review:{status}"]
    assert await shop.show(payment["id"]) == approved


async def test_the_acquirer_may_still_decline_it(platform, shop):
    await review_everything(platform, shop)
    payment = await shop.pay("4000000000009995", amount=500)
    assert payment["status"] == "review"
    approved = await decide(platform, payment, "approve")
    assert (approved["status"], approved["decline"]["code"]) == ("declined", "insufficient_funds")


async def test_an_approved_payment_may_end_unknown_and_recovers(platform, shop):
    await review_everything(platform, shop)
    payment = await shop.pay("4000009000000011", amount=500)
    assert (await decide(platform, payment, "approve"))["status"] == "unknown"
    platform.let_deadlines_pass()
    assert await platform.container.recovery.resolve_unknown() == 1
    assert (await shop.show(payment["id"]))["status"] == "captured"


async def test_a_declined_review_ends_the_payment(platform, shop):
    await review_everything(platform, shop)
    payment = await shop.pay(amount=500)
    declined = await decide(platform, payment, "decline", "stolen goods")
    assert (declined["status"], declined["decline"]["code"]) == ("declined", "fraudulent")
    with pytest.raises(Problem, match="not under review"):
        await decide(platform, payment, "approve")


async def test_a_replay_shows_the_payment_as_it_was_answered(platform, shop):
    await review_everything(platform, shop)
    body = await shop.payment(amount=500)
    first = body_of(await shop.post("/v1/payments", body, key="once"), 201)
    await decide(platform, first, "approve")
    assert body_of(await shop.post("/v1/payments", body, key="once"), 201) == first


async def test_limits_keep_what_is_under_review(platform, shop):
    await review_everything(platform, shop)
    limits = f"/v1/merchants/mer_{shop.identity.merchant_id.hex}/limits"
    body_of(await platform.admin.request("PUT", limits, key=None, json={"daily_volume": 500}), 200)
    payment = await shop.pay(amount=500)
    assert (await shop.pay(amount=1))["decline"]["code"] == "limit_exceeded"
    await decide(platform, payment, "decline")
    assert (await shop.pay(amount=500))["status"] == "review"


@pytest.mark.parametrize(("action", "status"), [("approve", "captured"), ("decline", "declined")])
async def test_when_nobody_decides_the_policy_does(platform, shop, action, status):
    await review_everything(platform, shop, review_timeout_action=action)
    payment = await shop.pay(amount=500)
    await platform.container.reviews.time_out()
    assert (await shop.show(payment["id"]))["status"] == "review"
    with platform.sql() as connection:
        connection.execute("UPDATE payments.payments SET review_expires_at = now() WHERE status = 'review'")
    await platform.container.reviews.time_out()
    ended = await shop.show(payment["id"])
    assert (ended["status"], ended["decision"]["review"]["by"]) == (status, "policy")


async def test_two_reviewers_at_once_decide_once(platform, shop):
    import asyncio

    await review_everything(platform, shop)
    payment = await shop.pay(amount=500)
    verdicts = [decide(platform, payment, "approve"), decide(platform, payment, "decline")]
    results = await asyncio.gather(*verdicts, return_exceptions=True)
    assert sum(isinstance(result, Problem) for result in results) == 1
    assert len(await shop.causes(payment["id"])) == 2
