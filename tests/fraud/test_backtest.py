"""Backtests: the difference another rule set would have made."""

from typing import Any

import pytest

from tests.fraud.shop import shop
from tests.fraud.support import default_rules
from tests.support import Caller, body_of, problem_of

pytestmark = pytest.mark.asyncio(loop_scope="module")


def rules(**more: Any) -> list[dict[str, Any]]:
    """The default rules as the API takes them, and one more."""
    names = ("name", "condition", "score", "priority")
    kept = [{name: getattr(rule, name) for name in names} for rule in default_rules()]
    return [*kept, {"name": "more", "condition": "true", "score": 0} | more]


async def replay(risk: Caller, *candidates: dict[str, Any], **changes: Any) -> dict[str, Any]:
    body = {"rules": list(candidates), **changes}
    return body_of(await risk.post("/v1/fraud/backtest", body, key=None), 200)


async def test_the_same_rules_decide_the_same(risk, history):
    found = await replay(risk, *rules())
    assert (found["payments"], found["compared"], found["left_out"], found["changed"]) == (5, 4, 1, 0)
    assert found["changes"] == []
    assert found["newly_declined"] == found["newly_approved"] == {}
    hits = {rule["name"]: rule["hits"] for rule in found["rules"]}
    assert (hits["country_mismatch"], hits["high_amount"], hits["more"]) == (1, 1, 4)


async def test_differences_are_counted_with_their_money_and_examples(risk, history):
    found = await replay(risk, *rules(condition="payment.amount_usd > 50000", score=80))
    assert found["changed"] == 2
    assert found["newly_declined"] == {"EUR": 70_001, "USD": 250_000}
    assert found["newly_approved"] == {}
    by_source = {change["from"]: change for change in found["changes"]}
    assert {change["to"] for change in found["changes"]} == {"decline"}
    [example] = by_source["approve"]["examples"]
    assert (example["payment"], example["score_before"], example["score_after"]) == (history["euros"]["id"], 0, 80)
    assert (example["rules_before"], example["rules_after"]) == ([], ["more"])


async def test_stored_signals_are_used(risk, history):
    found = await replay(risk, *rules(condition="signals.card_same_amount_24h == 2", action="decline"))
    [change] = found["changes"]
    assert [example["payment"] for example in change["examples"]] == [history["repeated"]["id"]]


async def test_milder_rules_approve_money(risk, history):
    found = await replay(risk, {"name": "nothing", "condition": "false", "score": 1})
    assert found["newly_approved"] == {"USD": 250_000}
    assert [(change["from"], change["to"], change["count"]) for change in found["changes"]] == [
        ("review", "approve", 1)
    ]


async def test_shadow_and_inactive_rules_decide_nothing(risk, history):
    shadow = {"name": "shadow", "condition": "true", "score": 100, "shadow": True}
    inactive = {"name": "inactive", "condition": "true", "score": 100, "active": False}
    found = await replay(risk, *rules()[:-1], shadow, inactive)
    assert found["changed"] == 0
    assert {"name": "shadow", "hits": 4} in found["rules"]


async def test_modes_are_apart(risk, history):
    assert (await replay(risk, *rules(), livemode=True))["payments"] == 0


async def test_nothing_is_changed(service, risk, history):
    before = service.contents()
    await replay(risk, *rules(score=100))
    assert service.contents() == before


async def test_candidates_are_checked(risk, service):
    body = {"rules": [{"name": "a", "condition": "payment.amont > 1", "score": 1}]}
    problem = problem_of(
        await risk.post("/v1/fraud/backtest", body, key=None), 422, "validation_failed", "/rules/0/condition"
    )
    assert "line 1, column 1" in problem["errors"][0]["detail"].lower()
    problem_of(await (await shop(service)).post("/v1/fraud/backtest", body, key=None), 403, "forbidden")
