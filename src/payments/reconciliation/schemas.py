"""Shapes of reconciliations."""

from typing import Literal

from pydantic import Field

from payments.http.models import ResponseModel
from payments.reconciliation.settlement_file import Type


class Difference(ResponseModel):
    """Something that is not the same on both sides."""

    result: Literal["amount_differs", "extra", "missing"]
    line: int | None
    type: Type
    key: str
    amount: int | None = Field(description="what the acquirer says")
    expected: int | None = Field(description="what we expected")
    currency: str
    payment: str | None


class Reconciled(ResponseModel):
    """What became of an acquirer's settlement file."""

    id: str
    object: Literal["reconciliation"] = "reconciliation"
    livemode: bool
    acquirer: str
    settlement_id: str
    covers_until: str = Field(json_schema_extra={"format": "date-time"})
    lines: int
    matched: int
    amount_differs: int
    extra: int
    missing: int = Field(description="ours, before covers_until, and in no file yet")
    resolved: int = Field(description="outcomes that were unknown until this file")
    net: dict[str, int] = Field(description="what reached our bank, per currency")
    differences: list[Difference] = Field(description="the first thousand of each kind")
    created_at: str = Field(json_schema_extra={"format": "date-time"})
