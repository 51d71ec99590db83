"""Checks, reports, links and reviews over HTTP."""

from typing import Any

import pytest

from shared.ids import uuid_of
from tests.fraud.shop import fresh_card, id_of, pay, shop
from tests.support import Caller, body_of, problem_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

REVIEWS = "/v1/fraud/reviews"
MISMATCH = {"card_country": "US", "customer_ip_country": "DE"}


async def links(caller: Caller, payment: dict[str, Any]) -> dict[str, list[str]]:
    found = body_of(await caller.get("/v1/fraud/links", params={"payment": payment["id"]}), 200)
    return {link["payment"]: link["shared"] for link in found["data"]}


# ---------------------------------------------------------------------------------------------------------------- check


async def test_a_check_says_what_paying_would_and_leaves_no_trace(service):
    caller = await shop(service)
    number = fresh_card()
    body = {"amount": 250_000, "currency": "USD", "payment_method": await caller.card(number), **MISMATCH}
    before = service.contents()
    first, second = [body_of(await caller.post("/v1/fraud/check", body, key=None), 200) for _ in range(2)]
    assert service.contents() == before
    assert first == second
    assert (first["object"], first["livemode"], first["outcome"]) == ("fraud_check", False, "review")
    assert first["decision"]["signals"]["card"]["count"] == [1, 1, 1, 1]
    paid = await pay(caller, number, amount=250_000, **MISMATCH)
    assert paid["status"] == "review"
    for name in ("score", "signals", "rules", "amount_usd", "source"):
        assert paid["decision"][name] == first["decision"][name]


async def test_a_check_converts_the_amount(service):
    caller = await shop(service)
    body = {"amount": 1000, "currency": "EUR", "payment_method": await caller.card(fresh_card())}
    found = body_of(await caller.post("/v1/fraud/check", body, key=None), 200)
    assert found["decision"]["amount_usd"] not in (None, 1000)


@pytest.mark.parametrize(
    ("changes", "pointer"), [({"amount": 0}, "/amount"), ({"customer_ip": "x"}, "/customer_ip"), ({"x": 1}, "/x")]
)
async def test_a_check_is_checked(service, changes, pointer):
    caller = await shop(service)
    body = {"amount": 1000, "currency": "USD", "payment_method": await caller.card(), **changes}
    problem_of(await caller.post("/v1/fraud/check", body, key=None), 422, "validation_failed", pointer)


async def test_a_check_needs_a_card_of_ones_own(service):
    first, second = await shop(service), await shop(service)
    body = {"amount": 1000, "currency": "USD", "payment_method": await first.card()}
    problem_of(await second.post("/v1/fraud/check", body, key=None), 404, "not_found")
    problem_of(await first.but(scopes=frozenset()).post("/v1/fraud/check", body, key=None), 403, "forbidden")


# -------------------------------------------------------------------------------------------------------------- reports


async def test_a_report_blocks_the_card_for_this_merchant(service, risk):
    first, second = await shop(service), await shop(service)
    number = fresh_card()
    payment = await pay(first, number)
    body = {"payment": payment["id"], "reason": "stolen_card", "comment": "called us"}
    report = body_of(await first.post("/v1/fraud/reports", body, key=None), 201)
    assert (report["payment"], report["source"], report["reason"]) == (payment["id"], "merchant", "stolen_card")
    assert report["blocked"].startswith("lst_")
    assert (await pay(first, number))["status"] == "declined"
    assert (await pay(second, number))["status"] == "captured"
    again = body_of(await first.post("/v1/fraud/reports", body, key=None), 201)
    assert again == report
    entries = body_of(await risk.get("/v1/fraud/lists", params={"kind": "card"}), 200)["data"]
    [entry] = [entry for entry in entries if entry["id"] == report["blocked"]]
    assert (entry["merchant"], entry["list"]) == (id_of(first), "block")


async def test_a_report_need_not_block(service):
    caller = await shop(service)
    number = fresh_card()
    payment = await pay(caller, number)
    body = {"payment": payment["id"], "reason": "not_received", "block_card": False}
    assert body_of(await caller.post("/v1/fraud/reports", body, key=None), 201)["blocked"] is None
    assert (await pay(caller, number))["status"] == "captured"


async def test_a_report_is_about_ones_own_payment(service):
    payment = await pay(await shop(service))
    body = {"payment": payment["id"], "reason": "other"}
    problem_of(await (await shop(service)).post("/v1/fraud/reports", body, key=None), 404, "not_found")


# ---------------------------------------------------------------------------------------------------------------- links


async def test_links_name_what_is_shared(service, risk):
    caller, other = await shop(service), await shop(service)
    number, ip, device = fresh_card(), "192.0.2.17", "device of links"
    payment = await pay(caller, number, customer_ip=ip, device_id=device)
    same_card = await pay(caller, number)
    same_place = await pay(caller, customer_ip=ip, device_id=device)
    elsewhere = await pay(other, customer_ip=ip)
    await pay(caller)
    own = {same_card["id"]: ["card"], same_place["id"]: ["ip", "device"]}
    assert await links(caller, payment) == own
    assert list(await links(caller, payment)) == [same_place["id"], same_card["id"]]
    assert await links(risk, payment) == own | {elsewhere["id"]: ["ip"]}
    problem_of(await other.get("/v1/fraud/links", params={"payment": payment["id"]}), 404, "not_found")
    live = caller.but(livemode=True)
    problem_of(await live.get("/v1/fraud/links", params={"payment": payment["id"]}), 404, "not_found")


@pytest.mark.parametrize("payment", ["", "pay_1", "pm_" + "0" * 32])
async def test_links_of_nothing(service, payment):
    caller = await shop(service)
    problem_of(await caller.get("/v1/fraud/links", params={"payment": payment}), 404, "not_found")


# -------------------------------------------------------------------------------------------------------------- reviews


async def in_review(caller: Caller, **changes: Any) -> dict[str, Any]:
    payment = await pay(caller, amount=250_000, **MISMATCH, **changes)
    assert payment["status"] == "review"
    return payment


async def queue(caller: Caller) -> list[str]:
    return [review["id"] for review in body_of(await caller.get(REVIEWS, params={"limit": 100}), 200)["data"]]


async def test_the_queue_shows_what_a_reviewer_needs(service):
    caller = await shop(service)
    payment = await in_review(caller, customer_ip="192.0.2.18", device_id="d")
    [review] = body_of(await caller.get(REVIEWS), 200)["data"]
    assert (review["id"], review["merchant"], review["amount"]) == (payment["id"], id_of(caller), 250_000)
    assert (review["customer_ip"], review["device_id"], review["livemode"]) == ("192.0.2.18", "d", False)
    assert review["decision"] == payment["decision"]
    assert review["card"]["last4"] == payment["card"]["last4"]
    assert review["created_at"] < review["expires_at"]


async def test_approval_goes_on_to_the_authorization_and_names_the_reviewer(service):
    caller = await shop(service)
    payment = await in_review(caller)
    body = {"reason": "known customer"}
    after = body_of(await caller.post(f"{REVIEWS}/{payment['id']}/approve", body, key=None), 200)
    assert (after["status"], after["amount_captured"]) == ("captured", 250_000)
    review = after["decision"]["review"]
    assert (review["verdict"], review["by"], review["reason"]) == ("approve", "somebody", "known customer")
    assert await queue(caller) == []
    for verdict in ("approve", "decline"):
        response = await caller.post(f"{REVIEWS}/{payment['id']}/{verdict}", body, key=None)
        problem_of(response, 409, "payment_state")


async def test_declining_counts_as_fraud(service, risk):
    caller = await shop(service)
    payment = await in_review(caller)
    fired = payment["decision"]["rules"][0]["id"]
    before = body_of(await risk.get(f"/v1/fraud/rules/{fired}"), 200)["confirmed"]
    body = {"reason": "stolen card"}
    after = body_of(await caller.post(f"{REVIEWS}/{payment['id']}/decline", body, key=None), 200)
    assert (after["status"], after["decline"]["code"]) == ("declined", "fraudulent")
    assert body_of(await risk.get(f"/v1/fraud/rules/{fired}"), 200)["confirmed"] == before + 1
    assert service.rows(
        "SELECT source, reason FROM payments.fraud_reports WHERE merchant_id = %s", caller.identity.merchant_id
    ) == [("review", "stolen card")]


async def test_a_review_is_the_merchants_or_the_risk_teams(service, risk):
    caller, other = await shop(service), await shop(service)
    payment = await in_review(caller)
    body = {"reason": "no"}
    problem_of(await other.post(f"{REVIEWS}/{payment['id']}/approve", body, key=None), 404, "not_found")
    support = service.caller("person", None, "support")
    problem_of(await support.post(f"{REVIEWS}/{payment['id']}/approve", body, key=None), 403, "forbidden")
    reader = caller.but(scopes=frozenset(("fraud:read",)))
    problem_of(await reader.post(f"{REVIEWS}/{payment['id']}/approve", body, key=None), 403, "forbidden")
    assert await queue(other) == []
    assert payment["id"] in await queue(risk)
    assert body_of(await risk.get(REVIEWS, params={"livemode": "true"}), 200)["data"] == []
    after = body_of(await risk.post(f"{REVIEWS}/{payment['id']}/decline", body, key=None), 200)
    assert after["status"] == "declined"


async def test_a_reason_is_needed(service):
    caller = await shop(service)
    payment = await in_review(caller)
    response = await caller.post(f"{REVIEWS}/{payment['id']}/approve", {"reason": ""}, key=None)
    problem_of(response, 422, "validation_failed", "/reason")
    problem_of(
        await caller.post(f"{REVIEWS}/{payment['id']}/approve", {}, key=None), 422, "validation_failed", "/reason"
    )


async def test_a_dispute_proves_rules_right_once_whoever_says_it_again(service, risk):
    caller = await shop(service)
    payment = await in_review(caller)
    fired = payment["decision"]["rules"][0]["id"]
    before = body_of(await risk.get(f"/v1/fraud/rules/{fired}"), 200)["confirmed"]
    fraud = service.container.fraud
    for source in ("dispute", "dispute", "review"):
        async with service.container.database.transaction() as connection:
            await fraud.confirm(connection, uuid_of("pay", payment["id"]), source, "fraudulent", "acquirer")
    assert body_of(await risk.get(f"/v1/fraud/rules/{fired}"), 200)["confirmed"] == before + 1
