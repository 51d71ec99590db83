"""The decision: pure, from what a payment brings, its signals, the merchant's terms, the rules and the lists."""

from collections.abc import Sequence
from functools import lru_cache
from zoneinfo import ZoneInfo

from payments.fraud.expressions import Value
from payments.fraud.rules import Rule, RuleSet
from payments.fraud.schemas import Attempt, Decision, FiredRule, ListMatch, MerchantTerms, Outcome, Receipt
from payments.fraud.signals import Signals
from payments.fraud.vocabulary import AMOUNT_SIGNALS
from payments.money import EXPONENTS
from shared.ids import show

MAX_SCORE = 100
_MINOR_UNITS = {currency: 10**exponent for currency, exponent in EXPONENTS.items()}
_SEVERITY: dict[Outcome, int] = {"approve": 0, "review": 1, "decline": 2}


def decide(
    attempt: Attempt, signals: Signals, merchant: MerchantTerms, rules: RuleSet, matches: Sequence[ListMatch] = ()
) -> Decision:
    """Decide one payment.

    A block list declines and an allow list approves, in this order; the rules are recorded all the same. Otherwise
    the score against the merchant's thresholds and the actions of rules decide, whichever is worse. Without any
    signals, the merchant's policy is the least of it.
    """
    missing = []
    if attempt.amount_usd is None:
        # Its own part of every sum is unknown, so the sums are.
        signals = signals.without(AMOUNT_SIGNALS)
        missing.append("payment.amount_usd")
    fired, shadow, undecided = _apply(rules, variables(attempt, signals, merchant))
    score = min(sum(rule.score for rule in fired), MAX_SCORE)
    outcome: Outcome = "approve"
    if score >= merchant.decline_threshold:
        outcome = "decline"
    elif score >= merchant.review_threshold:
        outcome = "review"
    receipt = Receipt(
        outcome=outcome,
        amount_usd=attempt.amount_usd,
        decided_by="score",
        score=score,
        review_threshold=merchant.review_threshold,
        decline_threshold=merchant.decline_threshold,
        rule_set=rules.version,
        rules=[_shown(rule) for rule in fired],
        shadow=[_shown(rule) for rule in shadow],
        undecided=[rule.name for rule in undecided],
        lists=list(matches),
        source=signals.source,
        signals=signals.grouped() if signals.source != "degraded" else {},
        missing=missing + signals.missing(),
    )
    if any(match.list == "block" for match in matches):
        receipt.outcome, receipt.decided_by = "decline", "list"
    elif matches:
        receipt.outcome, receipt.decided_by = "approve", "list"
    else:
        _act(receipt, fired, merchant)
    return Decision(receipt.outcome, score, receipt)


def variables(attempt: Attempt, signals: Signals, merchant: MerchantTerms) -> dict[str, Value]:
    """Return what is known of a payment, by the names that conditions use."""
    local = attempt.at.astimezone(_zone(merchant.time_zone))
    known: dict[str, Value] = signals.known() | {
        "payment.amount": attempt.amount,
        "payment.currency": attempt.currency,
        "payment.minor_units": _MINOR_UNITS[attempt.currency],
        "payment.capture_method": attempt.capture_method,
        "payment.card.brand": attempt.card_brand,
        "payment.card.bin": attempt.card_bin,
        "payment.card_country": attempt.card_country or "",
        "payment.customer_ip": attempt.customer_ip or "",
        "payment.customer_ip_country": attempt.customer_ip_country or "",
        "payment.device_id": attempt.device_id or "",
        "merchant.id": show("mer", merchant.id),
        "merchant.country": merchant.country,
        "merchant.category_code": merchant.category_code,
        "merchant.risk_level": merchant.risk_level,
        "merchant.settlement_currency": merchant.settlement_currency,
        "time.hour_local": local.hour,
        "time.weekday_local": local.isoweekday(),
    }
    if attempt.amount_usd is not None:
        known["payment.amount_usd"] = attempt.amount_usd
    return known


def _apply(rules: RuleSet, known: dict[str, Value]) -> tuple[list[Rule], list[Rule], list[Rule]]:
    """Return the rules that count, the shadow rules that fired, and those that could not be evaluated."""
    fired: list[Rule] = []
    shadow: list[Rule] = []
    undecided: list[Rule] = []
    ended = False
    for rule, holds in zip(rules.rules, rules.evaluate(known), strict=True):
        if holds is False:
            continue
        if holds is None:
            undecided.append(rule)
        elif rule.shadow:
            shadow.append(rule)
        elif not ended:
            fired.append(rule)
            ended = rule.action == "approve"
    return fired, shadow, undecided


def _act(receipt: Receipt, fired: Sequence[Rule], merchant: MerchantTerms) -> None:
    """Let the actions of rules raise the decision, and the merchant's policy when there are no signals."""
    for rule in fired:
        if rule.action in ("review", "decline") and _SEVERITY[rule.action] > _SEVERITY[receipt.outcome]:
            receipt.outcome, receipt.decided_by = rule.action, "rule"
    if fired and fired[-1].action == "approve":
        receipt.decided_by = "rule" if receipt.outcome == "approve" else receipt.decided_by
    elif receipt.source == "degraded" and _SEVERITY[merchant.fallback_policy] >= _SEVERITY[receipt.outcome]:
        receipt.outcome, receipt.decided_by = merchant.fallback_policy, "policy"


def _shown(rule: Rule) -> FiredRule:
    return FiredRule(show("rule", rule.id), rule.name, rule.action, rule.score)


@lru_cache(maxsize=1024)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
