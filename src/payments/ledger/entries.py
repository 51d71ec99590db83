"""What each movement of money posts. Pure: amounts in minor units, debits positive, credits negative.

hold          Dr authorization_holds     Cr authorization_contra       memorandum: nothing is owed yet
release       Dr authorization_contra    Cr authorization_holds
capture       Dr acquirer_receivable     Cr merchant_pending, platform_fees
refund        Dr merchant_pending        Cr refunds                    owed to the cardholder through the acquirer
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
