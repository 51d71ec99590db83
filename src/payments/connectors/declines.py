"""Our decline codes: one vocabulary for every acquirer, so that a merchant never learns a second one.

The message may be shown to the cardholder; for lost, stolen and fraudulent cards it therefore does not say why, only
the code does. ``retryable`` has one meaning: the trouble lay between us and the card's bank, so the very same request
may pass when repeated, or at another acquirer. A card without funds is not retryable in that sense.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from payments.connectors.port import Declined

DeclineCode = Literal[
    "authentication_required",
    "authorization_expired",
    "capture_rejected",
    "card_declined",
    "card_not_supported",
    "card_velocity_exceeded",
    "currency_not_supported",
    "expired_card",
    "fraudulent",
    "incorrect_cvc",
    "incorrect_number",
    "insufficient_funds",
    "issuer_unavailable",
    "limit_exceeded",
    "lost_card",
    "not_processed",
    "processing_error",
    "refund_rejected",
    "stolen_card",
    "transaction_not_allowed",
    "void_rejected",
]

_DECLINED = "The card was declined."

_MESSAGES: dict[DeclineCode, str] = {
    "authentication_required": "The card's bank asks the cardholder to authenticate, which this payment did not do.",
    "authorization_expired": "The authorization has expired at the card's bank.",
    "capture_rejected": "The acquirer refused the capture.",
    "card_declined": _DECLINED,
    "card_not_supported": "The card does not support this kind of purchase.",
    "card_velocity_exceeded": "The card has reached a limit of its bank.",
    "currency_not_supported": "The card does not support this currency.",
    "expired_card": "The card has expired.",
    "fraudulent": _DECLINED,
    "incorrect_cvc": "The card's security code is incorrect.",
    "incorrect_number": "The card number is incorrect.",
    "insufficient_funds": "The card has insufficient funds.",
    "issuer_unavailable": "The card's bank could not be reached.",
    "limit_exceeded": "The merchant has reached a limit; the card was not charged.",
    "lost_card": _DECLINED,
    "not_processed": "The acquirer never processed the request; no money has moved.",
    "processing_error": "An error occurred while processing the card.",
    "refund_rejected": "The card's bank refused the refund, most often because the card was closed.",
    "stolen_card": _DECLINED,
    "transaction_not_allowed": "The card's bank does not allow this purchase.",
    "void_rejected": "The acquirer refused to release the authorization.",
}

_RETRYABLE: frozenset[DeclineCode] = frozenset({"issuer_unavailable", "not_processed", "processing_error"})

DECLINES: Mapping[str, Declined] = MappingProxyType(
    {code: Declined(code, text, code in _RETRYABLE) for code, text in _MESSAGES.items()}
)


def decline(code: DeclineCode) -> Declined:
    """Return the one decline with this code."""
    return DECLINES[code]
