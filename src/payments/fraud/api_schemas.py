"""What the API of fraud takes and shows."""

import re
from ipaddress import ip_network
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from payments.fraud.expressions import MAX_LENGTH, ConditionError, compile_condition
from payments.fraud.lists import Kind
from payments.fraud.rules import Action
from payments.fraud.schemas import ReportSource
from payments.http.models import (
    CountryCode,
    IpAddress,
    NearMoment,
    ResponseModel,
    SafeLine,
    SafeText,
    StrictModel,
    Timestamp,
)
from payments.money import Amount, Currency

MAX_RULES = 100


def _condition(text: str) -> str:
    try:
        compile_condition(text)
    except ConditionError as error:
        kind = "condition"
        raise PydanticCustomError(kind, "{reason}", {"reason": str(error)[:1].upper() + str(error)[1:]}) from None
    return text


Condition = Annotated[
    SafeText,
    Field(
        min_length=1,
        max_length=MAX_LENGTH,
        description="CEL over the payment and its signals; true makes the rule fire",
        examples=["signals.card_count_10m > 10 && payment.amount_usd >= 10000"],
    ),
    AfterValidator(_condition),
]
RuleName = Annotated[SafeLine, Field(max_length=100, examples=["card_velocity"])]
Score = Annotated[int, Field(ge=0, le=100, description="added to the payment's score when the rule fires")]
Priority = Annotated[int, Field(ge=0, le=10_000, description="rules apply in ascending order")]


class RuleCreate(StrictModel):
    """A rule for every merchant, in both modes."""

    name: RuleName
    condition: Condition
    score: Score
    action: Action = Field(
        default="score",
        description="review and decline raise the decision to at least that; approve ends the rules that come after",
    )
    active: bool = True
    shadow: bool = Field(default=False, description="record when it fires, and nothing else")
    priority: Priority = 100


def _left_out() -> Any:  # noqa: ANN401 - stands in for a value of any type
    """Return what nobody reads: an update looks only at fields that were sent. So null is an error, not a default."""


class RuleUpdate(StrictModel):
    """What to change; a field that is left out stays as it is."""

    name: RuleName = Field(default_factory=_left_out)
    condition: Condition = Field(default_factory=_left_out)
    score: Score = Field(default_factory=_left_out)
    action: Action = Field(default_factory=_left_out)
    active: bool = Field(default_factory=_left_out)
    shadow: bool = Field(default_factory=_left_out)
    priority: Priority = Field(default_factory=_left_out)


class FraudRule(ResponseModel):
    """A rule, with what it did in one mode."""

    id: str = Field(examples=["rule_0199c1d27f3a7e5d8c7b8a9f0e1d2c3b"])
    object: Literal["fraud_rule"] = "fraud_rule"
    livemode: bool = Field(description="the mode of hits and precision; the rule itself is for both")
    name: str
    condition: str
    score: int
    action: Action
    active: bool
    shadow: bool
    priority: int
    hits: int = Field(description="payments it fired on; counted within half a minute")
    confirmed: int = Field(description="of those, the ones that turned out to be fraud")
    precision: float | None = Field(description="confirmed, of the hits that were not declined outright")
    created_at: Timestamp
    updated_at: Timestamp
    updated_by: str


_VALUES = {
    "card": (re.compile(r"[0-9a-f]{64}"), "Expected the fingerprint of a card, as payments show it"),
    "country": (re.compile(r"[A-Z]{2}"), "Expected an ISO 3166-1 alpha-2 code"),
    "bin": (re.compile(r"[0-9]{6}"), "Expected the first six digits of a card"),
}


class ListEntryCreate(StrictModel):
    """Something to block or to allow."""

    list: Literal["block", "allow"]
    kind: Kind
    value: SafeLine = Field(
        description="a card's fingerprint, an IP address or network, a country, or the first six digits",
        examples=["203.0.113.0/24"],
    )
    livemode: bool = False
    merchant: str | None = Field(
        default=None, pattern="^mer_[0-9a-f]{32}$", description="only for this merchant; default: for everybody"
    )
    reason: Annotated[SafeText, Field(max_length=500)] | None = None
    expires_at: NearMoment | None = Field(default=None, description="default: never")

    @field_validator("value")
    @classmethod
    def _in_one_form(cls, value: str, others: ValidationInfo) -> str:
        kind = others.data.get("kind")
        error = "value"
        if kind == "ip":
            try:
                return str(ip_network(value, strict=False))
            except ValueError:
                raise PydanticCustomError(error, "Expected an IP address or a network in CIDR notation") from None
        if kind in _VALUES and not _VALUES[kind][0].fullmatch(value):
            raise PydanticCustomError(error, "{message}", {"message": _VALUES[kind][1]})
        return value


class ListEntry(ResponseModel):
    """An entry of a block or allow list."""

    id: str = Field(examples=["lst_0199c1d27f3a7e5d8c7b8a9f0e1d2c3b"])
    object: Literal["fraud_list_entry"] = "fraud_list_entry"
    livemode: bool
    list: Literal["block", "allow"]
    kind: Kind
    value: str
    merchant: str | None
    reason: str | None
    created_by: str
    created_at: Timestamp
    expires_at: Timestamp | None


class CheckCreate(StrictModel):
    """A payment that is not made, to see what would be decided."""

    amount: Amount
    currency: Currency
    payment_method: str = Field(pattern="^pm_[0-9a-f]{32}$")
    capture_method: Literal["automatic", "manual"] = "automatic"
    customer_ip: IpAddress | None = None
    customer_ip_country: CountryCode | None = None
    device_id: SafeLine | None = None
    card_country: CountryCode | None = None


class FraudCheck(ResponseModel):
    """What would be decided about a payment."""

    object: Literal["fraud_check"] = "fraud_check"
    livemode: bool
    outcome: Literal["approve", "review", "decline"]
    score: int
    decision: dict[str, Any] = Field(description="the receipt, as payments carry it")


ReportReason = Literal["stolen_card", "account_takeover", "not_recognized", "not_received", "other"]


class ReportCreate(StrictModel):
    """A payment that its cardholder did not make."""

    payment: str = Field(pattern="^pay_[0-9a-f]{32}$")
    reason: ReportReason
    comment: Annotated[SafeText, Field(max_length=1000)] | None = None
    block_card: bool = Field(default=True, description="decline your further payments with this card")


class FraudReport(ResponseModel):
    """A payment that turned out to be fraud."""

    id: str = Field(examples=["rep_0199c1d27f3a7e5d8c7b8a9f0e1d2c3b"])
    object: Literal["fraud_report"] = "fraud_report"
    livemode: bool
    payment: str
    source: ReportSource
    reason: str
    comment: str | None
    blocked: str | None = Field(description="the list entry that blocks the card from now on")
    created_by: str
    created_at: Timestamp


class LinkedPayment(ResponseModel):
    """Another payment with the same card, IP address or device."""

    payment: str
    merchant: str
    shared: list[Literal["card", "ip", "device"]]
    status: str
    amount: int
    currency: str
    score: int | None
    created_at: Timestamp


class Links(ResponseModel):
    """What a payment shares with others, latest first."""

    object: Literal["fraud_links"] = "fraud_links"
    livemode: bool
    payment: str
    data: list[LinkedPayment]


class Review(ResponseModel):
    """A payment that waits for somebody to decide."""

    id: str = Field(description="the payment's id")
    object: Literal["fraud_review"] = "fraud_review"
    livemode: bool
    merchant: str
    amount: int
    currency: str
    score: int | None
    card: dict[str, Any]
    customer_ip: str | None
    device_id: str | None
    decision: dict[str, Any] | None
    expires_at: Timestamp | None = Field(description="when the merchant's policy decides")
    created_at: Timestamp


class ReviewDecision(StrictModel):
    """Why a review ends as it does."""

    reason: Annotated[SafeText, Field(min_length=1, max_length=500)]


class BacktestCreate(StrictModel):
    """Rules to try on stored payments; ``active`` and ``shadow`` mean what they mean for real."""

    rules: list[RuleCreate] = Field(min_length=1, max_length=MAX_RULES)
    days: int = Field(default=7, ge=1, le=90)
    livemode: bool = False


class BacktestExample(ResponseModel):
    """A payment that would have been decided otherwise."""

    payment: str
    amount: int
    currency: str
    score_before: int
    score_after: int
    rules_before: list[str]
    rules_after: list[str]


class BacktestChange(ResponseModel):
    """Payments whose decision would have changed in one way; amounts by currency, in minor units."""

    from_outcome: str = Field(alias="from")
    to_outcome: str = Field(alias="to")
    count: int
    amounts: dict[str, int]
    examples: list[BacktestExample]


class BacktestRule(ResponseModel):
    """How often a candidate rule would have fired."""

    name: str
    hits: int


class Backtest(ResponseModel):
    """What another rule set would have decided."""

    object: Literal["fraud_backtest"] = "fraud_backtest"
    livemode: bool
    since: Timestamp
    payments: int = Field(description="looked at, the newest first, at most 20,000")
    compared: int
    left_out: int = Field(description="decided without signals, so there is nothing to compare")
    changed: int
    changes: list[BacktestChange]
    newly_declined: dict[str, int] = Field(description="money by currency, in minor units")
    newly_approved: dict[str, int] = Field(description="money by currency, in minor units")
    rules: list[BacktestRule]
