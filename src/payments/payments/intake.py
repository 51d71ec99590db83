"""What a request for a payment is turned into before anything is stored: looked up, converted, ready to be decided."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from payments.connectors.declines import decline
from payments.connectors.port import AuthorizeRequest, Connector, Declined, Outcome
from payments.controls.service import Controls
from payments.fraud.schemas import Attempt, Decision
from payments.fx.entries import gross
from payments.fx.schemas import Terms, plain
from payments.fx.service import Fx
from payments.merchants.service import MerchantProfile, Merchants
from payments.payments import decisions
from payments.payments.changes import Change, Claim, Creation, payment_event
from payments.payments.domain import Payment, step
from payments.payments.drafts import authorize_request
from payments.payments.schemas import PaymentCreate
from payments.risk.days import LIMIT_EXCEEDED
from payments.risk.limits import Limits, Usage
from payments.risk.service import Risk
from payments.routing.service import Routing
from payments.vault.service import CardToken, Vault
from shared.ids import uuid_of
from shared.problems import Problem


class Policy(NamedTuple):
    """How long an authorization lasts, and how long one call to an acquirer may take."""

    authorization: timedelta
    acquirer_timeout: timedelta


class Prepared(NamedTuple):
    """A payment ready to be committed, and the call it may need afterwards."""

    creation: Creation
    request: AuthorizeRequest
    route: Sequence[Connector]


class Intake:
    """Prepares payments. Nothing is written or counted."""

    def __init__(
        self,
        *,
        merchants: Merchants,
        vault: Vault,
        routing: Routing,
        controls: Controls,
        fx: Fx,
        risk: Risk,
        policy: Policy,
    ) -> None:
        """Take the features a decision is made of."""
        self._merchants = merchants
        self._vault = vault
        self._routing = routing
        self._controls = controls
        self._fx = fx
        self._risk = risk
        self._policy = policy

    async def prepare(self, body: PaymentCreate, claim: Claim) -> Prepared:
        """Turn a request into a payment, and what decides about it.

        Raises:
            Problem: the card, the quote or a rate does not exist, no acquirer serves the mode, or something is paused.

        """
        merchant = await self._merchants.profile(claim.merchant_id)
        card = await self._vault.card_of(claim.merchant_id, uuid_of("pm", body.payment_method), livemode=claim.livemode)
        route = await self._route(claim, body.currency)
        connector = route[0]
        now = datetime.now(UTC)
        terms = await self._fx.terms(
            merchant,
            body.currency,
            body.amount,
            livemode=claim.livemode,
            quote=uuid_of("fxq", body.settlement_quote) if body.settlement_quote is not None else None,
            now=now,
        )
        limits = await self._risk.limits_of(claim.merchant_id)
        attempt = await self._attempt(body, claim, card, now)
        payment = self._draft(body, claim, merchant, card, connector, terms, now)
        request = authorize_request(payment, card, body.cvc.get_secret_value() if body.cvc is not None else None)
        outcome = connector.single_commit(request)
        # Whatever may still be approved, at this acquirer or at another one, has to keep to the limits.
        refused = isinstance(outcome, Declined) and not (outcome.retryable and route[1:])
        review_until = now + timedelta(hours=merchant.review_hours)

        def decide(verdict: Decision, usage: Usage | None) -> Change:
            draft = payment.copy()
            draft.score = verdict.score
            draft.receipt = _receipt(verdict, terms) | {"limits": _headroom(limits, usage)}
            if verdict.outcome == "decline":
                return decisions.create(draft, decline("fraudulent"))
            if usage is not None and not refused:
                exceeded = limits.exceeded(draft.usage_amount, usage)
                if exceeded is not None:
                    draft.receipt["limits"]["exceeded"] = exceeded
                    return decisions.create(draft, decline(LIMIT_EXCEEDED))
            if verdict.outcome == "review":
                return decisions.hold_for_review(draft, review_until)
            return self._carry_out(draft, outcome, request, route[1:])

        return Prepared(Creation(claim, payment, limits, (attempt, merchant), decide), request, route)

    async def _route(self, claim: Claim, currency: str) -> list[Connector]:
        """Return the acquirers to ask, without those that are paused."""
        route = await self._routing.route(claim.merchant_id, currency, livemode=claim.livemode)
        pauses, usable = await self._controls.pauses(), []
        for connector in route:
            try:
                pauses.check(claim.merchant_id, connector.name, livemode=claim.livemode)
            except Problem:
                continue
            usable.append(connector)
        if not usable:
            pauses.check(claim.merchant_id, route[0].name, livemode=claim.livemode)
        return usable

    def _carry_out(
        self, payment: Payment, outcome: Outcome | None, request: AuthorizeRequest, others: Sequence[Connector]
    ) -> Change:
        for connector in others:
            if not decisions.fails_over(outcome):
                break
            decisions.fail_over(payment, outcome, connector.name, payment.created_at)
            outcome = connector.single_commit(request)
        if outcome is not None:
            return decisions.create(payment, outcome)
        payment.acquirer_deadline = payment.created_at + self._policy.acquirer_timeout
        return Change(payment=payment, event=payment_event(payment))

    async def _attempt(self, body: PaymentCreate, claim: Claim, card: CardToken, now: datetime) -> Attempt:
        return Attempt(
            merchant_id=claim.merchant_id,
            livemode=claim.livemode,
            idempotency_key=claim.key,
            amount=body.amount,
            currency=body.currency,
            amount_usd=await self._fx.worth(body.amount, body.currency, "USD", now),
            capture_method=body.capture_method,
            card_fingerprint=card.fingerprint,
            card_brand=card.brand,
            card_bin=card.bin,
            card_country=body.card_country,
            customer_ip=body.customer_ip,
            customer_ip_country=body.customer_ip_country,
            device_id=body.device_id,
            at=now,
        )

    def _draft(
        self,
        body: PaymentCreate,
        claim: Claim,
        merchant: MerchantProfile,
        card: CardToken,
        connector: Connector,
        terms: Terms | None,
        now: datetime,
    ) -> Payment:
        payment = Payment(
            id=claim.resource_id,
            merchant_id=claim.merchant_id,
            livemode=claim.livemode,
            status="processing",
            amount=body.amount,
            currency=body.currency,
            capture_method=body.capture_method,
            payment_method_id=card.id,
            card={
                "brand": card.brand,
                "last4": card.last4,
                "exp_month": card.exp_month,
                "exp_year": card.exp_year,
                "fingerprint": card.fingerprint,
            },
            reference=body.reference,
            description=body.description,
            metadata=body.metadata,
            statement_descriptor=body.statement_descriptor,
            customer_ip=body.customer_ip,
            device_id=body.device_id,
            card_country=body.card_country,
            connector=connector.name,
            fee_basis_points=merchant.fee_basis_points,
            fee_fixed=merchant.fee_fixed,
            usage_day=now.astimezone(ZoneInfo(merchant.time_zone)).date(),
            usage_amount=body.amount if terms is None else gross(terms, body.amount),
            settlement_currency=merchant.settlement_currency,
            card_fingerprint=card.fingerprint,
            card_bin=card.bin,
            ip_country=body.customer_ip_country,
            idempotency_key=claim.key,
            timeline=[step(None, "processing", "request", now, amount=body.amount)],
            expires_at=now + self._policy.authorization if body.capture_method == "manual" else None,
            created_at=now,
            updated_at=now,
        )
        if terms is not None:
            payment.fx_rate_mid = terms.mid
            payment.fx_spread_basis_points = terms.spread_basis_points
            payment.fx_rate_source = terms.source
            payment.fx_rate_effective_at = terms.effective_at
            payment.fx_quote_id = terms.quote_id
            payment.fx_remainder = Decimal(0)
        return payment


def _receipt(verdict: Decision, terms: Terms | None) -> dict[str, Any]:
    receipt: dict[str, Any] = msgspec.to_builtins(verdict.receipt)
    if terms is not None:
        receipt["rate"] = {"mid": plain(terms.mid), "source": terms.source}
    return receipt


def _headroom(limits: Limits, usage: Usage | None) -> dict[str, Any] | None:
    return None if usage is None else {"headroom": dict(limits.headroom(usage))}
