"""Request and response models of payments and refunds."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, SecretStr
from pydantic_core import PydanticCustomError

from payments.fx.schemas import Settlement
from payments.http.models import CountryCode, IpAddress, NoCardNumber, ResponseModel, SafeLine, SafeText, StrictModel
from payments.money import Amount, Currency
from payments.payments.states import OperationStatus, Status


def _cvc(secret: SecretStr) -> SecretStr:
    # A pattern on a SecretStr fails on values that are no strings, so the form is checked here.
    if not re.fullmatch("[0-9]{3,4}", secret.get_secret_value()):
        kind = "cvc"
        raise PydanticCustomError(kind, "Expected 3 digits, 4 for American Express")
    return secret


def _sorted(metadata: dict[str, str]) -> dict[str, str]:
    # The order of keys says nothing, so two bodies that differ in it only are the same request.
    return dict(sorted(metadata.items()))


MetadataKey = Annotated[SafeText, Field(min_length=1, max_length=40)]
MetadataValue = Annotated[SafeText, Field(max_length=500)]
Metadata = Annotated[
    dict[MetadataKey, MetadataValue],
    Field(max_length=50, description="Up to 50 keys of 40 characters, values of 500 characters"),
    AfterValidator(_sorted),
]
CaptureMethod = Literal["automatic", "manual"]


def _id(prefix: str) -> str:
    return f"^{prefix}_[0-9a-f]{{32}}$"


PaymentMethodId = Annotated[str, Field(pattern=_id("pm"), examples=["pm_0199c1d27f3a7e5d8c7b8a9f0e1d2c3b"])]


class PaymentCreate(StrictModel):
    """Take a payment from a tokenized card."""

    amount: Amount
    currency: Currency
    payment_method: PaymentMethodId
    capture_method: CaptureMethod = Field(
        default="automatic", description="manual only holds the amount until it is captured or voided"
    )
    cvc: Annotated[SecretStr, AfterValidator(_cvc)] | None = Field(
        default=None,
        description="passed on to the acquirer, never stored",
        examples=["123"],
        json_schema_extra={"pattern": "^[0-9]{3,4}$"},
    )
    reference: SafeLine | None = Field(default=None, description="your order number; GET /v1/payments filters by it")
    description: Annotated[SafeText, Field(max_length=1000)] | None = None
    metadata: Metadata = Field(default_factory=dict)
    statement_descriptor: Annotated[str, Field(pattern=r"^[A-Za-z0-9 .,&*/-]{1,22}$"), NoCardNumber] | None = Field(
        default=None, description="what the cardholder reads on the statement"
    )
    customer_ip: IpAddress | None = None
    device_id: SafeLine | None = None
    card_country: CountryCode | None = None
    customer_ip_country: CountryCode | None = None
    settlement_quote: Annotated[str, Field(pattern=_id("fxq"))] | None = Field(
        default=None, description="a quote of POST /v1/fx/quotes whose rate this payment takes"
    )


class CaptureCreate(StrictModel):
    """Capture all that is left, or a part of it."""

    amount: Amount | None = Field(default=None, description="default: all that is left")
    final: bool = Field(default=True, description="false keeps the rest of the authorization for further captures")


class RefundCreate(StrictModel):
    """Refund all that is left, or a part of it."""

    amount: Amount | None = Field(default=None, description="default: all that is left")
    reason: Literal["duplicate", "fraudulent", "requested_by_customer"] | None = None
    metadata: Metadata = Field(default_factory=dict)


class Card(ResponseModel):
    """What may be shown of a card."""

    brand: str
    last4: str
    exp_month: int
    exp_year: int
    fingerprint: str


class Decline(ResponseModel):
    """Why a payment was declined."""

    code: str
    message: str
    retryable: bool


class Payment(ResponseModel):
    """A payment; amounts in minor units of ``currency``."""

    id: str
    object: Literal["payment"] = "payment"
    livemode: bool
    status: Status
    amount: int
    currency: str
    amount_authorized: int
    amount_captured: int
    amount_refunded: int
    amount_disputed: int = Field(
        description="withheld by disputes that are open or lost; it cannot be refunded as well"
    )
    capture_method: CaptureMethod
    payment_method: str
    card: Card
    reference: str | None
    description: str | None
    metadata: dict[str, str]
    statement_descriptor: str | None
    customer_ip: str | None
    device_id: str | None
    card_country: str | None
    decline: Decline | None
    settlement: Settlement | None = Field(description="its conversion; null when it settles in its own currency")
    decision: dict[str, Any] | None = Field(
        description="the receipt of its decision: score, rules that fired, signals, limits, and where they came from"
    )
    acquirer: str
    expires_at: str | None = Field(json_schema_extra={"format": "date-time"})
    created_at: str = Field(json_schema_extra={"format": "date-time"})
    updated_at: str = Field(json_schema_extra={"format": "date-time"})
    merchant: str | None = Field(default=None, description="whose it is; only people of the platform are told")


class Refund(ResponseModel):
    """A refund of a captured payment."""

    id: str
    object: Literal["refund"] = "refund"
    livemode: bool
    payment: str
    status: OperationStatus
    amount: int
    currency: str
    reason: str | None
    metadata: dict[str, str]
    failure_code: str | None
    created_at: str = Field(json_schema_extra={"format": "date-time"})
    updated_at: str = Field(json_schema_extra={"format": "date-time"})


class TimelineStep(ResponseModel):
    """One thing that happened to a payment; ``from`` and ``to`` are equal when its state did not change."""

    at: str = Field(json_schema_extra={"format": "date-time"})
    from_status: Status | None = Field(alias="from")
    to_status: Status = Field(alias="to")
    cause: str
    operation: str | None
    amount: int | None
    answer: str | None = Field(description="what the acquirer said to a look-up; null for everything else")


class Timeline(ResponseModel):
    """The history of a payment, oldest first."""

    object: Literal["timeline"] = "timeline"
    livemode: bool
    payment: str
    data: list[TimelineStep]


class KeyUse(ResponseModel):
    """One request that used an idempotency key."""

    method: str
    path: str
    status: Literal["in_flight", "completed"]
    status_code: int | None
    resource: str
    created_at: str = Field(json_schema_extra={"format": "date-time"})


class IdempotencyKey(ResponseModel):
    """What became of the requests that used a key."""

    object: Literal["idempotency_key"] = "idempotency_key"
    livemode: bool
    key: str
    data: list[KeyUse]
