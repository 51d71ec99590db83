"""Shapes of merchant risk. Amounts are minor units of the merchant's settlement currency."""

from typing import Annotated, Any, Literal

from pydantic import Field

from payments.http.models import ResponseModel, SafeLine, StrictModel
from payments.money import MAX_AMOUNT

_Amount = Annotated[int, Field(strict=True, gt=0, le=MAX_AMOUNT * 1000)]
Severity = Literal["warning", "critical"]


class LimitsUpdate(StrictModel):
    """All limits of a merchant; one that is left out or null does not limit."""

    single_amount: _Amount | None = Field(default=None, description="the largest single payment")
    daily_volume: _Amount | None = Field(default=None, description="per day of the merchant's time zone")
    monthly_volume: _Amount | None = Field(default=None, description="per calendar month of the merchant's time zone")
    daily_count: Annotated[int, Field(strict=True, gt=0, le=2_000_000_000)] | None = None
    refund_ratio_basis_points: Annotated[int, Field(strict=True, ge=0, le=10_000)] | None = Field(
        default=None, description="share of the month's captured money that may be refunded, in hundredths of a percent"
    )
    alert_percent: Annotated[int, Field(strict=True, ge=1, le=100)] = Field(
        default=80, description="share of a limit from which an alert says that it is approached"
    )


class MerchantLimits(ResponseModel):
    """The limits of a merchant."""

    object: Literal["limits"] = "limits"
    merchant: str
    currency: str
    single_amount: int | None
    daily_volume: int | None
    monthly_volume: int | None
    daily_count: int | None
    refund_ratio_basis_points: int | None
    alert_percent: int


class Position(ResponseModel):
    """What a merchant did on one day of its time zone."""

    merchant: str
    livemode: bool
    date: str = Field(json_schema_extra={"format": "date"})
    currency: str
    volume: int = Field(description="authorized, captured, under review or unknown")
    count: int
    approved: int
    declined: int
    declined_by_limit: int
    captured: int
    refunded: int
    average_score: float | None
    largest: int
    exposure_percent: float | None = Field(description="volume as a share of the daily limit; null without one")


class Positions(ResponseModel):
    """The positions of one day, largest volume first."""

    object: Literal["positions"] = "positions"
    livemode: bool
    data: list[Position]


class CurrencyVolume(ResponseModel):
    """The volume of all merchants that settle in one currency."""

    currency: str
    volume: int
    count: int


class Portfolio(ResponseModel):
    """All merchants on one day."""

    object: Literal["portfolio"] = "portfolio"
    livemode: bool
    date: str = Field(json_schema_extra={"format": "date"})
    merchants: int
    approval_rate: float | None = Field(description="approved of all decided payments")
    volumes: list[CurrencyVolume]
    top_exposures: list[Position]


class StatusCount(ResponseModel):
    """Payments of one status and currency."""

    status: str
    currency: str
    count: int
    amount: int


class Summary(ResponseModel):
    """What a merchant's payments of the last hours came to."""

    object: Literal["summary"] = "summary"
    livemode: bool
    merchant: str
    hours: int
    approval_rate: float | None
    data: list[StatusCount]


class Alert(ResponseModel):
    """Something a person should look at; at most one is open per merchant, mode, kind and day."""

    id: str
    object: Literal["risk_alert"] = "risk_alert"
    livemode: bool
    merchant: str
    kind: str
    date: str = Field(json_schema_extra={"format": "date"})
    severity: Severity
    details: dict[str, Any]
    opened_at: str = Field(json_schema_extra={"format": "date-time"})
    resolved_at: str | None = Field(json_schema_extra={"format": "date-time"})
    resolved_by: str | None
    resolution: str | None


class AlertResolve(StrictModel):
    """Why an alert needs no more attention."""

    reason: SafeLine
