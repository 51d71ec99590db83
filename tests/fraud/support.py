"""What the tests of fraud build again and again."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from payments.fraud.rules import Rule, RuleSet
from payments.fraud.schemas import Attempt, Outcome
from payments.fraud.signals import Signals
from payments.fraud.vocabulary import SIGNALS
from shared.ids import new_uuid

DEFAULT_RULES = Path(__file__).parents[2] / "migrations" / "versions" / "0003_fraud" / "default_rules.json"
MERCHANT = UUID("0199c1d2-7f3a-7e5d-8c7b-8a9f0e1d2c3b")
NOON = datetime(2026, 3, 18, 12, tzinfo=UTC)


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """A merchant's terms."""

    id: UUID = MERCHANT
    country: str = "DE"
    category_code: str = "5942"
    settlement_currency: str = "EUR"
    risk_level: str = "normal"
    time_zone: str = "UTC"
    review_threshold: int = 50
    decline_threshold: int = 80
    fallback_policy: Outcome = "review"


def attempt(**changes: Any) -> Attempt:
    """A payment nobody would look at twice, with changes."""
    defaults: dict[str, Any] = {
        "merchant_id": MERCHANT,
        "livemode": True,
        "idempotency_key": new_uuid().hex,
        "amount": 1999,
        "currency": "USD",
        "amount_usd": changes.get("amount", 1999),
        "capture_method": "automatic",
        "card_fingerprint": "ab" * 32,
        "card_brand": "visa",
        "card_bin": "424242",
        "card_country": None,
        "customer_ip": None,
        "customer_ip_country": None,
        "device_id": None,
        "at": NOON,
    }
    return Attempt(**defaults | changes)


def signals(**values: int | None) -> Signals:
    """Signals by their short names; the others are 0."""
    unknown = {f"signals.{name}" for name in values} - set(SIGNALS)
    if unknown:
        raise KeyError(unknown)
    return Signals([values.get(name.removeprefix("signals."), 0) for name in SIGNALS], "redis")


def rule(condition: str, score: int = 10, **changes: Any) -> Rule:
    """A rule that is named after its condition."""
    return Rule(**{"id": new_uuid(), "name": condition, "condition": condition, "score": score, **changes})


def default_rules() -> list[Rule]:
    """The rules that a new platform starts with."""
    return [Rule(id=new_uuid(), **each) for each in json.loads(DEFAULT_RULES.read_text(encoding="utf-8"))]


def default_rule_set() -> RuleSet:
    """The same, compiled."""
    return RuleSet(1, default_rules())
