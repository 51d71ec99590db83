"""What Stripe's errors mean here: a refusal without effect, or silence."""

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Literal, TypeAlias

import stripe

from payments.connectors.declines import DeclineCode, decline
from payments.connectors.port import Declined, Kind, Unknown

# https://docs.stripe.com/declines/codes and https://docs.stripe.com/error-codes; what is not here is card_declined.
_DECLINES: Mapping[str, DeclineCode] = MappingProxyType(
    {
        "approve_with_id": "issuer_unavailable",
        "authentication_not_handled": "authentication_required",
        "authentication_required": "authentication_required",
        "card_not_supported": "card_not_supported",
        "card_velocity_exceeded": "card_velocity_exceeded",
        "currency_not_supported": "currency_not_supported",
        "expired_card": "expired_card",
        "fraudulent": "fraudulent",
        "incorrect_cvc": "incorrect_cvc",
        "incorrect_number": "incorrect_number",
        "insufficient_funds": "insufficient_funds",
        "invalid_cvc": "incorrect_cvc",
        "invalid_expiry_month": "expired_card",
        "invalid_expiry_year": "expired_card",
        "invalid_number": "incorrect_number",
        "issuer_not_available": "issuer_unavailable",
        "lost_card": "lost_card",
        "merchant_blacklist": "fraudulent",
        "not_permitted": "transaction_not_allowed",
        "pickup_card": "stolen_card",
        "processing_error": "processing_error",
        "reenter_transaction": "issuer_unavailable",
        "restricted_card": "transaction_not_allowed",
        "service_not_allowed": "transaction_not_allowed",
        "stolen_card": "stolen_card",
        "transaction_not_allowed": "transaction_not_allowed",
        "try_again_later": "issuer_unavailable",
        "withdrawal_count_limit_exceeded": "card_velocity_exceeded",
    }
)
Asked: TypeAlias = Kind | Literal["respond"]
# What a request that Stripe will not carry out is called, by what it asked for.
_REFUSED: Mapping[Asked, DeclineCode] = MappingProxyType(
    {
        "authorize": "transaction_not_allowed",
        "capture": "capture_rejected",
        "void": "void_rejected",
        "refund": "refund_rejected",
        "respond": "transaction_not_allowed",
    }
)


def card_decline(code: str | None, decline_code: str | None) -> Declined:
    """Return our decline for Stripe's two codes; the second one says more."""
    for name in (decline_code, code):
        if name is not None and name in _DECLINES:
            return decline(_DECLINES[name])
    return decline("card_declined")


def outcome_of(error: stripe.StripeError, kind: Asked) -> Declined | Unknown:
    """Return what an error says about the request that met it."""
    status = error.http_status or 0
    if isinstance(error, stripe.CardError):
        if kind != "authorize":
            return decline(_REFUSED[kind])
        return card_decline(error.code, getattr(error.error, "decline_code", None))
    if isinstance(error, stripe.IdempotencyError) or status == HTTPStatus.CONFLICT:
        # Another request with this key is under way, and its outcome is ours.
        return Unknown(f"Stripe answered {status}: a request with this key is under way")
    if isinstance(error, stripe.RateLimitError | stripe.AuthenticationError | stripe.PermissionError):
        return decline("not_processed")  # refused at the door
    if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return decline(_REFUSED[kind])
    return Unknown(f"{type(error).__name__}, status {status or 'none'}")
