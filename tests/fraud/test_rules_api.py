"""Rules over HTTP: created, refused with the place of the error, changed, measured."""

from typing import Any

import pytest

from payments.fraud import rule_repository
from tests.fraud.shop import fresh_card, pay, shop
from tests.support import Caller, Platform, body_of, problem_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

RULES = "/v1/fraud/rules"


async def create(risk: Caller, condition: str, **changes: Any) -> dict[str, Any]:
    body = {"name": f"rule of {fresh_card()[7:]}", "condition": condition, "score": 10, **changes}
    return body_of(await risk.post(RULES, body, key=None), 201)


async def change(risk: Caller, rule: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return body_of(await risk.request("PATCH", f"{RULES}/{rule['id']}", json=changes, key=None), 200)


async def count_hits(service: Platform) -> None:
    """What the worker does, without waiting for the last payments to settle."""
    async with service.container.database.transaction() as connection:
        while await rule_repository.count_hits(connection, seconds=-5, limit=1000):
            pass


async def test_a_new_platform_has_the_default_rules(risk):
    found = body_of(await risk.get(RULES, params={"limit": 100}), 200)["data"]
    names = {rule["name"] for rule in found if rule["updated_by"] == "migration"}
    assert len(names) == 12
    assert {"high_amount", "country_mismatch", "card_velocity_count"} <= names
    assert {rule["active"] for rule in found if rule["name"] in names} == {True}


async def test_a_rule_is_shown_as_it_was_made(risk):
    made = await create(risk, "payment.amount == 5", score=25, action="review", shadow=True, priority=7)
    assert made["condition"] == "payment.amount == 5"
    assert (made["score"], made["action"], made["shadow"], made["priority"]) == (25, "review", True, 7)
    assert (made["hits"], made["precision"], made["updated_by"]) == (0, None, "somebody")
    assert body_of(await risk.get(f"{RULES}/{made['id']}"), 200) == made


@pytest.mark.parametrize(
    ("condition", "place"),
    [
        ("payment.amont > 5", "Line 1, column 1: there is no payment.amont here; did you mean payment.amount?"),
        ("payment.amount > 5 &&\n payment.currency == 5", "Line 2, column 19: found no matching overload"),
        ("payment.amount", "Line 1, column 1: a condition is true or false, this is of type int"),
        ("payment.amount >", "Line 1, column 17: Syntax error"),
    ],
)
async def test_a_broken_condition_is_refused_with_its_place(risk, condition, place):
    body = {"name": "broken", "condition": condition, "score": 10}
    problem = problem_of(await risk.post(RULES, body, key=None), 422, "validation_failed", "/condition")
    assert problem["errors"][0]["detail"].startswith(place)
    rule = await create(risk, "true", active=False)
    response = await risk.request("PATCH", f"{RULES}/{rule['id']}", json={"condition": condition}, key=None)
    problem_of(response, 422, "validation_failed", "/condition")


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"score": 101}, "/score"),
        ({"score": -1}, "/score"),
        ({"score": "5"}, "/score"),
        ({"action": "burn"}, "/action"),
        ({"priority": -1}, "/priority"),
        ({"name": ""}, "/name"),
        ({"condition": "true" + " " * 1000}, "/condition"),
        ({"surprise": 1}, "/surprise"),
    ],
)
async def test_other_fields_are_checked_too(risk, changes, pointer):
    body = {"name": "some rule", "condition": "true", "score": 10, "active": False, **changes}
    problem_of(await risk.post(RULES, body, key=None), 422, "validation_failed", pointer)


async def test_names_are_taken_once(risk):
    first, second = [await create(risk, "false") for _ in range(2)]
    body = {"name": first["name"], "condition": "true", "score": 1}
    problem_of(await risk.post(RULES, body, key=None), 422, "validation_failed", "/name")
    response = await risk.request("PATCH", f"{RULES}/{second['id']}", json={"name": first["name"]}, key=None)
    problem_of(response, 422, "validation_failed", "/name")


async def test_there_are_only_so_many_active_rules(service, risk, monkeypatch):
    monkeypatch.setattr("payments.fraud.rulebook.MAX_RULES", 1)
    body = {"name": "one too many", "condition": "true", "score": 1}
    problem_of(await risk.post(RULES, body, key=None), 422, "validation_failed", "/active")
    assert not [name for (name,) in service.rows("SELECT name FROM payments.fraud_rules") if name == "one too many"]


async def test_what_does_not_exist_is_not_found(risk):
    problem_of(await risk.get(f"{RULES}/rule_{'0' * 32}"), 404, "not_found")
    response = await risk.request("PATCH", f"{RULES}/rule_{'0' * 32}", json={"score": 1}, key=None)
    problem_of(response, 404, "not_found")


@pytest.mark.parametrize("roles", [(), ("support",)])
async def test_rules_are_for_the_risk_team(service, roles):
    person = service.caller("person", None, *roles)
    problem_of(await person.get(RULES), 403, "forbidden")
    problem_of(await (await shop(service)).get(RULES), 403, "forbidden")


async def test_a_payment_meets_a_new_rule_and_names_its_version(service, risk):
    caller = await shop(service)
    rule = await create(risk, "payment.amount == 4711", score=60)
    payment = await pay(caller, amount=4711)
    assert payment["status"] == "review"
    receipt = payment["decision"]
    assert [(fired["id"], fired["score"]) for fired in receipt["rules"]] == [(rule["id"], 60)]
    assert (receipt["score"], receipt["outcome"], receipt["source"]) == (60, "review", "redis")
    assert receipt["signals"]["card"]["count"] == [1, 1, 1, 1]
    await change(risk, rule, score=90)
    after = await pay(caller, amount=4711)
    assert (after["status"], after["decline"]["code"]) == ("declined", "fraudulent")
    assert after["decision"]["rule_set"] == receipt["rule_set"] + 1
    await change(risk, rule, active=False)
    assert (await pay(caller, amount=4711))["decision"]["rules"] == []


async def test_every_version_is_kept(service, risk):
    rule = await create(risk, "false", score=1)
    await change(risk, rule, score=2)
    [(before,), (after,)] = service.rows("SELECT rules FROM payments.fraud_rule_sets ORDER BY version DESC LIMIT 2")[
        ::-1
    ]
    scores = [next(each["score"] for each in rules if each["name"] == rule["name"]) for rules in (before, after)]
    assert scores == [1, 2]


async def test_a_shadow_rule_is_recorded_and_changes_nothing(service, risk):
    caller = await shop(service)
    rule = await create(risk, "payment.amount == 4712", score=100, action="decline", shadow=True)
    payment = await pay(caller, amount=4712)
    assert payment["status"] == "captured"
    assert [fired["id"] for fired in payment["decision"]["shadow"]] == [rule["id"]]
    await count_hits(service)
    assert body_of(await risk.get(f"{RULES}/{rule['id']}"), 200)["hits"] == 1


async def test_rules_are_measured_by_what_turns_out(service, risk):
    caller = await shop(service)
    rule = await create(risk, "payment.amount == 4713", score=1)
    paid = [await pay(caller, amount=4713) for _ in range(4)]
    await pay(caller, amount=4714)
    await count_hits(service)
    await count_hits(service)
    for _ in range(2):
        report = {"payment": paid[0]["id"], "reason": "stolen_card"}
        body_of(await caller.post("/v1/fraud/reports", report, key=None), 201)
    shown = body_of(await risk.get(f"{RULES}/{rule['id']}"), 200)
    assert (shown["hits"], shown["confirmed"], shown["precision"], shown["livemode"]) == (4, 1, 0.25, False)
    live = body_of(await risk.get(f"{RULES}/{rule['id']}", params={"livemode": "true"}), 200)
    assert (live["hits"], live["precision"], live["livemode"]) == (0, None, True)


async def test_what_a_rule_declined_says_nothing_about_its_precision(service, risk):
    caller = await shop(service)
    rule = await create(risk, "payment.amount == 4715", action="decline")
    await pay(caller, amount=4715)
    await count_hits(service)
    shown = body_of(await risk.get(f"{RULES}/{rule['id']}"), 200)
    assert (shown["hits"], shown["precision"]) == (1, None)


async def test_lists_come_in_pages(risk):
    everything = body_of(await risk.get(RULES, params={"limit": 100}), 200)["data"]
    first = body_of(await risk.get(RULES, params={"limit": 3}), 200)
    assert first["has_more"]
    second = body_of(await risk.get(RULES, params={"limit": 3, "starting_after": first["data"][-1]["id"]}), 200)
    assert first["data"] + second["data"] == everything[:6]
    back = body_of(await risk.get(RULES, params={"limit": 3, "ending_before": second["data"][0]["id"]}), 200)
    assert back["data"] == first["data"]
