"""The rates in force at a moment, and the one rate between any two currencies that follows from them. Pure.

Between two currencies the first of these that is not stale counts, in this order, always:

1. the rate recorded for the pair;
2. the inverse of the rate recorded for the opposite pair;
3. the cross rate through the pivot currency, as fresh as the older of its two halves.

A derived rate is one division of exact numbers, rounded once, half-even, to twelve significant digits.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import NamedTuple

from payments.fx.conversion import EXACT
from shared.problems import Problem

DIGITS = 12
_ROUNDED = Context(prec=DIGITS, rounding=ROUND_HALF_EVEN)
_HOUR = timedelta(hours=1)


class Rate(NamedTuple):
    """What one unit of ``base`` is worth in ``quote``, halfway between buying and selling.

    Shapes:
        source: where it comes from, for example ``ecb``, or ``ecb via EUR`` when it is a cross rate.
    """

    base: str
    quote: str
    mid: Decimal
    effective_at: datetime
    source: str
    created_at: datetime


class _Path(NamedTuple):
    """A way from one currency to another; the rate is ``over / under``."""

    over: Decimal
    under: Decimal
    effective_at: datetime
    created_at: datetime
    sources: tuple[str, ...]
    via: str | None = None

    def inverted(self) -> "_Path":
        return self._replace(over=self.under, under=self.over)


_ONE = Decimal(1)


class Book:
    """Recorded rates by pair, and what follows from them."""

    def __init__(self, rates: Iterable[Rate], *, pivot: str, max_age: timedelta) -> None:
        """Take rates in the order they were recorded: of two that take effect at once, the later one counts."""
        self._pivot = pivot
        self._max_age = max_age
        self._pairs: dict[tuple[str, str], list[Rate]] = {}
        for rate in rates:
            self._pairs.setdefault((rate.base, rate.quote), []).append(rate)
        for recorded in self._pairs.values():
            recorded.sort(key=lambda rate: rate.effective_at)

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """The pairs that rates were recorded for, in order."""
        return sorted(self._pairs)

    @property
    def currencies(self) -> list[str]:
        """Every currency that a rate was recorded for, in order."""
        return sorted({code for pair in self._pairs for code in pair})

    def mid(self, base: str, quote: str, now: datetime) -> Rate:
        """Return the rate a payment made now gets.

        Raises:
            Problem: 422 when no rate leads from one currency to the other, or every one that does is stale.

        """
        rate = self.find(base, quote, now)
        if rate is None:
            raise Problem(
                422,
                "rate_missing",
                f"There is no exchange rate from {base} to {quote}, neither directly nor through {self._pivot}. "
                "Pay in the settlement currency, or have an administrator record one with PUT /v1/fx/rates.",
            )
        if self.is_stale(rate, now):
            since = f"{rate.effective_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
            raise Problem(
                422,
                "rate_stale",
                f"The newest exchange rate from {base} to {quote} is of {since}, and "
                f"rates older than {self._max_age / _HOUR:g} hours are not used. Pay in the settlement currency, or "
                "have an administrator record a newer one: PUT /v1/fx/rates or `payments rates import`.",
                retryable=True,
            )
        return rate

    def find(self, base: str, quote: str, at: datetime) -> Rate | None:
        """Return the rate of a moment, be it stale; the freshest one when all are."""
        found: list[Rate] = []
        for path in self._paths(base, quote, at):
            rate = _rate(base, quote, path)
            if not self.is_stale(rate, at):
                return rate
            found.append(rate)
        return max(found, key=lambda rate: rate.effective_at, default=None)

    def is_stale(self, rate: Rate, at: datetime) -> bool:
        """Tell whether a rate is too old to be used at a moment."""
        return at - rate.effective_at > self._max_age

    def _paths(self, base: str, quote: str, at: datetime) -> Iterator[_Path]:
        yield from self._recorded(base, quote, at)
        if self._pivot in (base, quote):
            return
        for first in self._recorded(self._pivot, base, at):
            for second in self._recorded(self._pivot, quote, at):
                yield _Path(
                    EXACT.multiply(second.over, first.under),
                    EXACT.multiply(second.under, first.over),
                    min(first.effective_at, second.effective_at),
                    max(first.created_at, second.created_at),
                    first.sources + second.sources,
                    self._pivot,
                )

    def _recorded(self, base: str, quote: str, at: datetime) -> Iterator[_Path]:
        direct, inverse = self._in_force(base, quote, at), self._in_force(quote, base, at)
        if direct is not None:
            yield direct
        if inverse is not None:
            yield inverse.inverted()

    def _in_force(self, base: str, quote: str, at: datetime) -> _Path | None:
        recorded = self._pairs.get((base, quote), [])
        count = bisect_right(recorded, at, key=lambda rate: rate.effective_at)
        if not count:
            return None
        rate = recorded[count - 1]
        return _Path(rate.mid, _ONE, rate.effective_at, rate.created_at, (rate.source,))


def _rate(base: str, quote: str, path: _Path) -> Rate:
    mid = _ROUNDED.divide(path.over, path.under)
    source = "+".join(dict.fromkeys(path.sources)) + (f" via {path.via}" if path.via else "")
    return Rate(base, quote, mid, path.effective_at, source, path.created_at)
