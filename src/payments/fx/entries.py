"""What a payment posts that settles in another currency than it was made in. Pure; debits are positive.

Every movement is two balanced transactions, one in each currency, which meet in the FX clearing accounts:

               payment currency                             settlement currency
    capture    Dr acquirer_receivable  Cr fx_clearing       Dr fx_clearing
                                                            Cr merchant_pending, platform_fees, fx_spread
    refund     Dr fx_clearing          Cr refunds           Dr merchant_pending  Cr fx_clearing
    dispute    Dr fx_clearing          Cr chargebacks       Dr merchant_pending  Cr fx_clearing

All amounts are differences between totals, so it does not matter how a payment is split, or in which order parts are
captured and refunded. With C captured and R given back so far (refunded or withheld by disputes), in its currency:

    merchant          gets  C at the merchant's rate less the fee,  bears  R at the mid rate (spread and fee stay)
    fx_spread         C at the mid rate  less  C at the merchant's rate
    fx_clearing       C - R at the mid rate: what the other clearing account is worth, but for the recorded fraction
    rounding          what three rounded numbers differ by:  C  less  R  less  C - R,  each at the mid rate

A fully refunded payment leaves nothing on clearing and rounding.
"""

from decimal import Decimal
from typing import NamedTuple

from payments.fx.conversion import convert
from payments.fx.schemas import Settlement, Terms, plain
from payments.http.models import rfc3339
from payments.ledger.entries import AccountKind, Entry, Line
from shared.ids import show


class Totals(NamedTuple):
    """What has been captured and given back of a payment so far, in minor units of its currency.

    Shapes:
        refunded: also what disputes withhold, which a merchant bears at the same rate.
    """

    captured: int
    refunded: int


class _Worth(NamedTuple):
    """What totals come to in the settlement currency."""

    gross: int
    settled: int
    refunded: int
    clearing: int

    @property
    def rounding(self) -> int:
        return self.gross - self.refunded - self.clearing


def settled(terms: Terms, captured: int) -> int:
    """Return what a captured total comes to at the merchant's rate: the fee is a share of this."""
    return convert(captured, terms.rate, terms.currency, terms.settlement_currency).amount


def gross(terms: Terms, amount: int) -> int:
    """Return what an amount comes to at the mid rate: limits and volumes count this."""
    return convert(amount, terms.mid, terms.currency, terms.settlement_currency).amount


def remainder(terms: Terms, totals: Totals) -> Decimal:
    """Return the exact fraction that rounding left on the open position: its worth less what clearing holds."""
    captured, refunded = totals
    return convert(captured - refunded, terms.mid, terms.currency, terms.settlement_currency).remainder


def capture(terms: Terms, amount: int, fee: int, before: Totals) -> tuple[Entry, ...]:
    """Return what a capture posts; ``fee`` is charged with it, in minor units of the settlement currency."""
    was, now = _worth(terms, before), _worth(terms, before._replace(captured=before.captured + amount))
    taken, given = now.gross - was.gross, now.settled - was.settled
    return _entries(
        Entry(
            "capture",
            terms.currency,
            (Line("acquirer_receivable", amount), Line("fx_clearing", -amount)),
        ),
        Entry(
            "conversion",
            terms.settlement_currency,
            (
                Line("fx_clearing", now.clearing - was.clearing),
                Line("merchant_pending", fee - given),
                Line("platform_fees", -fee),
                Line("fx_spread", given - taken),
                Line("rounding", now.rounding - was.rounding),
            ),
        ),
    )


def refund(terms: Terms, amount: int, before: Totals) -> tuple[Entry, ...]:
    """Return what a refund posts: the merchant bears it at the mid rate, the spread and the fee stay."""
    return _give_back("refund", "refunds", terms, amount, before)


def dispute(terms: Terms, amount: int, before: Totals) -> tuple[Entry, ...]:
    """Return what a dispute posts; a negative amount comes back, and leaves the books as if it had never been taken."""
    return _give_back("dispute", "chargebacks", terms, amount, before)


def _give_back(kind: str, account: AccountKind, terms: Terms, amount: int, before: Totals) -> tuple[Entry, ...]:
    was, now = _worth(terms, before), _worth(terms, before._replace(refunded=before.refunded + amount))
    return _entries(
        Entry(kind, terms.currency, (Line("fx_clearing", amount), Line(account, -amount))),
        Entry(
            "conversion",
            terms.settlement_currency,
            (
                Line("merchant_pending", now.refunded - was.refunded),
                Line("fx_clearing", now.clearing - was.clearing),
                Line("rounding", now.rounding - was.rounding),
            ),
        ),
    )


def settlement(terms: Terms, totals: Totals, fee: int, disputed: int = 0) -> Settlement:
    """Return how a payment shows its conversion.

    Shapes:
        fee: what was charged so far.
        disputed: what of the totals is withheld by disputes.
    """
    worth = _worth(terms, totals)
    refunded = gross(terms, totals.refunded - disputed)
    return Settlement.model_construct(
        currency=terms.settlement_currency,
        rate=plain(terms.rate),
        mid_rate=plain(terms.mid),
        spread_basis_points=terms.spread_basis_points,
        rate_source=terms.source,
        rate_effective_at=rfc3339(terms.effective_at),
        quote=show("fxq", terms.quote_id) if terms.quote_id is not None else None,
        gross=worth.gross,
        spread=worth.gross - worth.settled,
        fee=fee,
        refunded=refunded,
        disputed=worth.refunded - refunded,
        net=worth.settled - fee - worth.refunded,
        remainder=plain(remainder(terms, totals)),
    )


def _worth(terms: Terms, totals: Totals) -> _Worth:
    captured, refunded = totals
    return _Worth(
        gross(terms, captured), settled(terms, captured), gross(terms, refunded), gross(terms, captured - refunded)
    )


def _entries(*entries: Entry) -> tuple[Entry, ...]:
    # A conversion may come to nothing: a few rupiah are no cent. The database refuses postings of zero.
    kept = (entry._replace(lines=tuple(line for line in entry.lines if line.amount)) for entry in entries)
    return tuple(entry for entry in kept if entry.lines)
