"""Stripe behind the connector port: Payment Intents, one per payment.

Every request carries the key of the stored intent: as Stripe's idempotency key, and as metadata to be found by.
"""

import asyncio
import logging
from collections.abc import Awaitable, Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import Any

import stripe

from payments.connectors.declines import decline
from payments.connectors.port import (
    Approved,
    AuthorizeRequest,
    Callback,
    Capabilities,
    CaptureRequest,
    Declined,
    DisputeNotice,
    DisputeResponse,
    Kind,
    Lookup,
    NotFound,
    Outcome,
    RefundRequest,
    Request,
    StillUnknown,
    Unknown,
    VoidRequest,
)
from payments.connectors.stripe import answers
from payments.connectors.stripe.accounts import Account, Reveal
from payments.connectors.stripe.callbacks import read_callback
from payments.connectors.stripe.errors import Asked, outcome_of
from payments.connectors.stripe.http import StripeHttp
from shared.problems import Problem

_log = logging.getLogger(__name__)

_TIMEOUT = Unknown("Stripe did not answer in time")
_QUESTION_SECONDS = 5
# Stripe counts these in units of its own, a hundred times ours or a hundredth: https://docs.stripe.com/currencies
_OTHER_UNITS = frozenset({"ISK", "MGA", "UGX"})


class StripeConnector:
    """One Stripe account in one mode."""

    name = "stripe"

    def __init__(self, account: Account, reveal: Reveal, http: StripeHttp | None = None) -> None:
        """Take the account, and the one door of the vault through which a card's number comes out."""
        self.capabilities = Capabilities(
            livemode=account.livemode,
            multiple_captures=False,
            callbacks=True,
            # Lookup goes through Stripe's search index, which lags by a minute on good days and by more on bad ones.
            not_found_final_after=timedelta(hours=1),
        )
        self._account = account
        self._reveal = reveal
        self._http = http or StripeHttp()
        self._client = stripe.StripeClient(
            account.secret_key,
            http_client=self._http,
            max_network_retries=0,
            base_addresses={"api": account.base_url} if account.base_url is not None else {},
        )

    def single_commit(self, request: Request) -> Outcome | None:  # noqa: ARG002 - whatever is asked for
        """Return None: everything has an effect elsewhere."""
        return None

    async def authorize(self, request: AuthorizeRequest, deadline: float) -> Outcome:
        """Reserve money on a card, in two steps of which only the second one moves any."""
        if request.card.livemode is not self.capabilities.livemode:
            raise AssertionError("a card of one mode never reaches the account of the other")
        if request.currency in _OTHER_UNITS:
            return decline("currency_not_supported")
        return await self._call("authorize", self._authorize(request), deadline)

    async def capture(self, request: CaptureRequest, deadline: float) -> Outcome:
        """Take authorized money; Stripe releases the rest."""

        async def call() -> Outcome:
            intent = await self._client.v1.payment_intents.capture_async(
                request.acquirer_reference,
                {"amount_to_capture": request.amount, "metadata": {answers.CAPTURE_KEY: request.key}},
                {"idempotency_key": request.key},
            )
            return answers.as_outcome(answers.capture(intent.to_dict()), "having captured")

        return await self._call("capture", call(), deadline)

    async def void(self, request: VoidRequest, deadline: float) -> Outcome:
        """Release an authorization."""

        async def call() -> Outcome:
            intent = await self._client.v1.payment_intents.cancel_async(
                request.acquirer_reference, {}, {"idempotency_key": request.key}
            )
            return answers.as_outcome(answers.void(intent.to_dict()), "having canceled")

        return await self._call("void", call(), deadline)

    async def refund(self, request: RefundRequest, deadline: float) -> Outcome:
        """Give captured money back."""

        async def call() -> Outcome:
            item = await self._client.v1.refunds.create_async(
                {
                    "payment_intent": request.acquirer_reference,
                    "amount": request.amount,
                    "metadata": {answers.KEY: request.key},
                },
                {"idempotency_key": request.key},
            )
            return answers.refund(item.to_dict())

        return await self._call("refund", call(), deadline)

    async def lookup(self, key: str, *, kind: Kind = "authorize", parent: str | None = None) -> Lookup:
        """Return what Stripe knows about a request."""
        try:
            if parent is None:
                return await self._find_authorization(key)
            if kind == "refund":
                return await self._find_refund(key, parent)
            intent = await self._client.v1.payment_intents.retrieve_async(parent)
            found = intent.to_dict()
            return answers.capture(found) if kind == "capture" else answers.void(found)
        except stripe.StripeError as error:
            return StillUnknown(f"Stripe cannot be asked: {type(error).__name__}, status {error.http_status or 'none'}")

    async def respond_to_dispute(self, response: DisputeResponse, deadline: float) -> Outcome:
        """Hand in evidence, or give in."""

        async def call() -> Outcome:
            disputes, options = self._client.v1.disputes, {"idempotency_key": response.key}
            if response.accept:
                await disputes.close_async(response.dispute, {}, options)  # type: ignore[arg-type]  # a TypedDict
            else:
                text = {"uncategorized_text": str(response.evidence.get("text") or "")}
                await disputes.update_async(response.dispute, {"evidence": text, "submit": True}, options)  # type: ignore[arg-type]
            return Approved(response.dispute)

        outcome = await self._call("respond", call(), deadline)
        if isinstance(outcome, Declined) and outcome.retryable:
            return Unknown("Stripe took no response in")  # handed in again, instead of asking the merchant for another
        return outcome

    async def key_of(self, payment: str) -> str | None:
        """Return the key in a payment intent's metadata.

        Raises:
            Problem: 503, Stripe cannot be asked now.

        """
        try:
            async with asyncio.timeout(_QUESTION_SECONDS):
                intent = await self._client.v1.payment_intents.retrieve_async(payment)
        except (stripe.StripeError, TimeoutError) as error:
            if isinstance(error, stripe.StripeError) and error.http_status == HTTPStatus.NOT_FOUND:
                return None
            _log.warning("Stripe: %s cannot be looked up: %s", payment, type(error).__name__)
            detail = "Stripe cannot be asked which payment this is about. Send it again."
            raise Problem(503, "no_acquirer", detail, retryable=True) from error
        return answers.key_of(intent.to_dict())

    def parse_callback(self, headers: Mapping[str, str], body: bytes) -> Callback | DisputeNotice | None:
        """Verify and read an event of Stripe's webhooks.

        Raises:
            InvalidCallbackError: the signature or the shape is wrong.

        """
        return read_callback(self._account.webhook_secret, headers, body)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close_async()

    async def _call(self, kind: Asked, call: Awaitable[Outcome], deadline: float) -> Outcome:
        try:
            async with asyncio.timeout_at(deadline):
                return await call
        except TimeoutError:
            return _TIMEOUT
        except stripe.StripeError as error:
            outcome = outcome_of(error, kind)
            # Without its message: it may repeat what was sent.
            _log.warning("Stripe: %s %s %s -> %s", kind, type(error).__name__, error.http_status, outcome)
            return outcome

    async def _authorize(self, request: AuthorizeRequest) -> Outcome:
        try:
            method = await self._tokenize(request)
        except (Problem, stripe.APIConnectionError, stripe.APIError) as error:
            _log.warning("Stripe: no card, so no payment was asked for: %s", type(error).__name__)
            return decline("not_processed")
        text = request.statement_descriptor
        asked: Any = {"statement_descriptor_suffix": text} if text is not None else {}
        intent = await self._client.v1.payment_intents.create_async(
            asked
            | {
                "amount": request.amount,
                "currency": request.currency.lower(),
                "payment_method": method,
                "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
                "capture_method": "automatic" if request.capture else "manual",
                "confirm": True,
                # Nobody is there to authenticate, so an intent must not wait for it.
                "error_on_requires_action": True,
                "metadata": {answers.KEY: request.key},
            },
            {"idempotency_key": request.key},
        )
        return answers.authorization(intent.to_dict())

    async def _tokenize(self, request: AuthorizeRequest) -> str:
        card = request.card
        number = await self._reveal(card.merchant_id, card.payment_method_id)
        details: Any = {"number": number.reveal(), "exp_month": card.exp_month, "exp_year": card.exp_year}
        if request.cvc is not None:
            details["cvc"] = request.cvc.reveal()
        method = await self._client.v1.payment_methods.create_async(
            {"type": "card", "card": details}, {"idempotency_key": f"{request.key}-card"}
        )
        return method.id

    async def _find_authorization(self, key: str) -> Lookup:
        found = await self._client.v1.payment_intents.search_async(
            {"query": f"metadata['{answers.KEY}']:'{key}'", "limit": 1}
        )
        for intent in found.data:
            return answers.as_lookup(answers.authorization(intent.to_dict()))
        return NotFound()

    async def _find_refund(self, key: str, parent: str) -> Lookup:
        found = await self._client.v1.refunds.list_async({"payment_intent": parent, "limit": 100})
        async for each in found.auto_paging_iter():
            item = each.to_dict()
            if answers.key_of(item) == key:
                return answers.as_lookup(answers.refund(item))
        return NotFound()
