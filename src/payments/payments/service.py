"""Payments: take, capture, void, refund. No SQL, no HTTP."""

from datetime import timedelta
from uuid import UUID

from payments.connectors.registry import Registry
from payments.controls.service import Controls
from payments.http.models import StrictModel
from payments.payments import decisions
from payments.payments.calls import Calls, operation_call
from payments.payments.changes import Change, Claim, Earlier, Locked, Request
from payments.payments.disputed import Disputed
from payments.payments.domain import Payment
from payments.payments.drafts import Draft, operation_request
from payments.payments.evidence import Evidence
from payments.payments.intake import Intake
from payments.payments.replies import Replies, Reply
from payments.payments.schemas import CaptureCreate, PaymentCreate, RefundCreate
from payments.payments.write_path import WritePath
from payments.risk.limits import NO_LIMITS
from payments.risk.service import Risk
from shared.identity import Identity
from shared.ids import new_uuid
from shared.problems import Problem

__all__ = ["Disputed", "Evidence", "Payment", "Payments"]


class Payments:
    """Everything a merchant can do to a payment."""

    def __init__(
        self,
        *,
        write_path: WritePath,
        replies: Replies,
        intake: Intake,
        calls: Calls,
        risk: Risk,
        connectors: Registry,
        controls: Controls,
        acquirer_timeout: timedelta,
    ) -> None:
        """Take the collaborators, and how long one call to an acquirer may take."""
        self._write_path = write_path
        self._replies = replies
        self._intake = intake
        self._calls = calls
        self._risk = risk
        self._connectors = connectors
        self._controls = controls
        self._acquirer_timeout = acquirer_timeout

    async def create(self, caller: Identity, body: PaymentCreate, key: str) -> Reply:
        """Take a payment; a decline is a created payment too."""
        content = _content(body)
        claim = self._replies.claim(caller, key, decisions.CREATE_PATH, content, new_uuid())
        # Read before the payment notes its own: the call must be over when recovery begins to ask.
        deadline = self._calls.deadline()
        try:
            prepared = await self._intake.prepare(body, claim)
        except Problem:
            # What the first request with this key met may be gone by now; its reply stays.
            earlier = await self._write_path.find(claim)
            if earlier is None:
                raise
            return await self._replies.reply(earlier, claim, claim.resource_id, content)
        written = await self._write_path.create(prepared.creation)
        if isinstance(written, Earlier) or written.status_code is not None:
            return await self._replies.reply(written, claim, claim.resource_id, content)
        names = [connector.name for connector in prepared.route]
        rest = prepared.route[names.index(written.payment.connector) :]
        try:
            written = await self._calls.authorize(rest, prepared.request, deadline)
        except Problem:
            return await self._answered(claim, claim.resource_id, content)
        return await self._replies.reply(written, claim, claim.resource_id, content)

    async def capture(self, caller: Identity, payment_id: UUID, body: CaptureCreate, key: str) -> Reply:
        """Capture all or a part of an authorized payment."""
        draft = Draft("capture", body.amount, final=body.final)
        return await self._operate(caller, payment_id, draft, _content(body), key)

    async def void(self, caller: Identity, payment_id: UUID, key: str) -> Reply:
        """Release what is left of an authorization."""
        return await self._operate(caller, payment_id, Draft("void"), b"{}", key)

    async def refund(self, caller: Identity, payment_id: UUID, body: RefundCreate, key: str) -> Reply:
        """Give back all or a part of what was captured."""
        draft = Draft("refund", body.amount, reason=body.reason, metadata=body.metadata)
        return await self._operate(caller, payment_id, draft, _content(body), key)

    async def _operate(self, caller: Identity, payment_id: UUID, draft: Draft, content: bytes, key: str) -> Reply:
        path = decisions.operation_path(payment_id, draft.kind)
        claim = self._replies.claim(caller, key, path, content, new_uuid())
        limits = await self._risk.limits_of(claim.merchant_id) if draft.kind == "refund" else NO_LIMITS
        pauses = await self._controls.pauses()
        deadline = self._calls.deadline()

        def decide(locked: Locked) -> Change:
            payment, now = locked.payment, locked.now
            if draft.kind != "void":  # it only lets go of money
                pauses.check(payment.merchant_id, payment.connector, livemode=payment.livemode)
            operation = draft.operation(payment, claim, now)
            if draft.kind == "refund":
                decisions.check_refund_ratio(payment, operation, limits, locked.usage)
            connector = self._connectors.named(payment.connector, livemode=payment.livemode)
            if not draft.final and not connector.capabilities.multiple_captures:
                raise decisions.captures_once()
            outcome = connector.single_commit(operation_request(payment, operation))
            if outcome is not None:
                return decisions.perform(payment, operation, outcome, now)
            operation.acquirer_deadline = now + self._acquirer_timeout
            return decisions.reserve(payment, operation, now)

        request = Request(payment_id, decide, claim.merchant_id, claim.livemode, claim, limits=limits)
        written = await self._write_path.change(request)
        if isinstance(written, Change) and written.operation is not None and written.status_code is None:
            payment, operation = written.payment, written.operation
            connector = self._connectors.named(payment.connector, livemode=payment.livemode)
            call = operation_call(connector, payment, operation, deadline)
            try:
                written = await self._calls.conclude(call, payment_id, operation.id)
            except Problem:
                return await self._answered(claim, payment_id, content)
        return await self._replies.reply(written, claim, payment_id, content)

    async def _answered(self, claim: Claim, payment_id: UUID, content: bytes) -> Reply:
        """Return the reply that recovery or a callback has stored before we could."""
        earlier = await self._write_path.find(claim)
        if earlier is None:
            raise AssertionError("the intent of a call is stored before the call is made")
        return await self._replies.reply(earlier, claim, payment_id, content)


def _content(body: StrictModel) -> bytes:
    """Return what identifies a body: what it says, without defaults, so that a field added later changes nothing."""
    return body.model_dump_json(exclude={"cvc"}, exclude_defaults=True).encode()
