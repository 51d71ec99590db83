"""Conversions of money, exact first and rounded once. Pure; no float anywhere.

A rate says how many whole units of the target one whole unit of the source is worth: EUR to USD at 1.08. Amounts are
in minor units, so a conversion is ``amount * rate * 10 ** (exponent of the target - exponent of the source)``. That
product is always a finite decimal: it is kept exactly, and what moves is the nearest whole minor unit, ties to even.

Parts of a whole are never converted by themselves. What the latest part comes to is what the total so far comes to,
less what its earlier parts came to; so any split comes to what the whole comes to.
"""

from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow
from typing import NamedTuple

from payments.money import EXPONENTS, round_half_even

WHOLE = 10_000  # basis points

# Wide enough for every product here; should one ever not fit, that is an error and not a silent rounding.
EXACT = Context(prec=100, traps=[Inexact, InvalidOperation, Overflow])


class Conversion(NamedTuple):
    """An amount in another currency.

    Shapes:
        exact: in minor units of the target, with its fraction.
        amount: the same, rounded half-even: what moves.
    """

    exact: Decimal
    amount: int

    @property
    def remainder(self) -> Decimal:
        """The exact fraction that rounding left out; at most half a minor unit either way."""
        return EXACT.subtract(self.exact, Decimal(self.amount))


def convert(amount: int, rate: Decimal, source: str, target: str) -> Conversion:
    """Convert minor units of ``source`` into minor units of ``target``."""
    shift = EXPONENTS[target] - EXPONENTS[source]
    exact = EXACT.multiply(Decimal(amount), rate).scaleb(shift, EXACT)
    return Conversion(exact, round_half_even(exact))


def merchant_rate(mid: Decimal, spread_basis_points: int) -> Decimal:
    """Return the rate a merchant gets: the mid rate less the spread, exactly."""
    return EXACT.multiply(mid, Decimal(WHOLE - spread_basis_points)).scaleb(-4, EXACT)
