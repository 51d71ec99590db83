"""Operations before they are stored, and what an acquirer is asked for. Pure."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Literal, NamedTuple, TypeAlias

from payments.connectors.port import AuthorizeRequest, CaptureRequest, CardReference, Cvc, RefundRequest, VoidRequest
from payments.payments import decisions
from payments.payments.changes import Claim
from payments.payments.domain import Operation, Payment
from payments.vault.service import CardToken

OperationRequest: TypeAlias = CaptureRequest | VoidRequest | RefundRequest


class Draft(NamedTuple):
    """What a client asks to be done to a payment; an amount of None means all that is left."""

    kind: Literal["capture", "void", "refund"]
    amount: int | None = None
    final: bool = True
    reason: str | None = None
    metadata: Mapping[str, str] = MappingProxyType({})

    def operation(self, payment: Payment, claim: Claim, now: datetime) -> Operation:
        """Return the operation on a payment as it is now.

        Raises:
            Problem: it is not possible, or not for this amount.

        """
        if self.kind == "capture":
            amount = decisions.check_capture(payment, self.amount, now, final=self.final)
        elif self.kind == "void":
            amount = decisions.check_void(payment)
        else:
            amount = decisions.check_refund(payment, self.amount)
        return Operation(
            id=claim.resource_id,
            payment_id=payment.id,
            merchant_id=payment.merchant_id,
            livemode=payment.livemode,
            kind=self.kind,
            status="processing",
            amount=amount,
            currency=payment.currency,
            final=self.final,
            reason=self.reason,
            metadata=dict(self.metadata),
            idempotency_key=claim.key,
            created_at=now,
            updated_at=now,
        )


def authorize_request(payment: Payment, card: CardToken, cvc: str | None) -> AuthorizeRequest:
    """Return what an acquirer is asked for a new payment; its key is the payment's id."""
    return AuthorizeRequest(
        key=payment.id.hex,
        payment_id=payment.id,
        amount=payment.amount,
        currency=payment.currency,
        capture=payment.capture_method == "automatic",
        card=CardReference(
            payment_method_id=card.id,
            merchant_id=card.merchant_id,
            livemode=card.livemode,
            brand=card.brand,
            last4=card.last4,
            exp_month=card.exp_month,
            exp_year=card.exp_year,
            test_scenario=card.test_scenario,
        ),
        statement_descriptor=payment.statement_descriptor,
        cvc=Cvc(cvc) if cvc is not None else None,
    )


def operation_request(payment: Payment, operation: Operation) -> OperationRequest:
    """Return what an acquirer is asked for an operation; its key is the operation's id."""
    key, reference = operation.id.hex, payment.acquirer_reference or ""
    if operation.kind == "capture":
        return CaptureRequest(key, reference, operation.amount, operation.currency, final=operation.final)
    if operation.kind == "void":
        return VoidRequest(key, reference, operation.amount, operation.currency)
    return RefundRequest(key, reference, operation.amount, operation.currency)
