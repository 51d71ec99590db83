"""Shapes of merchants and API keys: what an administrator sends and sees, and what other features are given."""

from typing import Annotated, Any, Literal
from uuid import UUID
from zoneinfo import available_timezones

import msgspec
from pydantic import AfterValidator, Field, SecretStr
from pydantic_core import PydanticCustomError

from payments.http.models import CountryCode, ResponseModel, SafeLine, StrictModel, Timestamp
from payments.merchants.scopes import SCOPES, Scope
from payments.money import MAX_AMOUNT, Currency

CategoryCode = Annotated[
    str, Field(pattern="^[0-9]{4}$", description="merchant category code, ISO 18245", examples=["5734"])
]
RiskLevel = Literal["low", "normal", "high"]


# `localtime` is the server's own zone under a name that the database does not know, and that says nothing.
_TIME_ZONES = available_timezones() - {"localtime"}


def _time_zone(name: str) -> str:
    if name not in _TIME_ZONES:
        kind = "time_zone_unknown"
        raise PydanticCustomError(kind, "Expected a name of the IANA time zone database, for example Europe/Berlin")
    return name


TimeZone = Annotated[
    str,
    Field(
        max_length=64, description="IANA time zone; its midnight starts the day of limits", examples=["Europe/Berlin"]
    ),
    AfterValidator(_time_zone),
]


Spread = Annotated[
    int, Field(strict=True, ge=0, le=9_999, description="hundredths of a percent that the merchant's rate is below mid")
]


Threshold = Annotated[
    int, Field(strict=True, ge=0, le=101, description="fraud score from which on; 101 is never reached")
]
FallbackPolicy = Literal["approve", "review", "decline"]
ReviewHours = Annotated[int, Field(strict=True, ge=1, le=168)]


class FraudPolicy(StrictModel):
    """How a merchant's payments are decided."""

    review_threshold: Threshold = 50
    decline_threshold: Threshold = 80
    fallback_policy: FallbackPolicy = Field(
        default="review", description="what happens to a payment when no signal can be had in time"
    )
    review_hours: ReviewHours = Field(default=24, description="how long a payment waits for a reviewer")
    review_timeout_action: Literal["approve", "decline"] = "decline"


PayoutSchedule = Literal["daily", "manual"]


class PayoutPolicy(StrictModel):
    """When a merchant's money becomes available, and how it is paid out."""

    delay_days: int = Field(
        default=2, strict=True, ge=0, le=90, description="calendar days in the merchant's time zone, from the capture's"
    )
    schedule: PayoutSchedule = Field(default="daily", description="manual: by POST /v1/payouts only")
    destination: SafeLine | None = Field(
        default=None,
        description="what the payout rail calls the merchant's account; never an account number",
        examples=["sandbox_account"],
    )


class Fee(StrictModel):
    """What the platform charges for each captured payment."""

    basis_points: int = Field(ge=0, le=10_000, description="hundredths of a percent", examples=[290])
    fixed: int = Field(ge=0, le=MAX_AMOUNT, description="minor units of the settlement currency", examples=[30])
    dispute: int = Field(
        default=0, ge=0, le=MAX_AMOUNT, description="the same, per dispute; returned when it is won", examples=[1500]
    )


class MerchantCreate(StrictModel):
    """A merchant to be taken on."""

    name: SafeLine
    country: CountryCode
    category_code: CategoryCode
    settlement_currency: Currency
    fee: Fee
    risk_level: RiskLevel = "normal"
    time_zone: TimeZone = "UTC"
    fx_spread_basis_points: Spread = 100
    fraud: FraudPolicy = FraudPolicy()
    payouts: PayoutPolicy = PayoutPolicy()


def _left_out() -> Any:  # noqa: ANN401 - stands in for a value of any type
    """Return what nobody reads: an update looks only at fields that were sent. So null is an error, not a default."""


class MerchantUpdate(StrictModel):
    """What to change; a field that is left out stays as it is."""

    name: SafeLine = Field(default_factory=_left_out)
    country: CountryCode = Field(default_factory=_left_out)
    category_code: CategoryCode = Field(default_factory=_left_out)
    settlement_currency: Currency = Field(
        default_factory=_left_out, description="send fee along: its fixed part counts in minor units of this currency"
    )
    fee: Fee = Field(default_factory=_left_out)
    risk_level: RiskLevel = Field(default_factory=_left_out)
    time_zone: TimeZone = Field(default_factory=_left_out)
    fx_spread_basis_points: Spread = Field(default_factory=_left_out)
    fraud: FraudPolicy = Field(default_factory=_left_out)
    payouts: PayoutPolicy = Field(default_factory=_left_out)


class Merchant(ResponseModel):
    """A merchant. It exists once, for test and live mode alike, so it is the one object without ``livemode``."""

    id: str = Field(examples=["mer_0199c1d27f3a7e5d8c7b8a9f0e1d2c3b"])
    object: Literal["merchant"] = "merchant"
    name: str
    country: str
    category_code: str
    settlement_currency: str
    fee: Fee
    risk_level: RiskLevel
    time_zone: str
    fx_spread_basis_points: int
    fraud: FraudPolicy
    payouts: PayoutPolicy
    created_at: Timestamp
    updated_at: Timestamp


class Quota(StrictModel):
    """So many requests at once, refilled evenly over so many seconds."""

    limit: int = Field(ge=1, le=9_999_999, examples=[500])
    seconds: int = Field(ge=1, le=9_999, examples=[5])


class RateLimitsPut(StrictModel):
    """What the keys of a merchant may send; without a quota, what the gateway gives everybody."""

    write: Quota | None = None
    read: Quota | None = None


class RateLimits(ResponseModel):
    """The quotas of a merchant that differ from everybody's."""

    object: Literal["rate_limits"] = "rate_limits"
    merchant: str
    write: Quota | None
    read: Quota | None


class ApiKeyCreate(StrictModel):
    """An API key to be made."""

    name: SafeLine = Field(description="tells people what the key is for")
    livemode: bool = Field(description="false makes a test key, which only ever reaches the sandbox")
    scopes: list[Scope] = Field(
        default=list(SCOPES), min_length=1, max_length=len(SCOPES), description="default: all of them"
    )


class ApiKey(ResponseModel):
    """An API key, without its secret."""

    id: str = Field(examples=["key_0199c1d27f3a7e5d8c7b8a9f0e1d2c3b"])
    object: Literal["api_key"] = "api_key"
    merchant: str
    livemode: bool
    name: str
    prefix: str = Field(description="the first characters of the secret", examples=["sk_test_a1B2"])
    scopes: list[str]
    created_at: Timestamp
    revoked_at: Timestamp | None


class ApiKeyCreated(ApiKey):
    """A fresh API key with its secret, which is shown this once and not kept."""

    secret: str = Field(repr=False, examples=["sk_test_…"])


class ApiKeyVerification(StrictModel):
    """A key that somebody presented to the gateway."""

    key: SecretStr


class ApiKeyVerified(ResponseModel):
    """Whose key it is and what it may do."""

    key_id: str
    merchant_id: str
    livemode: bool
    scopes: list[str]
    rate_limits: dict[str, str]


class MerchantProfile(msgspec.Struct, frozen=True, gc=False):
    """What a payment needs to know of its merchant.

    Shapes:
        fee_fixed, fee_dispute: minor units of the settlement currency.
    """

    id: UUID
    name: str
    country: str
    category_code: str
    settlement_currency: str
    fee_basis_points: int
    fee_fixed: int
    risk_level: RiskLevel
    time_zone: str
    fx_spread_basis_points: int = 100
    review_threshold: int = 50
    decline_threshold: int = 80
    fallback_policy: FallbackPolicy = "review"
    review_hours: int = 24
    review_timeout_action: Literal["approve", "decline"] = "decline"
    payout_destination: str | None = None
    fee_dispute: int = 0
