"""Payments and operations as they are stored, and how they are shown. No SQL, no HTTP."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from payments.connectors.declines import DECLINES
from payments.fx import entries as fx
from payments.fx.schemas import Terms
from payments.http.models import ResponseModel, rfc3339
from payments.payments import schemas
from payments.payments.states import OperationKind, OperationStatus, Status, check_transition
from payments.risk.days import LIMIT_EXCEEDED, Day, Standing
from shared.ids import show

_CARD = tuple(schemas.Card.model_fields)


class Payment(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One row of payments.payments; amounts in minor units."""

    id: UUID
    merchant_id: UUID
    livemode: bool
    status: Status
    amount: int
    currency: str
    amount_authorized: int = 0
    amount_captured: int = 0
    amount_refunded: int = 0
    amount_capturing: int = 0
    amount_refunding: int = 0
    amount_disputed: int = 0
    voiding: bool = False
    capture_method: schemas.CaptureMethod
    payment_method_id: UUID
    card: dict[str, Any]
    reference: str | None = None
    description: str | None = None
    metadata: dict[str, str]
    statement_descriptor: str | None = None
    customer_ip: str | None = None
    device_id: str | None = None
    card_country: str | None = None
    connector: str
    acquirer_reference: str | None = None
    decline_code: str | None = None
    fee_basis_points: int
    fee_fixed: int
    fee_charged: int = 0
    usage_day: date
    usage_amount: int
    settlement_currency: str
    fx_rate_mid: Decimal | None = None
    fx_spread_basis_points: int | None = None
    fx_rate_source: str | None = None
    fx_rate_effective_at: datetime | None = None
    fx_quote_id: UUID | None = None
    fx_remainder: Decimal | None = None
    card_fingerprint: str
    card_bin: str
    ip_country: str | None = None
    score: int | None = None
    receipt: dict[str, Any] | None = None
    review_expires_at: datetime | None = None
    idempotency_key: str
    timeline: list[dict[str, Any]]
    expires_at: datetime | None = None
    acquirer_deadline: datetime | None = None
    created_at: datetime
    updated_at: datetime

    def copy(self) -> "Payment":
        """Return a copy that can be changed without a trace here."""
        return msgspec.structs.replace(self, timeline=list(self.timeline))

    @property
    def day(self) -> Day:
        """The row of its merchant's day that it counts in."""
        return Day(self.merchant_id, self.livemode, self.usage_day)

    @property
    def standing(self) -> Standing:
        """What it counts there at the moment."""
        return Standing(
            self.status,
            self.usage_amount,
            self.usage_amount * self.amount_captured // self.amount,
            self.usage_amount * (self.amount_refunded + self.amount_refunding) // self.amount,
            self.decline_code == LIMIT_EXCEEDED,
            self.score,
        )

    @property
    def terms(self) -> Terms | None:
        """What is fixed of its conversion; None when it settles in its own currency."""
        if self.fx_rate_mid is None or self.fx_rate_effective_at is None:
            return None
        return Terms(
            self.currency,
            self.settlement_currency,
            self.fx_rate_mid,
            self.fx_spread_basis_points or 0,
            self.fx_rate_source or "",
            self.fx_rate_effective_at,
            self.fx_quote_id,
        )

    @property
    def totals(self) -> fx.Totals:
        """What is captured and given back so far."""
        return fx.Totals(self.amount_captured, self.amount_refunded + self.amount_disputed)

    @property
    def capturable(self) -> int:
        """What is authorized and neither captured nor about to be."""
        return self.amount_authorized - self.amount_captured - self.amount_capturing

    @property
    def refundable(self) -> int:
        """What is captured and neither refunded nor about to be, nor withheld by a dispute."""
        return self.amount_captured - self.amount_refunded - self.amount_refunding - self.amount_disputed

    def move(
        self, status: Status, cause: str, at: datetime, *, operation: str | None = None, amount: int | None = None
    ) -> None:
        """Change the state, by a legal transition, and write it into the timeline."""
        check_transition(self.status, status)
        source, self.status = self.status, status
        self.timeline.append(step(source, status, cause, at, operation, amount))
        self.updated_at = at

    def note(self, cause: str, at: datetime, operation: str, amount: int) -> None:
        """Write into the timeline what happened to an operation while the state stays."""
        self.timeline.append(step(self.status, self.status, cause, at, operation, amount))
        self.updated_at = at

    def show(self) -> bytes:
        """Return the public object, as JSON."""
        return _encode(self._fields())

    def show_to_people(self) -> bytes:
        """Return the same with the merchant, as JSON: people see everybody's."""
        return _encode(self._fields() | {"merchant": show("mer", self.merchant_id)})

    def _fields(self) -> dict[str, Any]:
        terms = self.terms
        return {
            "id": show("pay", self.id),
            "object": "payment",
            "livemode": self.livemode,
            "status": self.status,
            "amount": self.amount,
            "currency": self.currency,
            "amount_authorized": self.amount_authorized,
            "amount_captured": self.amount_captured,
            "amount_refunded": self.amount_refunded,
            "amount_disputed": self.amount_disputed,
            "capture_method": self.capture_method,
            "payment_method": show("pm", self.payment_method_id),
            "card": {name: self.card[name] for name in _CARD},
            "reference": self.reference,
            "description": self.description,
            "metadata": self.metadata,
            "statement_descriptor": self.statement_descriptor,
            "customer_ip": self.customer_ip,
            "device_id": self.device_id,
            "card_country": self.card_country,
            "decline": _decline(self.decline_code),
            "settlement": fx.settlement(terms, self.totals, self.fee_charged, self.amount_disputed)
            if terms is not None
            else None,
            "decision": self.receipt,
            "acquirer": self.connector,
            "expires_at": rfc3339(self.expires_at) if self.expires_at else None,
            "created_at": rfc3339(self.created_at),
            "updated_at": rfc3339(self.updated_at),
        }


class Operation(msgspec.Struct, kw_only=True):
    """One row of payments.operations: a capture, void or refund with a status of its own."""

    id: UUID
    payment_id: UUID
    merchant_id: UUID
    livemode: bool
    kind: OperationKind
    status: OperationStatus
    amount: int
    currency: str
    final: bool
    reason: str | None = None
    metadata: dict[str, str] = msgspec.field(default_factory=dict)
    acquirer_reference: str | None = None
    failure_code: str | None = None
    idempotency_key: str
    acquirer_deadline: datetime | None = None
    created_at: datetime
    updated_at: datetime

    def copy(self) -> "Operation":
        """Return a copy that can be changed without a trace here."""
        return msgspec.structs.replace(self)

    @property
    def shown_id(self) -> str:
        """The public id."""
        return show({"capture": "cap", "void": "voi", "refund": "ref"}[self.kind], self.id)

    def show_refund(self) -> bytes:
        """Return the public refund object, as JSON."""
        return _encode(
            {
                "id": self.shown_id,
                "object": "refund",
                "livemode": self.livemode,
                "payment": show("pay", self.payment_id),
                "status": self.status,
                "amount": self.amount,
                "currency": self.currency,
                "reason": self.reason,
                "metadata": self.metadata,
                "failure_code": self.failure_code,
                "created_at": rfc3339(self.created_at),
                "updated_at": rfc3339(self.updated_at),
            }
        )


def step(
    source: Status | None,
    target: Status,
    cause: str,
    at: datetime,
    operation: str | None = None,
    amount: int | None = None,
) -> dict[str, Any]:
    """Return one entry of a timeline."""
    return {"at": rfc3339(at), "from": source, "to": target, "cause": cause, "operation": operation, "amount": amount}


def fee(basis_points: int, fixed: int, captured: int) -> int:
    """Return the platform's fee on a captured total: its share, rounded half-even, plus the fixed part."""
    whole, rest = divmod(captured * basis_points, 10_000)
    rounded = whole + (rest > 5_000 or (rest == 5_000 and whole % 2 == 1))  # noqa: PLR2004 - half of 10,000
    return rounded + fixed if captured else 0


def _decline(code: str | None) -> schemas.Decline | None:
    if code is None:
        return None
    decline = DECLINES[code]
    return schemas.Decline.model_construct(code=code, message=decline.message, retryable=decline.retryable)


def _encode(shown: dict[str, Any]) -> bytes:
    """Return JSON of the fields that the response model documents; building the model costs ten times as much."""
    return msgspec.json.encode(shown, enc_hook=ResponseModel.model_dump)
