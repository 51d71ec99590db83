"""Decisions: scores, thresholds, actions, lists, policies, receipts."""

from datetime import datetime

import msgspec
import pytest

from payments.fraud.engine import decide, variables
from payments.fraud.rules import RuleSet
from payments.fraud.schemas import ListMatch, Receipt
from payments.fraud.signals import NO_SIGNALS, Signals
from payments.fraud.vocabulary import AMOUNT_SIGNALS, SIGNALS, VARIABLES
from shared.ids import show
from tests.fraud.support import MERCHANT, Terms, attempt, rule, signals

BLOCK = ListMatch("lst_1", "block", "ip")
ALLOW = ListMatch("lst_2", "allow", "card")
ALWAYS = "true"


def outcome(*rules, terms=None, given=None, matches=(), **payment):
    decision = decide(attempt(**payment), given or signals(), terms or Terms(), RuleSet(7, rules), matches)
    return decision.outcome, decision.receipt.decided_by, decision.score


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([], ("approve", "score", 0)),
        ([49], ("approve", "score", 49)),
        ([50], ("review", "score", 50)),
        ([30, 20], ("review", "score", 50)),
        ([79], ("review", "score", 79)),
        ([40, 40], ("decline", "score", 80)),
        ([90, 90], ("decline", "score", 100)),
    ],
)
def test_thresholds_include_their_score_and_the_sum_is_capped(scores, expected):
    rules = [rule(ALWAYS, score, name=f"rule {number}") for number, score in enumerate(scores)]
    assert outcome(*rules) == expected


def test_a_threshold_of_101_is_never_reached():
    terms = Terms(review_threshold=101, decline_threshold=101)
    assert outcome(rule(ALWAYS, 100), terms=terms) == ("approve", "score", 100)


@pytest.mark.parametrize(
    ("action", "score", "expected"),
    [
        ("review", 0, ("review", "rule", 0)),
        ("review", 90, ("decline", "score", 90)),
        ("review", 60, ("review", "score", 60)),
        ("decline", 0, ("decline", "rule", 0)),
        ("decline", 60, ("decline", "rule", 60)),
        ("approve", 0, ("approve", "rule", 0)),
    ],
)
def test_actions_only_make_it_worse_and_approval_is_no_score(action, score, expected):
    assert outcome(rule(ALWAYS, score, action=action)) == expected


def test_approval_ends_the_rules_that_come_after_it():
    exempt = rule("payment.amount > 0", 0, action="approve", priority=50)
    harsh = rule(ALWAYS, 100, action="decline", priority=51)
    assert outcome(harsh, exempt) == ("approve", "rule", 0)
    early = msgspec.structs.replace(harsh, priority=49)
    assert outcome(early, exempt) == ("decline", "score", 100)


def test_shadow_rules_are_recorded_and_nothing_else():
    shadow = rule(ALWAYS, 100, action="decline", shadow=True, name="try")
    decision = decide(attempt(), signals(), Terms(), RuleSet(7, [shadow]))
    assert (decision.outcome, decision.score) == ("approve", 0)
    assert [fired.name for fired in decision.receipt.shadow] == ["try"]
    assert decision.receipt.rules == []


def test_inactive_rules_do_not_exist():
    assert outcome(rule(ALWAYS, 100, active=False)) == ("approve", "score", 0)


@pytest.mark.parametrize(
    ("matches", "expected"),
    [([BLOCK], "decline"), ([ALLOW], "approve"), ([ALLOW, BLOCK], "decline"), ([], "review")],
)
def test_lists_come_before_the_rules_and_blocking_before_allowing(matches, expected):
    got, by, score = outcome(rule(ALWAYS, 60), matches=matches)
    assert (got, score) == (expected, 60)
    assert by == ("list" if matches else "score")


@pytest.mark.parametrize("policy", ["approve", "review", "decline"])
def test_without_signals_the_policy_applies(policy):
    terms = Terms(fallback_policy=policy)
    assert outcome(rule("signals.card_count_1h > 3", 90), terms=terms, given=NO_SIGNALS) == (policy, "policy", 0)


def test_without_signals_what_can_be_decided_still_counts():
    terms = Terms(fallback_policy="approve")
    rules = [rule("payment.amount > 5", 90), rule("signals.card_count_1h > 3", 90)]
    decision = decide(attempt(), NO_SIGNALS, terms, RuleSet(7, rules))
    assert (decision.outcome, decision.receipt.decided_by) == ("decline", "score")
    assert decision.receipt.undecided == ["signals.card_count_1h > 3"]
    assert decision.receipt.source == "degraded"
    assert decision.receipt.signals == {}
    assert decision.receipt.missing == list(SIGNALS)
    assert outcome(terms=Terms(fallback_policy="decline"), given=NO_SIGNALS, matches=[ALLOW])[0] == "approve"
    assert outcome(terms=terms, given=NO_SIGNALS, matches=[BLOCK])[0] == "decline"


def test_partial_signals_are_decided_by_what_is_known():
    partial = Signals([None if name == "signals.merchant_count_24h" else 9 for name in SIGNALS], "postgres")
    rules = [rule("signals.merchant_count_24h > 1", 90), rule("signals.card_count_1h == 9", 60)]
    decision = decide(attempt(), partial, Terms(fallback_policy="decline"), RuleSet(7, rules))
    assert (decision.outcome, decision.score, decision.receipt.source) == ("review", 60, "postgres")
    assert decision.receipt.missing == ["signals.merchant_count_24h"]
    assert decision.receipt.signals["merchant"]["count"] == [9, 9, 9, None]
    assert decision.receipt.undecided == ["signals.merchant_count_24h > 1"]


def test_without_a_rate_amounts_are_missing_and_the_rest_is_not():
    rules = [
        rule("payment.amount_usd > 0", 50),
        rule("signals.card_amount_usd_1h > 0", 50),
        rule("signals.card_count_1h > 0", 20),
    ]
    given = signals(card_count_1h=1, card_amount_usd_1h=5)
    decision = decide(attempt(currency="KZT", amount_usd=None), given, Terms(), RuleSet(7, rules))
    assert decision.score == 20
    assert decision.receipt.missing == ["payment.amount_usd", *(name for name in SIGNALS if name in AMOUNT_SIGNALS)]
    assert len(decision.receipt.undecided) == 2


def test_a_stored_rule_that_no_longer_compiles_stops_no_payment():
    decision = decide(attempt(), signals(), Terms(), RuleSet(7, [rule("gone.variable > 1", 90), rule(ALWAYS, 10)]))
    assert (decision.score, decision.receipt.undecided) == (10, ["gone.variable > 1"])


def test_the_receipt_tells_all_and_can_be_read_again():
    given = signals(card_count_1m=1, card_count_24h=3, ip_cards_1h=2)
    decision = decide(attempt(), given, Terms(review_threshold=60), RuleSet(7, [rule(ALWAYS, 12, name="a")]), [ALLOW])
    receipt = msgspec.json.decode(msgspec.json.encode(decision.receipt), type=Receipt)
    assert receipt == decision.receipt
    assert (receipt.rule_set, receipt.review_threshold, receipt.decline_threshold) == (7, 60, 80)
    assert [(fired.name, fired.score, fired.id[:5]) for fired in receipt.rules] == [("a", 12, "rule_")]
    assert receipt.signals == {"card": {"count": [1, 0, 0, 3]}, "ip": {"cards": [0, 0, 2, 0]}}
    assert Signals.from_grouped(receipt.signals, "redis") == given


def test_every_variable_has_a_value_of_its_type():
    found = variables(attempt(), signals(), Terms())
    assert found.keys() == VARIABLES.keys()
    kinds = {"int": int, "string": str}
    assert [name for name, (kind, _) in VARIABLES.items() if type(found[name]) is not kinds[kind]] == []
    assert found["merchant.id"] == show("mer", MERCHANT)


@pytest.mark.parametrize(("currency", "expected"), [("USD", 100), ("JPY", 1), ("KWD", 1000), ("CLF", 10_000)])
def test_minor_units_follow_the_currency(currency, expected):
    assert variables(attempt(currency=currency), signals(), Terms())["payment.minor_units"] == expected


@pytest.mark.parametrize(
    ("zone", "at", "hour", "weekday"),
    [
        ("UTC", "03-15T23:30", 23, 7),
        ("Asia/Tokyo", "03-15T23:30", 8, 1),
        ("America/New_York", "03-08T06:59", 1, 7),  # the clock goes from 2:00 to 3:00 at 7:00 UTC
        ("America/New_York", "03-08T07:00", 3, 7),
        ("Europe/Berlin", "10-25T00:30", 2, 7),  # 2:30 comes twice that night
        ("Europe/Berlin", "10-25T01:30", 2, 7),
        ("Europe/Berlin", "10-25T02:30", 3, 7),
        ("Asia/Kathmandu", "01-31T18:15", 0, 7),  # UTC+5:45, and the next month
    ],
)
def test_time_is_the_merchants(zone, at, hour, weekday):
    found = variables(attempt(at=datetime.fromisoformat(f"2026-{at}Z")), signals(), Terms(time_zone=zone))
    assert (found["time.hour_local"], found["time.weekday_local"]) == (hour, weekday)
