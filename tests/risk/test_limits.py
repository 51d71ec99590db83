"""Limits and days, without a database."""

from datetime import date
from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.payments.states import STATUSES, TRANSITIONS
from payments.risk.days import Delta, Standing, delta
from payments.risk.limits import NO_LIMITS, Limits, Usage

DAY = (UUID(int=1), False, date(2026, 11, 22))


@pytest.mark.parametrize(
    ("limits", "usage", "amount", "exceeded"),
    [
        (NO_LIMITS, Usage(volume=10**12, count=10**6), 10**9, None),
        (Limits(single_amount=100), Usage(), 100, None),
        (Limits(single_amount=100), Usage(), 101, "single_amount"),
        (Limits(daily_volume=100), Usage(volume=60), 40, None),
        (Limits(daily_volume=100), Usage(volume=60), 41, "daily_volume"),
        (Limits(daily_volume=100), Usage(volume=160), 1, "daily_volume"),
        (Limits(monthly_volume=100), Usage(volume=0, month_volume=100), 1, "monthly_volume"),
        (Limits(daily_count=2), Usage(count=1), 10**9, None),
        (Limits(daily_count=2), Usage(count=2), 1, "daily_count"),
    ],
)
def test_a_limit_lets_through_exactly_what_fits(limits, usage, amount, exceeded):
    assert limits.exceeded(amount, usage) == exceeded


def test_headroom_names_only_limits_that_are_set_and_never_goes_below_zero():
    limits = Limits(daily_volume=100, daily_count=5)
    assert limits.headroom(Usage(volume=130, count=2)) == {"daily_volume": 0, "daily_count": 3}


@pytest.mark.parametrize(
    ("captured", "refunded", "amount", "exceeds"),
    [(1000, 0, 100, False), (1000, 0, 101, True), (1000, 60, 40, False), (1000, 60, 41, True), (0, 0, 1, True)],
)
def test_a_tenth_may_be_refunded_and_no_more(captured, refunded, amount, exceeds):
    limits = Limits(refund_ratio_basis_points=1000)
    assert limits.refund_exceeds(amount, Usage(month_captured=captured, month_refunded=refunded)) is exceeds


def paths():
    """Legal lives of a payment, with what was captured and refunded along the way."""
    start = st.sampled_from(["processing", "review", "authorized", "captured", "declined"])

    def onward(life):
        targets = [to for to in STATUSES if TRANSITIONS[life[-1], to] != "."]
        return st.just(life) if not targets else st.sampled_from(targets).flatmap(lambda to: onward([*life, to]))

    return start.flatmap(lambda first: onward([first]))


@given(paths(), st.integers(1, 10**12))
def test_a_life_adds_up_to_what_the_payment_counts_at_its_end(life, amount):
    before, total = None, [0, 0]
    for status in life:
        after = Standing(status, amount, amount if status == "captured" else 0, 0, limited=False, score=None)
        change = delta(before, after)
        total = [total[0] + change.volume, total[1] + change.count]
        before = after
    counts = life[-1] in ("processing", "review", "unknown", "authorized", "captured")
    assert total == ([amount, 1] if counts else [0, 0])


@given(paths(), st.integers(1, 10**12))
def test_a_payment_is_approved_or_declined_at_most_once(life, amount):
    moments = [Standing(status, amount, 0, 0, limited=False, score=None) for status in life]
    changes = [delta(None, moments[0]), *(delta(before, after) for before, after in pairwise(moments))]
    assert sum(change.approved for change in changes) == int("authorized" in life or "captured" in life)
    assert sum(change.declined for change in changes) == int("declined" in life)


def test_a_payment_declined_by_a_limit_is_told_apart():
    assert delta(None, Standing("declined", 5, 0, 0, limited=True, score=None)) == Delta(0, 0, 0, 1, 1, 0, 0, 0, 0, 0)
    assert delta(None, Standing("declined", 5, 0, 0, limited=False, score=None)).limited == 0
