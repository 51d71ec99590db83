"""Block and allow lists: every kind, scopes, expiry, removal."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.fraud.shop import fresh_card, id_of, pay, shop
from tests.support import Caller, body_of, problem_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

LISTS = "/v1/fraud/lists"


async def add(risk: Caller, kind: str, value: str, **changes: Any) -> dict[str, Any]:
    return body_of(await risk.post(LISTS, {"list": "block", "kind": kind, "value": value, **changes}, key=None), 201)


@pytest.mark.parametrize(
    ("kind", "value", "hit", "miss"),
    [
        ("ip", "203.0.113.7", {"customer_ip": "203.0.113.7"}, {"customer_ip": "203.0.113.8"}),
        ("ip", "198.51.100.0/24", {"customer_ip": "198.51.100.200"}, {"customer_ip": "198.51.101.1"}),
        ("ip", "198.51.102.9", {"customer_ip": "::ffff:198.51.102.9"}, {"customer_ip": "::ffff:198.51.102.8"}),
        ("ip", "2001:db8:7::/48", {"customer_ip": "2001:db8:7:1::5"}, {"customer_ip": "2001:db8:8::5"}),
        ("country", "XA", {"card_country": "XA"}, {"card_country": "XB"}),
        ("country", "XC", {"customer_ip_country": "XC"}, {}),
    ],
)
async def test_blocks_what_it_names_and_nothing_else(service, risk, kind, value, hit, miss):
    caller = await shop(service)
    entry = await add(risk, kind, value)
    blocked = await pay(caller, **hit)
    assert (blocked["status"], blocked["decline"]["code"]) == ("declined", "fraudulent")
    assert blocked["decision"]["lists"] == [{"id": entry["id"], "list": "block", "kind": kind}]
    assert blocked["decision"]["decided_by"] == "list"
    assert (await pay(caller, **miss))["status"] == "captured"


async def test_blocks_cards_and_bins(service, risk):
    caller = await shop(service)
    number = fresh_card()
    fingerprint = (await pay(caller, number))["card"]["fingerprint"]
    entry = await add(risk, "card", fingerprint)
    assert (await pay(caller, number))["status"] == "declined"
    assert (await pay(caller))["status"] == "captured"
    body_of(await risk.request("DELETE", f"{LISTS}/{entry['id']}", key=None), 200)
    assert (await pay(caller, number))["status"] == "captured"
    await add(risk, "bin", "555555", merchant=id_of(caller))
    assert (await pay(caller, "5555555555554444"))["status"] == "declined"
    assert (await pay(await shop(service), "5555555555554444"))["status"] == "captured"


async def test_allowing_overrules_the_score_and_blocking_overrules_allowing(service, risk):
    caller = await shop(service, review_threshold=0, decline_threshold=0)
    number = fresh_card()
    payment = await pay(caller, number)
    assert payment["status"] == "declined"
    fingerprint = payment["card"]["fingerprint"]
    await add(risk, "card", fingerprint, list="allow")
    assert (await pay(caller, number))["status"] == "captured"
    await add(risk, "card", fingerprint)
    assert (await pay(caller, number))["status"] == "declined"


async def test_entries_end_by_themselves(service, risk):
    caller = await shop(service)
    past = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    await add(risk, "ip", "203.0.113.99", expires_at=past)
    assert (await pay(caller, customer_ip="203.0.113.99"))["status"] == "captured"


async def test_the_same_entry_again_renews_it(service, risk):
    first = await add(risk, "ip", "203.0.113.100", reason="first")
    second = await add(risk, "ip", "203.0.113.100/32", reason="second")
    assert (second["id"], second["value"], second["reason"]) == (first["id"], "203.0.113.100/32", "second")


async def test_modes_have_lists_of_their_own(service, risk):
    caller = await shop(service)
    await add(risk, "ip", "203.0.113.101", livemode=True)
    assert (await pay(caller, customer_ip="203.0.113.101"))["status"] == "captured"


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"kind": "ip", "value": "300.1.1.1"}, "/value"),
        ({"kind": "ip", "value": "10.0.0.0/99"}, "/value"),
        ({"kind": "country", "value": "germany"}, "/value"),
        ({"kind": "bin", "value": "4242"}, "/value"),
        ({"kind": "card", "value": "abc"}, "/value"),
        ({"kind": "name"}, "/kind"),
        ({"list": "grey"}, "/list"),
        ({"expires_at": "tomorrow"}, "/expires_at"),
        ({"merchant": "mer_1"}, "/merchant"),
    ],
)
async def test_values_fit_their_kind(risk, changes, pointer):
    body = {"list": "block", "kind": "ip", "value": "203.0.113.1", **changes}
    problem_of(await risk.post(LISTS, body, key=None), 422, "validation_failed", pointer)


async def test_a_card_number_is_never_an_entry(risk):
    body = {"list": "block", "kind": "card", "value": "4242424242424242"}
    problem = problem_of(await risk.post(LISTS, body, key=None), 422, "validation_failed", "/value")
    assert "4242" not in str(problem)


async def test_a_merchant_of_an_entry_must_exist(risk):
    body = {"list": "block", "kind": "country", "value": "XD", "merchant": f"mer_{'0' * 32}"}
    problem_of(await risk.post(LISTS, body, key=None), 404, "not_found")


async def test_lists_are_shown_by_list_and_kind(risk):
    made = await add(risk, "country", "XE", list="allow")
    found = body_of(await risk.get(LISTS, params={"list": "allow", "kind": "country"}), 200)["data"]
    assert found == [made]
    body_of(await risk.request("DELETE", f"{LISTS}/{made['id']}", key=None), 200)
    problem_of(await risk.request("DELETE", f"{LISTS}/{made['id']}", key=None), 404, "not_found")
    assert body_of(await risk.get(LISTS, params={"list": "allow", "kind": "country"}), 200)["data"] == []


async def test_lists_are_for_the_risk_team(service):
    caller = await shop(service)
    problem_of(await caller.get(LISTS), 403, "forbidden")
    body = {"list": "allow", "kind": "country", "value": "DE"}
    problem_of(await caller.post(LISTS, body, key=None), 403, "forbidden")


async def test_many_entries_cost_no_payment_more(service, risk):
    """What is looked up are the values of the payment, not the entries."""
    caller = await shop(service)
    await add(risk, "ip", "10.200.0.1", merchant=id_of(caller))
    for number in range(40):
        await add(risk, "ip", f"10.{number}.0.0/16", merchant=id_of(caller))
    _, lists = await service.container.fraud.book.current()
    assert {(4, 16), (4, 32)} <= lists._prefixes.keys()
    assert (await pay(caller, customer_ip="10.39.1.1"))["status"] == "declined"
    assert (await pay(caller, customer_ip="10.40.1.1"))["status"] == "captured"
