"""The words a condition may use: every variable with its type and meaning. The order of signals is part of the format.

Signals are sliding counts and sums over four windows, and include the payment that is being decided. Amounts in signals
are US cents, converted when the payment was made: a sum over one currency would be evaded by paying in another.
"""

from typing import Literal, NamedTuple

WINDOWS = {"1m": 60, "10m": 600, "1h": 3600, "24h": 86_400}
"""Each window's name and length in seconds."""


class Group(NamedTuple):
    """One quantity that is counted over every window; ``signals.<subject>_<quantity>_<window>``."""

    subject: Literal["card", "merchant", "ip", "device"]
    quantity: Literal["count", "amount_usd", "merchants", "cards", "same_amount"]
    meaning: str


GROUPS = (
    Group("card", "count", "payments with this card"),
    Group("card", "amount_usd", "US cents paid with this card"),
    Group("card", "merchants", "different merchants paid with this card, at most 64"),
    Group("card", "same_amount", "payments with this card of this amount and currency, among its last 64"),
    Group("merchant", "count", "payments at this merchant"),
    Group("merchant", "amount_usd", "US cents paid at this merchant"),
    Group("ip", "count", "payments from this IP address"),
    Group("ip", "amount_usd", "US cents paid from this IP address"),
    Group("ip", "cards", "different cards used from this IP address, at most 64"),
    Group("device", "count", "payments from this device"),
    Group("device", "amount_usd", "US cents paid from this device"),
)

SIGNALS = tuple(f"signals.{group.subject}_{group.quantity}_{window}" for group in GROUPS for window in WINDOWS)

AMOUNT_SIGNALS = frozenset(name for name in SIGNALS if "_amount_usd_" in name)

_PAYMENT = {
    "payment.amount": ("int", "minor units of the currency"),
    "payment.amount_usd": ("int", "US cents at the mid rate; unknown without a rate"),
    "payment.currency": ("string", "ISO 4217 code"),
    "payment.minor_units": ("int", "minor units in one unit of the currency: 100 for USD, 1 for JPY"),
    "payment.capture_method": ("string", "automatic or manual"),
    "payment.card.brand": ("string", "for example visa"),
    "payment.card.bin": ("string", "the first six digits"),
    "payment.card_country": ("string", "ISO 3166 code, empty if not given"),
    "payment.customer_ip": ("string", "empty if not given"),
    "payment.customer_ip_country": ("string", "ISO 3166 code, empty if not given"),
    "payment.device_id": ("string", "empty if not given"),
    "merchant.id": ("string", "mer_…"),
    "merchant.country": ("string", "ISO 3166 code"),
    "merchant.category_code": ("string", "ISO 18245 code, four digits"),
    "merchant.risk_level": ("string", "low, normal or high"),
    "merchant.settlement_currency": ("string", "ISO 4217 code"),
    "time.hour_local": ("int", "0 to 23, in the merchant's time zone"),
    "time.weekday_local": ("int", "1 (Monday) to 7 (Sunday), in the merchant's time zone"),
}

VARIABLES: dict[str, tuple[str, str]] = _PAYMENT | {
    name: ("int", f"{group.meaning}, in the last {window}")
    for name, (group, window) in zip(SIGNALS, ((group, window) for group in GROUPS for window in WINDOWS), strict=True)
}
"""Every variable: its type in CEL and what it means."""
