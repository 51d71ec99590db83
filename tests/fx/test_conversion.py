"""Conversions: exact, rounded once, half-even, for every pair of currencies."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given

from payments.fx.conversion import convert, merchant_rate
from payments.money import EXPONENTS
from tests.fx.strategies import amounts, currencies, rates, spreads


def exact(amount: int, rate: Decimal, source: str, target: str) -> Fraction:
    """The same by another way: fractions of whole units."""
    whole_units = Fraction(amount, 10 ** EXPONENTS[source]) * Fraction(rate)
    return whole_units * Fraction(10 ** EXPONENTS[target])


@given(amounts, rates, currencies, currencies)
def test_a_conversion_is_exact_and_rounded_once(amount, rate, source, target):
    conversion = convert(amount, rate, source, target)
    expected = exact(amount, rate, source, target)
    assert Fraction(conversion.exact) == expected
    assert conversion.amount == round(expected)  # rounds half to even
    assert Fraction(conversion.remainder) == expected - conversion.amount
    assert abs(conversion.remainder) <= Decimal("0.5")


@given(rates, spreads)
def test_the_merchants_rate_is_exact_and_not_above_mid(mid, spread):
    assert Fraction(merchant_rate(mid, spread)) == Fraction(mid) * (10_000 - spread) / 10_000
    assert merchant_rate(mid, spread) <= mid


@given(amounts, amounts, rates, currencies, currencies)
def test_more_never_comes_to_less(first, second, rate, source, target):
    less, more = sorted((first, second))
    assert convert(less, rate, source, target).amount <= convert(more, rate, source, target).amount


@pytest.mark.parametrize(
    ("amount", "rate", "source", "target", "converted", "remainder"),
    [
        (10_000, "1.0842", "EUR", "USD", 10_842, "0"),
        (1, "0.5", "EUR", "USD", 0, "0.5"),  # ties go to the even one
        (3, "0.5", "EUR", "USD", 2, "-0.5"),
        (5, "0.5", "EUR", "USD", 2, "0.5"),
        (1_999, "162.37", "EUR", "JPY", 3_246, "-0.2237"),  # 19.99 euros, no minor unit
        (3_246, "0.00615877317238", "JPY", "EUR", 1_999, "0.137771754548"),
        (1_000, "3.2543", "KWD", "USD", 325, "0.43"),  # one dinar of a thousand fils
        (325, "0.307285", "USD", "KWD", 999, "-0.32375"),
        (100, "0.0000336", "VND", "EUR", 0, "0.336"),
        (10_000, "0.00042", "CLP", "CLF", 42_000, "0"),  # four decimal places
    ],
)
def test_examples(amount, rate, source, target, converted, remainder):
    conversion = convert(amount, Decimal(rate), source, target)
    assert (conversion.amount, conversion.remainder) == (converted, Decimal(remainder))


def test_the_widest_product_is_still_exact():
    rate = merchant_rate(Decimal("999999999.999"), 1)
    assert convert(10**18, rate, "JPY", "CLF").exact == Decimal(10**22) * Decimal("999899999.9990001")
