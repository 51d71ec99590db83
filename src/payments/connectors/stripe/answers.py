"""What Stripe's objects say about our requests. Pure: whatever they came by, an answer, a lookup or a callback."""

from collections.abc import Mapping
from typing import Any, TypeAlias

from payments.connectors.declines import decline
from payments.connectors.port import Approved, Declined, Lookup, NotFound, Outcome, StillUnknown, Unknown
from payments.connectors.stripe.errors import card_decline

# One of Stripe's objects, as JSON has it.
Item: TypeAlias = Mapping[str, Any]

# The names under which our keys travel with Stripe's objects, to be found again by.
KEY = "key"
CAPTURE_KEY = "capture_key"


def key_of(item: Item, name: str = KEY) -> str | None:
    """Return the key of ours that an object carries; none for objects that are not ours."""
    found = (item.get("metadata") or {}).get(name)
    return str(found) if found else None


def authorization(intent: Item) -> Outcome:
    """Return what became of an authorization."""
    match intent["status"]:
        case "succeeded" | "requires_capture":
            return Approved(intent["id"])
        case "canceled" if intent.get("latest_charge"):
            return Approved(intent["id"])  # authorized once, and voided by us since
        case "requires_payment_method" | "canceled":
            error = intent.get("last_payment_error") or {}
            return card_decline(error.get("code"), error.get("decline_code"))
        case "requires_action" | "requires_confirmation":
            # Nobody is there to authenticate; an intent that waits for it holds no money.
            return decline("authentication_required")
        case status:
            return Unknown(f"the payment intent is {status}")


def capture(intent: Item) -> Lookup:
    """Return what became of the one capture of an authorization."""
    match intent["status"]:
        case "succeeded":
            return Approved(_charge(intent))
        case "requires_capture":
            return NotFound()
        case "canceled":
            return decline("capture_rejected")
        case status:
            return StillUnknown(f"the payment intent is {status}")


def void(intent: Item) -> Lookup:
    """Return what became of the void of an authorization."""
    match intent["status"]:
        case "canceled":
            return Approved(intent["id"])
        case "requires_capture":
            return NotFound()
        case "succeeded":
            return decline("void_rejected")
        case status:
            return StillUnknown(f"the payment intent is {status}")


def refund(item: Item) -> Outcome:
    """Return what became of a refund."""
    match item["status"]:
        case "succeeded":
            return Approved(item["id"])
        case "failed" | "canceled":
            return decline("refund_rejected")
        case status:
            return Unknown(f"the refund is {status}")


def as_lookup(outcome: Outcome) -> Lookup:
    """Return the same as the answer to a lookup."""
    return StillUnknown(outcome.reason) if isinstance(outcome, Unknown) else outcome


def as_outcome(found: Lookup, what: str) -> Outcome:
    """Return the same as the answer to the request itself."""
    if isinstance(found, Approved | Declined):
        return found
    return Unknown(found.reason if isinstance(found, StillUnknown) else f"Stripe answered without {what}")


def id_of(reference: str | Item | None) -> str | None:
    """Return the id of another object that an object refers to, whether or not it is expanded."""
    return reference["id"] if isinstance(reference, Mapping) else reference


def _charge(intent: Item) -> str:
    return id_of(intent.get("latest_charge")) or str(intent["id"])
