"""Shapes of adjustments."""

from typing import Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from payments.http.models import ResponseModel, SafeLine, StrictModel, Timestamp
from payments.money import Amount, Currency

# `merchant` is what the platform owes a merchant; the others are the platform's own.
Side = Literal["merchant", "suspense", "platform_fees", "acquirer_fees", "platform_bank"]
Status = Literal["proposed", "posted", "rejected"]


class AdjustmentCreate(StrictModel):
    """A correction to be approved by somebody else."""

    livemode: bool
    amount: Amount
    currency: Currency
    debit: Side = Field(description="a debit of `merchant` takes from what it is owed")
    credit: Side = Field(description="a credit of `merchant` adds to what it is owed")
    merchant: str | None = Field(default=None, pattern="^mer_[0-9a-f]{32}$", description="for the side `merchant`")
    reason: SafeLine

    @model_validator(mode="after")
    def _two_sides(self) -> "AdjustmentCreate":
        kind = "adjustment_sides"
        if self.debit == self.credit:
            raise PydanticCustomError(kind, "Expected debit and credit to differ")
        if ("merchant" in (self.debit, self.credit)) != (self.merchant is not None):
            raise PydanticCustomError(kind, "Expected merchant exactly when it is one of the two sides")
        return self


class Adjustment(ResponseModel):
    """A correction, as the people of the platform see it."""

    id: str = Field(examples=["adj_0199c1d27f3a7e5d8c7b8a9f0e1d2c3b"])
    object: Literal["adjustment"] = "adjustment"
    livemode: bool
    status: Status
    amount: int
    currency: str
    debit: Side
    credit: Side
    merchant: str | None
    reason: str
    proposed_by: str
    decided_by: str | None
    decided_at: Timestamp | None
    transaction: str | None
    created_at: Timestamp


class MerchantAdjustment(ResponseModel):
    """A correction of what a merchant is owed, as the merchant sees it."""

    id: str
    object: Literal["adjustment"] = "adjustment"
    livemode: bool
    amount: int = Field(description="positive is more owed to you")
    currency: str
    reason: str
