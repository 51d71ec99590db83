"""Which rate counts: direct, inverse, through the pivot; at a moment; not when stale."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.fx.book import Book, Rate
from shared.problems import Problem
from tests.fx.strategies import rates

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
MAX_AGE = 96 * HOUR


def rate(pair: str, mid: str | Decimal, at: datetime = NOON, source: str = "ecb") -> Rate:
    base, quote = pair.split("/")
    return Rate(base, quote, Decimal(mid), at, source, at)


def book(*recorded: Rate) -> Book:
    return Book(recorded, pivot="EUR", max_age=MAX_AGE)


def mid(rates: Book, pair: str, now: datetime = NOON) -> tuple[str, str]:
    base, quote = pair.split("/")
    found = rates.mid(base, quote, now)
    assert (found.base, found.quote) == (base, quote)
    return f"{found.mid:f}", found.source


def test_a_recorded_rate_is_used_as_it_is():
    assert mid(book(rate("EUR/USD", "1.0800")), "EUR/USD") == ("1.0800", "ecb")
    assert mid(book(rate("EUR/USD", "123456.789012")), "EUR/USD") == ("123456.789012", "ecb")


def test_the_opposite_pair_is_inverted():
    assert mid(book(rate("EUR/USD", "1.08")), "USD/EUR") == ("0.925925925926", "ecb")
    assert mid(book(rate("EUR/USD", "1.25")), "USD/EUR") == ("0.8", "ecb")


def test_other_pairs_go_through_the_pivot():
    rates = book(rate("EUR/USD", "1.08"), rate("EUR/JPY", "162.37"))
    assert mid(rates, "USD/JPY") == ("150.342592593", "ecb via EUR")
    assert mid(rates, "JPY/USD") == ("0.00665147502617", "ecb via EUR")


def test_each_half_may_be_recorded_either_way_round():
    rates = book(rate("USD/EUR", "0.8"), rate("EUR/GBP", "0.9", source="desk"), rate("CHF/EUR", "1.1"))
    assert mid(rates, "USD/GBP") == ("0.72", "ecb+desk via EUR")
    assert mid(rates, "CHF/USD") == ("1.375", "ecb via EUR")


def test_a_cross_rate_that_needs_no_division_is_rounded_too():
    rates = book(rate("USD/EUR", "1.23456789012"), rate("EUR/GBP", "1.23456789012"))
    assert mid(rates, "USD/GBP")[0] == "1.52415787532"


def test_direct_comes_before_inverse_before_cross():
    cross = (rate("EUR/USD", "2"), rate("EUR/GBP", "3"))
    assert mid(book(*cross), "USD/GBP")[0] == "1.5"
    assert mid(book(*cross, rate("GBP/USD", "4")), "USD/GBP")[0] == "0.25"
    assert mid(book(*cross, rate("GBP/USD", "4"), rate("USD/GBP", "5")), "USD/GBP")[0] == "5"


def test_a_stale_rate_gives_way_to_a_fresh_one():
    old = NOON - MAX_AGE - HOUR
    rates = book(rate("USD/GBP", "5", old), rate("EUR/USD", "2"), rate("EUR/GBP", "3"))
    assert mid(rates, "USD/GBP")[0] == "1.5"
    rates = book(rate("EUR/USD", "5", old), rate("USD/EUR", "0.5"))
    assert mid(rates, "EUR/USD")[0] == "2"


def test_the_rate_of_a_moment():
    rates = book(
        rate("EUR/USD", "1.1", NOON), rate("EUR/USD", "1.2", NOON + 2 * HOUR), rate("EUR/USD", "1.0", NOON - HOUR)
    )
    assert [mid(rates, "EUR/USD", NOON + hours * HOUR)[0] for hours in (-1, 0, 1, 2, 3)] == [
        "1.0",
        "1.1",
        "1.1",
        "1.2",
        "1.2",
    ]


def test_of_two_rates_of_one_moment_the_one_recorded_last_counts():
    assert mid(book(rate("EUR/USD", "1.1"), rate("EUR/USD", "1.2", source="desk")), "EUR/USD") == ("1.2", "desk")


@pytest.mark.parametrize(
    "recorded",
    [
        [],
        [rate("EUR/USD", "1.08")],
        [rate("EUR/USD", "1.08"), rate("USD/CHF", "0.9"), rate("CHF/GBP", "0.8")],  # only ever through the pivot
        [rate("USD/GBP", "0.8", NOON + HOUR)],  # not yet
    ],
)
def test_no_rate(recorded):
    with pytest.raises(Problem, match=r"no exchange rate from USD to GBP.*EUR.*PUT /v1/fx/rates") as refused:
        book(*recorded).mid("USD", "GBP", NOON)
    assert (refused.value.status, refused.value.code) == (422, "rate_missing")


def test_a_rate_is_stale_when_it_is_older_than_the_policy_and_not_before():
    rates = book(rate("EUR/USD", "1.08"))
    assert mid(rates, "EUR/USD", NOON + MAX_AGE)[0] == "1.08"
    late = NOON + MAX_AGE + timedelta(microseconds=1)
    with pytest.raises(Problem, match=r"2026-11-20 12:00 UTC.*older than 96 hours.*payments rates import") as refused:
        rates.mid("EUR", "USD", late)
    assert (refused.value.status, refused.value.code) == (422, "rate_stale")
    found = rates.find("EUR", "USD", late)
    assert found is not None
    assert rates.is_stale(found, late)


def test_a_cross_rate_is_as_old_as_its_older_half():
    rates = book(rate("EUR/USD", "1.08"), rate("EUR/JPY", "162", NOON - 50 * HOUR))
    assert rates.mid("USD", "JPY", NOON).effective_at == NOON - 50 * HOUR
    with pytest.raises(Problem, match="rate_stale"):
        rates.mid("USD", "JPY", NOON + 50 * HOUR)


@given(rates, rates, st.booleans(), st.booleans())
def test_derived_rates_are_exact_to_twelve_digits(to_usd, to_jpy, usd_inverted, jpy_inverted):
    recorded = book(
        rate("USD/EUR" if usd_inverted else "EUR/USD", to_usd), rate("JPY/EUR" if jpy_inverted else "EUR/JPY", to_jpy)
    )
    exact_usd = 1 / Fraction(to_usd) if usd_inverted else Fraction(to_usd)
    exact_jpy = 1 / Fraction(to_jpy) if jpy_inverted else Fraction(to_jpy)
    found = recorded.mid("USD", "JPY", NOON).mid
    assert len(found.as_tuple().digits) <= 12
    assert abs(Fraction(found) / (exact_jpy / exact_usd) - 1) <= Fraction(5, 10**12)
    assert recorded.mid("USD", "JPY", NOON) == recorded.mid("USD", "JPY", NOON)
