"""Shapes of payouts."""

from typing import Literal

from pydantic import Field

from payments.http.models import ResponseModel, StrictModel
from payments.money import Currency
from payments.payouts.states import Status

ItemKind = Literal["capture", "refund", "dispute", "dispute_reversal", "adjustment", "payout_failure"]


class PayoutCreate(StrictModel):
    """Pay out everything that is available in one currency."""

    currency: Currency | None = Field(default=None, description="default: your settlement currency")


class Payout(ResponseModel):
    """Available money on its way to your bank: the sum of its items, to the unit."""

    id: str = Field(examples=["po_0199c1d27f3a7e5d8c7b8a9f0e1d2c3b"])
    object: Literal["payout"] = "payout"
    livemode: bool
    status: Status
    amount: int
    currency: str
    method: Literal["daily", "on_demand"]
    date: str = Field(description="the day in your time zone", json_schema_extra={"format": "date"})
    destination: str | None
    rail: str
    rail_reference: str | None
    failure_code: str | None = Field(description="why the rail refused; the money is available again")
    created_at: str = Field(json_schema_extra={"format": "date-time"})
    updated_at: str = Field(json_schema_extra={"format": "date-time"})


class Maturity(ResponseModel):
    """Captured money that became available, all at once."""

    id: str
    object: Literal["maturity"] = "maturity"
    livemode: bool
    amount: int
    currency: str
    items: int = Field(description="how many captures, refunds and the like it is the sum of")
    created_at: str = Field(json_schema_extra={"format": "date-time"})


class PayoutItem(ResponseModel):
    """What a payout is made of: one ledger transaction that changed what you are owed."""

    id: str = Field(description="of the ledger transaction", examples=["txn_0199c1d27f3a7e5d8c7b8a9f0e1d2c3b"])
    object: Literal["payout_item"] = "payout_item"
    livemode: bool
    kind: ItemKind
    payment: str | None
    operation: str | None
    amount: int = Field(description="after fees; negative is owed by you")
    currency: str
    booked_at: str = Field(json_schema_extra={"format": "date-time"})
    available_at: str = Field(json_schema_extra={"format": "date-time"})
