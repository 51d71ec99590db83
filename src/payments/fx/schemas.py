"""Shapes of rates and quotes: what people and merchants send and see, and what a payment keeps of its conversion."""

import re
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal, NamedTuple
from uuid import UUID

import msgspec
from pydantic import (
    BeforeValidator,
    Field,
    PlainSerializer,
    TypeAdapter,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
    field_validator,
)
from pydantic_core import PydanticCustomError

from payments.fx.book import DIGITS
from payments.fx.conversion import EXACT, merchant_rate
from payments.http.models import NearMoment, ResponseModel, SafeLine, StrictModel, Timestamp
from payments.money import Amount, Currency

# Nine digits either way: a thousand times more than any two currencies are apart.
SMALLEST, LARGEST = Decimal("1e-9"), Decimal("1e9")
MOST_RATES = 500
_PLAIN = re.compile(r"[0-9]{1,10}(\.[0-9]{1,20})?")


class Terms(msgspec.Struct, frozen=True):
    """What is fixed of a payment's conversion when it is created, for its captures and refunds.

    Shapes:
        mid: units of the settlement currency for one unit of the payment's.
        quote_id: the quote whose rate it is, if it is one's.
    """

    currency: str
    settlement_currency: str
    mid: Decimal
    spread_basis_points: int
    source: str
    effective_at: datetime
    quote_id: UUID | None = None

    @property
    def rate(self) -> Decimal:
        """The merchant's rate: mid less the spread, exactly."""
        return merchant_rate(self.mid, self.spread_basis_points)


class NewRate(NamedTuple):
    """A rate on its way into the history."""

    base: str
    quote: str
    rate: Decimal
    effective_at: datetime
    source: str


def plain(number: Decimal) -> str:
    """Return a decimal in digits: no exponent, no zeros at the end."""
    return f"{number.normalize(EXACT):f}"


def parse_rate(text: str) -> Decimal:
    """Return the rate that a text names.

    Raises:
        ValueError: it is not a positive decimal of at most twelve significant digits, or out of all proportion.

    """
    if not _PLAIN.fullmatch(text):
        raise ValueError("Expected a decimal in digits, for example 1.0842")
    rate = Decimal(text)
    if not SMALLEST <= rate <= LARGEST:
        raise ValueError("Expected a rate between 0.000000001 and 1000000000")
    if len(rate.normalize().as_tuple().digits) > DIGITS:
        raise ValueError(f"Expected at most {DIGITS} significant digits")
    return rate


def _rate(value: object) -> Decimal:
    if not isinstance(value, str):
        kind = "string_type"
        raise PydanticCustomError(kind, "Expected a string, because JSON numbers lose digits on their way")
    return parse_rate(value)


RateText = Annotated[
    Decimal,
    BeforeValidator(_rate),
    WithJsonSchema({"type": "string", "pattern": rf"^{_PLAIN.pattern}$", "examples": ["1.0842"]}),
]
Shown = Annotated[Decimal, PlainSerializer(plain, return_type=str)]


class RatePut(StrictModel):
    """A rate to be recorded. Nothing recorded is ever changed: a correction is one more record."""

    base: Currency
    quote: Currency
    rate: RateText = Field(description="units of quote for one unit of base, up to twelve significant digits")
    effective_at: NearMoment | None = Field(
        default=None, description="default: now; in the future, it waits until then"
    )
    source: SafeLine = Field(default="manual", max_length=64, description="who says so", examples=["ecb"])

    @field_validator("quote")
    @classmethod
    def _another(cls, quote: str, known: ValidationInfo) -> str:
        if quote == known.data.get("base"):
            raise ValueError("Expected another currency than base")
        return quote


_MANY = TypeAdapter(Annotated[list[RatePut], Field(min_length=1, max_length=MOST_RATES)])


def _one_or_many(value: object, _: ValidatorFunctionWrapHandler) -> list[RatePut]:
    # Chosen by shape, so that errors point into what was sent and not at both things it could have been.
    return _MANY.validate_python(value) if isinstance(value, list) else [RatePut.model_validate(value)]


RatesPut = Annotated[
    RatePut | Annotated[list[RatePut], Field(min_length=1, max_length=MOST_RATES)], WrapValidator(_one_or_many)
]


class FxRate(ResponseModel):
    """An exchange rate. Rates are the platform's configuration, for test and live mode alike, so it has no mode."""

    object: Literal["fx_rate"] = "fx_rate"
    base: str
    quote: str
    rate: Shown = Field(description="units of quote for one unit of base", examples=["1.0842"])
    effective_at: Timestamp
    source: str = Field(description="who says so; cross rates name the currency they go through", examples=["ecb"])
    stale: bool = Field(description="too old to be used at the moment asked for")
    created_at: Timestamp = Field(description="when it was recorded")


class QuoteCreate(StrictModel):
    """A rate to be held for one payment."""

    from_currency: Currency = Field(description="what the customer will pay in")
    to_currency: Currency | None = Field(
        default=None, description="default, and the only one possible: your settlement currency"
    )
    amount: Amount | None = Field(default=None, description="to be told what it comes to; binds nobody to it")


class FxQuote(ResponseModel):
    """A rate that is held for one payment: send its id as ``settlement_quote`` before it expires."""

    id: str = Field(examples=["fxq_0199c1d27f3a7e5d8c7b8a9f0e1d2c3b"])
    object: Literal["fx_quote"] = "fx_quote"
    livemode: bool
    status: Literal["open", "used", "expired"]
    from_currency: str
    to_currency: str
    rate: Shown = Field(description="your rate: the mid rate less the spread", examples=["1.073358"])
    mid_rate: Shown = Field(examples=["1.0842"])
    spread_basis_points: int
    rate_source: str
    rate_effective_at: Timestamp
    amount: int | None
    settlement_amount: int | None = Field(description="what the amount comes to at your rate, before the fee")
    payment: str | None = Field(description="the payment that used it")
    created_at: Timestamp
    expires_at: Timestamp


class Settlement(ResponseModel):
    """How a payment in another currency settles; amounts in minor units of ``currency``, on what is captured so far.

    ``gross = spread + fee + net + refunded + disputed``, always.
    """

    currency: str
    rate: str = Field(description="your rate: the mid rate less the spread")
    mid_rate: str
    spread_basis_points: int
    rate_source: str
    rate_effective_at: str = Field(json_schema_extra={"format": "date-time"})
    quote: str | None
    gross: int = Field(description="what is captured, at the mid rate")
    spread: int
    fee: int
    refunded: int = Field(description="what is refunded, at the mid rate: neither spread nor fee comes back")
    disputed: int = Field(description="what disputes withhold, at the mid rate")
    net: int = Field(description="what you have of it, dispute fees aside")
    remainder: str = Field(description="the exact fraction of a minor unit that rounding left on the open position")
