"""A platform whose only acquirer is Stripe, and what Stripe's webhooks send it."""

import hashlib
import hmac
import json
from time import time
from typing import Any

from tests.connectors.stripe.server import Relay
from tests.support import Caller, Platform

SECRET = "whsec_" + "s" * 32
PATH = "/v1/callbacks/stripe/test"


class Setting:
    """A platform whose only acquirer is Stripe, and the relay to it."""

    def __init__(self, platform: Platform, shop: Caller, relay: Relay) -> None:
        self.platform, self.shop, self.relay = platform, shop, relay

    async def callback(self, event: dict, *, secret: str = SECRET, age: int = 0):
        """What Stripe's webhook sends."""
        body = json.dumps(event).encode()
        at = int(time()) - age
        digest = hmac.new(secret.encode(), b"%d.%s" % (at, body), hashlib.sha256).hexdigest()
        gateway = self.platform.caller("service").but(subject="gateway")
        headers = {"stripe-signature": f"t={at},v1={digest}", "content-type": "application/json"}
        return await gateway.request("POST", PATH, key=None, content=body, headers=headers)

    async def event(self, kind: str, payment: str) -> dict:
        """An event about the intent of a payment, as Stripe has it."""
        key = payment.removeprefix("pay_")
        [intent] = [each for each in (await self.relay.intents()).values() if each["metadata"].get("key") == key]
        return {"id": "evt_1", "object": "event", "type": kind, "livemode": False, "data": {"object": intent}}

    async def dispute(self, payment: str, amount: int, **changes: Any) -> dict[str, Any]:
        """A cardholder disputes a payment: what Stripe has of it then, in the shape of its API reference."""
        intent = (await self.event("payment_intent.succeeded", payment))["data"]["object"]
        charge = intent["latest_charge"]
        found = {
            "id": f"du_{payment[-8:]}",
            "object": "dispute",
            "amount": amount,
            "balance_transactions": [],
            "charge": charge if isinstance(charge, str) else charge["id"],
            "created": int(time()),
            "currency": intent["currency"],
            "evidence": {"uncategorized_text": None},
            "evidence_details": {"due_by": int(time()) + 700_000, "has_evidence": False, "submission_count": 0},
            "is_charge_refundable": False,
            "livemode": False,
            "metadata": {},
            "payment_intent": intent["id"],
            "reason": "product_not_received",
            "status": "needs_response",
        } | changes
        self.relay.disputes[found["id"]] = found
        return found

    async def tell(self, what: str, dispute: dict[str, Any], **signing: Any) -> Any:
        """Stripe's webhook about a dispute."""
        event = {"id": f"evt_{what}", "object": "event", "type": f"charge.dispute.{what}", "livemode": False}
        return await self.callback(event | {"data": {"object": dispute}}, **signing)
