"""Stripe's webhooks: signed events about our payment intents, refunds and disputes."""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType

import stripe

from payments.connectors.port import (
    Approved,
    Callback,
    Declined,
    DisputeNotice,
    DisputeStatus,
    InvalidCallbackError,
    Kind,
    Outcome,
)
from payments.connectors.stripe import answers

_log = logging.getLogger(__name__)

_SIGNATURE = "stripe-signature"
_AUTHORIZED = ("payment_intent.succeeded", "payment_intent.amount_capturable_updated", "payment_intent.payment_failed")
_REFUNDED = ("refund.created", "refund.updated", "refund.failed", "charge.refund.updated")
# Inquiries (warning_…) hold no money back, and neither does what was prevented.
_DISPUTES: Mapping[str, DisputeStatus] = MappingProxyType(
    {"needs_response": "needs_response", "under_review": "under_review", "won": "won", "lost": "lost"}
)


def read_callback(secret: str, headers: Mapping[str, str], body: bytes) -> Callback | DisputeNotice | None:
    """Return what an event says about a request of ours; None for an event that says nothing about one.

    Raises:
        InvalidCallbackError: it does not come from Stripe, or is too old.

    """
    try:
        event = stripe.Webhook.construct_event(body, headers.get(_SIGNATURE, ""), secret)
        return _read(event.id, event.type, event.data.object.to_dict())
    except (stripe.SignatureVerificationError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidCallbackError(f"not an event of Stripe's: {type(error).__name__}") from error


def _read(event: str, kind: str, item: answers.Item) -> Callback | DisputeNotice | None:
    if kind.startswith("charge.dispute."):
        return _dispute(event, item)
    if kind in _REFUNDED:
        return _callback(event, "refund", answers.key_of(item), answers.refund(item))
    if kind not in _AUTHORIZED:
        return None
    captured = answers.key_of(item, answers.CAPTURE_KEY)
    if kind == "payment_intent.succeeded" and captured is not None:
        return _callback(event, "capture", captured, answers.as_outcome(answers.capture(item), "a charge"))
    if kind == "payment_intent.succeeded" and item["capture_method"] == "manual":
        return None  # captured by somebody else: reconciliation will tell
    return _callback(event, "authorize", answers.key_of(item), answers.authorization(item))


def _callback(event: str, kind: Kind, key: str | None, outcome: Outcome) -> Callback | None:
    if key is None or not isinstance(outcome, Approved | Declined):
        return None
    return Callback(event, key, kind, outcome)


def _dispute(event: str, item: answers.Item) -> DisputeNotice | None:
    """Return what an event of any kind about a dispute says: the dispute as it was then, which tells its status."""
    status = _DISPUTES.get(item["status"])
    payment = answers.id_of(item.get("payment_intent"))
    if status is None or payment is None:
        _log.warning("Stripe: %s of dispute %s, which is %s, changes nothing here", event, item["id"], item["status"])
        return None
    due = (item.get("evidence_details") or {}).get("due_by")
    return DisputeNotice(
        id=event,
        dispute=item["id"],
        key=None,  # a dispute has metadata of its own, and nothing of its payment's
        payment=payment,
        status=status,
        reason=item["reason"],
        amount=item["amount"],
        currency=item["currency"].upper(),
        respond_by=datetime.fromtimestamp(due, UTC) if due else None,
    )
