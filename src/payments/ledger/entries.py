"""What each movement of money posts. Pure: amounts in minor units, debits positive, credits negative.

hold          Dr authorization_holds     Cr authorization_contra       memorandum: nothing is owed yet
release       Dr authorization_contra    Cr authorization_holds
capture       Dr acquirer_receivable     Cr merchant_pending, platform_fees
refund        Dr merchant_pending        Cr refunds                    owed to the cardholder through the acquirer
dispute       Dr merchant_pending        Cr chargebacks                taken back by the bank; negative: returned
dispute_fee   Dr merchant_pending        Cr platform_fees              negative: returned with a dispute that is won
mature        Dr merchant_pending        Cr merchant_available         may be paid out from now on
payout        Dr merchant_available      Cr payouts_in_transit
payout_paid   Dr payouts_in_transit      Cr platform_bank
payout_failed Dr payouts_in_transit      Cr merchant_available         the money is back
"""

from typing import Literal, NamedTuple

AccountKind = Literal[
    "authorization_holds",
    "authorization_contra",
    "acquirer_receivable",
    "merchant_pending",
    "merchant_available",
    "platform_fees",
    "acquirer_fees",
    "platform_bank",
    "payouts_in_transit",
    "refunds",
    "chargebacks",
    "fx_clearing",
    "fx_spread",
    "rounding",
    "suspense",
]

# Accounts of the platform as a whole, one per mode and currency; all others are per merchant.
PLATFORM_KINDS: frozenset[AccountKind] = frozenset(
    ("platform_fees", "acquirer_fees", "platform_bank", "fx_clearing", "fx_spread", "rounding", "suspense")
)


class Line(NamedTuple):
    """One posting to be: ``amount`` is a debit when positive."""

    account: AccountKind
    amount: int


class Entry(NamedTuple):
    """One balanced ledger transaction to be, in one currency."""

    kind: str
    currency: str
    lines: tuple[Line, ...]


def _entry(kind: str, currency: str, *lines: Line) -> Entry:
    # A zero posting says nothing (a fee of zero, for example), and the database refuses it.
    return Entry(kind, currency, tuple(line for line in lines if line.amount))


def hold(amount: int, currency: str) -> Entry:
    """Remember that an authorization reserves money on a card."""
    return _entry("hold", currency, Line("authorization_holds", amount), Line("authorization_contra", -amount))


def release(amount: int, currency: str) -> Entry:
    """Forget what is captured, voided or expired of a hold."""
    return _entry("release", currency, Line("authorization_contra", amount), Line("authorization_holds", -amount))


def capture(amount: int, fee: int, currency: str) -> Entry:
    """Take money: the acquirer owes it to us, we owe it to the merchant less our fee."""
    return _entry(
        "capture",
        currency,
        Line("acquirer_receivable", amount),
        Line("merchant_pending", fee - amount),
        Line("platform_fees", -fee),
    )


def refund(amount: int, currency: str) -> Entry:
    """Give money back: the merchant bears it, the fee stays."""
    return _entry("refund", currency, Line("merchant_pending", amount), Line("refunds", -amount))


def dispute(amount: int, currency: str) -> Entry:
    """Let the merchant bear what a cardholder's bank took back; a negative amount came back from there."""
    return _entry("dispute", currency, Line("merchant_pending", amount), Line("chargebacks", -amount))


def dispute_fee(fee: int, currency: str) -> Entry:
    """Charge for a dispute; a negative fee is returned."""
    return _entry("dispute_fee", currency, Line("merchant_pending", fee), Line("platform_fees", -fee))


def mature(amount: int, currency: str) -> Entry:
    """Make money available that has waited long enough; what a merchant owes (negative) becomes due the same way."""
    return _entry("mature", currency, Line("merchant_pending", amount), Line("merchant_available", -amount))


def payout(amount: int, currency: str) -> Entry:
    """Send available money on its way to the merchant's bank."""
    return _entry("payout", currency, Line("merchant_available", amount), Line("payouts_in_transit", -amount))


def payout_paid(amount: int, currency: str) -> Entry:
    """Note that a payout has left our bank."""
    return _entry("payout_paid", currency, Line("payouts_in_transit", amount), Line("platform_bank", -amount))


def payout_failed(amount: int, currency: str) -> Entry:
    """Return the money of a payout that did not arrive."""
    return _entry("payout_failed", currency, Line("payouts_in_transit", amount), Line("merchant_available", -amount))
