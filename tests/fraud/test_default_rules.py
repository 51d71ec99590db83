"""Each rule of the default set: what just fires it, and what just does not."""

from datetime import UTC, datetime
from typing import Any

import pytest

from payments.fraud.engine import decide
from payments.fraud.expressions import compile_condition
from payments.fraud.signals import Signals
from tests.fraud.support import Terms, attempt, default_rule_set, default_rules, signals

RULES = default_rule_set()

CASES: dict[str, tuple[list[dict[str, Any]], list[dict[str, Any]]]] = {
    "high_amount": ([{"amount": 200_001}], [{"amount": 199_999}, {"amount": 99_999_999, "amount_usd": 150_000}]),
    "round_amount": (
        [
            {"amount": 50_000},
            {"amount": 100_000, "currency": "JPY", "amount_usd": 66_000},
            {"amount": 300_000, "currency": "KWD", "amount_usd": 97_000},
        ],
        [{"amount": 40_000}, {"amount": 50_100}, {"amount": 250_000, "currency": "KWD", "amount_usd": 80_000}],
    ),
    "high_risk_category": ([{"category_code": "7995"}, {"risk_level": "high"}], [{"risk_level": "normal"}]),
    "card_velocity_count": (
        [{"card_count_10m": 11}, {"card_count_24h": 51}],
        [{"card_count_10m": 10, "card_count_24h": 50}],
    ),
    "card_velocity_amount": ([{"card_amount_usd_24h": 1_000_001}], [{"card_amount_usd_24h": 1_000_000}]),
    "merchant_velocity": (
        [{"merchant_count_10m": 200, "merchant_count_24h": 799}],
        [{"merchant_count_10m": 200, "merchant_count_24h": 800}, {"merchant_count_10m": 199}],
    ),
    "repeated_amount": ([{"card_same_amount_1h": 4}], [{"card_same_amount_1h": 3}]),
    "off_hours": (
        [{"hour": 1}, {"hour": 4}, {"hour": 16, "time_zone": "Asia/Tokyo"}],
        [{"hour": 0}, {"hour": 5}, {"hour": 1, "time_zone": "Asia/Tokyo"}],
    ),
    "ip_velocity": ([{"ip_count_10m": 21}], [{"ip_count_10m": 20}]),
    "many_cards_one_ip": ([{"ip_cards_1h": 5}], [{"ip_cards_1h": 4}]),
    "card_at_many_merchants": ([{"card_merchants_1h": 4}], [{"card_merchants_1h": 3}]),
    "country_mismatch": (
        [{"card_country": "US", "customer_ip_country": "DE"}],
        [{"card_country": "DE", "customer_ip_country": "DE"}, {"card_country": "US"}, {"customer_ip_country": "US"}],
    ),
}


def test_every_rule_has_its_cases():
    assert CASES.keys() == {rule.name for rule in default_rules()}


def fired(case: dict) -> list[str]:
    case = dict(case)
    terms = Terms(**{name: case.pop(name) for name in ("category_code", "risk_level", "time_zone") if name in case})
    at = datetime(2026, 3, 18, case.pop("hour", 12), tzinfo=UTC)
    facts = {name: case.pop(name) for name in attempt().__struct_fields__ if name in case}
    given: Signals = signals(**case)
    return [rule.name for rule in decide(attempt(at=at, **facts), given, terms, RULES).receipt.rules]


@pytest.mark.parametrize(("name", "case"), [(name, case) for name, (cases, _) in CASES.items() for case in cases])
def test_fires(name, case):
    assert name in fired(case)


@pytest.mark.parametrize(("name", "case"), [(name, case) for name, (_, cases) in CASES.items() for case in cases])
def test_does_not_fire(name, case):
    assert name not in fired(case)


def test_an_ordinary_payment_fires_nothing():
    assert fired({"customer_ip": "203.0.113.7", "device_id": "d", "card_count_24h": 1, "merchant_count_24h": 500}) == []


def test_all_of_them_compile():
    for rule in default_rules():
        assert compile_condition(rule.condition).variables
