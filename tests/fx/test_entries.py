"""The books of a converted payment: nothing is created or lost, however it is captured and refunded."""

from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from itertools import permutations
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payments.fx.conversion import merchant_rate
from payments.fx.entries import Totals, capture, gross, refund, remainder, settled, settlement
from payments.fx.schemas import Terms
from payments.money import EXPONENTS
from payments.payments.domain import fee
from tests.fx.strategies import amounts, pairs, rates, spreads

NOW = datetime(2026, 11, 20, 15, tzinfo=UTC)


def terms_of(source: str, target: str, mid: Decimal, spread: int) -> Terms:
    return Terms(source, target, mid, spread, "ecb", NOW)


terms = st.builds(lambda pair, mid, spread: terms_of(pair[0], pair[1], mid, spread), pairs, rates, spreads)
fees = st.tuples(st.integers(0, 10_000), st.integers(0, 500))
# What to do next, and how much of what is left: captures and refunds in any order.
steps = st.lists(st.tuples(st.booleans(), st.fractions(0, 1)), min_size=1, max_size=15)


class Books:
    """Plays a payment through, and keeps the books by account and currency."""

    def __init__(self, terms: Terms, amount: int, basis_points: int, fixed: int) -> None:
        self.terms = terms
        self.amount = amount
        self.totals = Totals(0, 0)
        self.fee = 0
        self.balances: Counter[tuple[str, str]] = Counter()
        self._tariff = (basis_points, fixed)

    def step(self, captures: bool, share: Fraction) -> None:
        captured, refunded = self.totals
        left = self.amount - captured if captures else captured - refunded
        amount = round(left * share)
        if not amount:
            return
        if captures:
            total = fee(*self._tariff, settled(self.terms, captured + amount))
            entries = capture(self.terms, amount, total - self.fee, self.totals)
            self.totals, self.fee = Totals(captured + amount, refunded), total
        else:
            entries = refund(self.terms, amount, self.totals)
            self.totals = Totals(captured, refunded + amount)
        self.post(entries)

    def post(self, entries) -> None:
        for entry in entries:
            assert entry.lines
            assert all(line.amount for line in entry.lines)
            assert sum(line.amount for line in entry.lines) == 0, "each leg balances by itself"
            self.balances.update({(line.account, entry.currency): line.amount for line in entry.lines})

    def balance(self, account: str, currency: str) -> int:
        return self.balances[account, currency]


def exact(amount: int, rate: Decimal, terms: Terms) -> Fraction:
    shift = EXPONENTS[terms.settlement_currency] - EXPONENTS[terms.currency]
    return amount * Fraction(rate) * Fraction(10) ** shift


@settings(deadline=None, max_examples=300)
@given(terms, amounts, fees, steps)
def test_books_follow_from_the_totals_alone(terms, amount, tariff, steps):
    books = Books(terms, amount, *tariff)
    for captures, share in steps:
        books.step(captures, share)
        captured, refunded = books.totals
        paid, got = terms.currency, terms.settlement_currency
        at_mid = round(exact(captured, terms.mid, terms))
        at_merchant_rate = round(exact(captured, merchant_rate(terms.mid, terms.spread_basis_points), terms))
        returned = round(exact(refunded, terms.mid, terms))

        # In the payment's currency: what the acquirer owes and what goes back to the cardholder, not a unit more.
        assert books.balance("acquirer_receivable", paid) == captured
        assert books.balance("refunds", paid) == -refunded
        assert books.balance("fx_clearing", paid) == refunded - captured

        # In the settlement currency: the formula on the totals, whatever the parts were.
        assert -books.balance("merchant_pending", got) == at_merchant_rate - books.fee - returned
        assert -books.balance("platform_fees", got) == books.fee
        assert -books.balance("fx_spread", got) == at_mid - at_merchant_rate >= 0
        assert abs(books.balance("rounding", got)) <= 1

        # Clearing is worth what it holds on the other side, but for the recorded fraction.
        open_position = exact(captured - refunded, terms.mid, terms)
        assert books.balance("fx_clearing", got) + Fraction(remainder(terms, books.totals)) == open_position
        assert abs(remainder(terms, books.totals)) <= Decimal("0.5")

        # Nothing is created or lost.
        for currency in (paid, got):
            assert sum(amount for (_, code), amount in books.balances.items() if code == currency) == 0


@settings(deadline=None, max_examples=50)
@given(terms, amounts, fees, steps)
def test_a_full_refund_leaves_the_fee_and_the_spread_and_nothing_else(terms, amount, tariff, steps):
    books = Books(terms, amount, *tariff)
    for captures, share in steps:
        books.step(captures, share)
    books.step(captures=True, share=Fraction(1))
    books.step(captures=False, share=Fraction(1))
    paid, got = terms.currency, terms.settlement_currency
    left = {key: amount for key, amount in books.balances.items() if amount}
    kept = books.fee + gross(terms, amount) - settled(terms, amount)
    assert left.pop(("acquirer_receivable", paid)) == -left.pop(("refunds", paid)) == amount
    assert left.pop(("merchant_pending", got), 0) == kept
    assert -left.pop(("platform_fees", got), 0) - left.pop(("fx_spread", got), 0) == kept
    assert left == {}
    assert remainder(terms, books.totals) == 0


@settings(deadline=None, max_examples=50)
@given(terms, amounts, fees, steps)
def test_what_is_shown_is_what_is_booked(terms, amount, tariff, steps):
    books = Books(terms, amount, *tariff)
    for captures, share in steps:
        books.step(captures, share)
    shown = settlement(terms, books.totals, books.fee)
    assert shown.gross == shown.spread + shown.fee + shown.net + shown.refunded
    assert shown.net == -books.balance("merchant_pending", terms.settlement_currency)
    assert shown.spread == -books.balance("fx_spread", terms.settlement_currency)


def test_every_pair_of_currencies():
    random = Random(4217)
    for source, target in permutations(sorted(EXPONENTS), 2):
        mid = Decimal(random.randint(1, 10**12 - 1)).scaleb(random.randint(-14, -8))
        books = Books(terms_of(source, target, mid, random.choice((0, 100, 250))), random.randint(1, 10**7), 290, 30)
        for captures in (True, False, True):
            books.step(captures, Fraction(random.randint(1, 99), 100))
        captured, refunded = books.totals
        assert sum(amount for (_, code), amount in books.balances.items() if code == target) == 0
        assert -books.balance("fx_clearing", source) == captured - refunded
        held = books.balance("fx_clearing", target) + Fraction(remainder(books.terms, books.totals))
        assert held == exact(captured - refunded, mid, books.terms)


def lines(entry) -> dict[str, int]:
    return {line.account: line.amount for line in entry.lines}


def test_a_payment_in_euro_settled_in_dollars():
    terms = terms_of("EUR", "USD", Decimal("1.0842"), 100)
    charged = fee(290, 30, settled(terms, 10_000))
    paid, converted = capture(terms, 10_000, charged, Totals(0, 0))
    assert (paid.kind, paid.currency) == ("capture", "EUR")
    assert lines(paid) == {"acquirer_receivable": 10_000, "fx_clearing": -10_000}
    assert (converted.kind, converted.currency) == ("conversion", "USD")
    # 100.00 EUR are 108.42 USD at mid and 107.34 (107.3358) at the merchant's rate; the fee is 2.9 % of that and 0.30.
    assert lines(converted) == {
        "fx_clearing": 10_842,
        "merchant_pending": -(10_734 - 341),
        "platform_fees": -341,
        "fx_spread": -108,
    }
    paid, converted = refund(terms, 10_000, Totals(10_000, 0))
    assert lines(paid) == {"fx_clearing": 10_000, "refunds": -10_000}
    assert lines(converted) == {"merchant_pending": 10_842, "fx_clearing": -10_842}


def test_a_whole_unit_of_difference_goes_to_rounding_and_comes_back():
    # One yen is 0.6 cents: three captured are 1.8 and so 2, one refunded is 0.6 and so 1, two left are 1.2 and so 1.
    terms = terms_of("JPY", "USD", Decimal("0.006"), 0)
    _, converted = capture(terms, 3, 0, Totals(0, 0))
    assert lines(converted) == {"fx_clearing": 2, "merchant_pending": -2}
    _, converted = refund(terms, 1, Totals(3, 0))
    assert lines(converted) == {"merchant_pending": 1, "fx_clearing": -1}
    # One yen more: two refunded are 1.2 and so 1, but the one left is 0.6 and still 1.
    *_, converted = refund(terms, 1, Totals(3, 1))
    assert converted.kind == "refund", "nothing moves in dollars"
    _, converted = refund(terms, 1, Totals(3, 2))
    assert lines(converted) == {"merchant_pending": 1, "fx_clearing": -1}

    # Half a cent each: 0.5 is 0, 1.5 is 2.
    terms = terms_of("JPY", "USD", Decimal("0.005"), 0)
    capture(terms, 3, 0, Totals(0, 0))
    _, converted = refund(terms, 1, Totals(3, 0))
    assert lines(converted) == {"fx_clearing": -1, "rounding": 1}
    _, converted = refund(terms, 1, Totals(3, 1))
    assert lines(converted) == {"merchant_pending": 1, "fx_clearing": -1}
    _, converted = refund(terms, 1, Totals(3, 2))
    assert lines(converted) == {"merchant_pending": 1, "rounding": -1}


@pytest.mark.parametrize("charged", [0, 30])
def test_what_comes_to_nothing_posts_nothing(charged):
    terms = terms_of("VND", "EUR", Decimal("0.0000336"), 100)
    entries = capture(terms, 100, charged, Totals(0, 0))
    assert [entry.kind for entry in entries] == (["capture", "conversion"] if charged else ["capture"])
    assert remainder(terms, Totals(100, 0)) == Decimal("0.336")
