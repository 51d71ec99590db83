"""Payments: decide, keep the intent, call the acquirer, commit. No SQL, no HTTP."""

import asyncio
import logging
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from payments.connectors.declines import decline
from payments.connectors.port import CaptureRequest, Connector, Outcome, Unknown, VoidRequest
from payments.connectors.registry import Registry
from payments.fx.entries import gross
from payments.fx.service import Fx
from payments.merchants.service import Merchants
from payments.payments import decisions
from payments.payments.changes import Change, Claim, Creation, Earlier, Locked, Request, payment_event
from payments.payments.domain import Operation, Payment, step
from payments.payments.drafts import Draft, authorize_request, operation_request
from payments.payments.replies import Replies, Reply
from payments.payments.schemas import CaptureCreate, PaymentCreate, RefundCreate
from payments.payments.write_path import WritePath
from payments.risk.days import LIMIT_EXCEEDED
from payments.risk.limits import NO_LIMITS
from payments.risk.service import Risk
from payments.vault.service import CardToken, Vault
from shared.identity import Identity
from shared.ids import new_uuid, uuid_of
from shared.problems import Problem

_log = logging.getLogger(__name__)


class Policy(NamedTuple):
    """How long an authorization lasts, and how long one call to an acquirer may take."""

    authorization: timedelta
    acquirer_timeout: timedelta


class Payments:
    """Everything a merchant can do to a payment."""

    def __init__(
        self,
        *,
        write_path: WritePath,
        replies: Replies,
        merchants: Merchants,
        risk: Risk,
        fx: Fx,
        vault: Vault,
        connectors: Registry,
        policy: Policy,
    ) -> None:
        """Take the collaborators and the policy."""
        self._write_path = write_path
        self._replies = replies
        self._merchants = merchants
        self._risk = risk
        self._fx = fx
        self._vault = vault
        self._connectors = connectors
        self._policy = policy
        self._calls: set[asyncio.Task[Reply]] = set()

    async def create(self, caller: Identity, body: PaymentCreate, key: str) -> Reply:
        """Take a payment; a decline is a created payment too."""
        content = body.model_dump_json(exclude={"cvc"}).encode()
        claim = self._replies.claim(caller, key, decisions.CREATE_PATH, content, new_uuid())
        try:
            payment, card, connector = await self._prepare(body, claim)
        except Problem:
            # What the first request with this key met may be gone by now; its reply stays.
            earlier = await self._write_path.find(claim)
            if earlier is None:
                raise
            return await self._replies.reply(earlier, claim, claim.resource_id, content)
        # Read before the intent is stored: the call must not outlast the deadline that is written down.
        deadline = self._deadline()
        request = authorize_request(payment, card, body.cvc.get_secret_value() if body.cvc is not None else None)
        outcome = connector.single_commit(request)
        refused = payment.copy()
        if outcome is not None:
            change = decisions.create(payment, outcome)
        else:
            payment.acquirer_deadline = payment.created_at + self._policy.acquirer_timeout
            change = Change(payment=payment, event=payment_event(payment))
        limits = await self._risk.limits_of(claim.merchant_id)
        creation = Creation(claim, change, limits, lambda _: decisions.create(refused.copy(), decline(LIMIT_EXCEEDED)))
        written = await self._write_path.create(creation)
        if isinstance(written, Earlier) or written.status_code is not None:
            return await self._replies.reply(written, claim, payment.id, content)
        return await self._conclude(connector.authorize(request, deadline), claim, payment.id, None, content)

    async def capture(self, caller: Identity, payment_id: UUID, body: CaptureCreate, key: str) -> Reply:
        """Capture all or a part of an authorized payment."""
        draft = Draft("capture", body.amount, final=body.final)
        return await self._operate(caller, payment_id, draft, body.model_dump_json().encode(), key)

    async def void(self, caller: Identity, payment_id: UUID, key: str) -> Reply:
        """Release what is left of an authorization."""
        return await self._operate(caller, payment_id, Draft("void"), b"{}", key)

    async def refund(self, caller: Identity, payment_id: UUID, body: RefundCreate, key: str) -> Reply:
        """Give back all or a part of what was captured."""
        draft = Draft("refund", body.amount, reason=body.reason, metadata=body.metadata)
        return await self._operate(caller, payment_id, draft, body.model_dump_json().encode(), key)

    async def close(self) -> None:
        """Wait for the calls that are under way."""
        if self._calls:
            await asyncio.wait(self._calls)

    async def _prepare(self, body: PaymentCreate, claim: Claim) -> tuple[Payment, CardToken, Connector]:
        merchant = await self._merchants.profile(claim.merchant_id)
        card = await self._vault.card_of(claim.merchant_id, uuid_of("pm", body.payment_method), livemode=claim.livemode)
        connector = self._connectors.connector_for(livemode=claim.livemode)
        now = datetime.now(UTC)
        terms = await self._fx.terms(
            merchant,
            body.currency,
            body.amount,
            livemode=claim.livemode,
            quote=uuid_of("fxq", body.settlement_quote) if body.settlement_quote is not None else None,
            now=now,
        )
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
        return payment, card, connector

    async def _operate(self, caller: Identity, payment_id: UUID, draft: Draft, content: bytes, key: str) -> Reply:
        path = decisions.operation_path(payment_id, draft.kind)
        claim = self._replies.claim(caller, key, path, content, new_uuid())
        deadline = self._deadline()

        limits = await self._risk.limits_of(claim.merchant_id) if draft.kind == "refund" else NO_LIMITS

        def decide(locked: Locked) -> Change:
            payment, now = locked.payment, locked.now
            operation = draft.operation(payment, claim, now)
            if draft.kind == "refund":
                decisions.check_refund_ratio(payment, operation, limits, locked.usage)
            connector = self._connectors.named(payment.connector, livemode=payment.livemode)
            outcome = connector.single_commit(operation_request(payment, operation))
            if outcome is not None:
                return decisions.perform(payment, operation, outcome, now)
            operation.acquirer_deadline = now + self._policy.acquirer_timeout
            return decisions.reserve(payment, operation, now)

        written = await self._write_path.change(
            Request(payment_id, decide, claim.merchant_id, claim.livemode, claim, limits=limits)
        )
        if isinstance(written, Change) and written.operation is not None and written.status_code is None:
            call = self._call(written.payment, written.operation, deadline)
            return await self._conclude(call, claim, payment_id, written.operation.id, content)
        return await self._replies.reply(written, claim, payment_id, content)

    def _call(self, payment: Payment, operation: Operation, deadline: float) -> Coroutine[Any, Any, Outcome]:
        connector = self._connectors.named(payment.connector, livemode=payment.livemode)
        request = operation_request(payment, operation)
        if isinstance(request, CaptureRequest):
            return connector.capture(request, deadline)
        if isinstance(request, VoidRequest):
            return connector.void(request, deadline)
        return connector.refund(request, deadline)

    def _deadline(self) -> float:
        return asyncio.get_running_loop().time() + self._policy.acquirer_timeout.total_seconds()

    async def _conclude(
        self,
        call: Coroutine[Any, Any, Outcome],
        claim: Claim,
        payment_id: UUID,
        operation_id: UUID | None,
        content: bytes,
    ) -> Reply:
        """Make a call whose intent is stored, and store its answer. A client that hangs up cancels neither."""

        async def work() -> Reply:
            try:
                outcome = await call
            except Exception:  # noqa: BLE001 - a defect leaves it unknown, never failed: the call may have arrived
                _log.exception("a call to the acquirer broke")
                outcome = Unknown("the connector failed")
            request = Request(payment_id, decisions.answer(outcome, "acquirer"), operation_id=operation_id)
            try:
                written = await self._write_path.change(request)
            except Problem:
                # Recovery may have been faster; then the key has its reply.
                earlier = await self._write_path.find(claim)
                if earlier is None or earlier.body is None:
                    raise
                written = earlier
            return await self._replies.reply(written, claim, payment_id, content)

        task = asyncio.create_task(work())
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)
        return await asyncio.shield(task)
