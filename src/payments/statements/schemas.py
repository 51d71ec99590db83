"""Shapes of statements."""

from typing import Literal

from pydantic import Field

from payments.http.models import ResponseModel

MovementKind = Literal[
    "capture",
    "refund",
    "dispute",
    "dispute_reversal",
    "dispute_fee",
    "adjustment",
    "payout",
    "payout_failure",
]


class StatementTotal(ResponseModel):
    """All movements of one kind."""

    kind: MovementKind
    count: int
    amount: int = Field(description="after fees; negative is less owed to you")
    fee: int = Field(description="what of it the platform kept; negative was returned")


class Statement(ResponseModel):
    """What you were owed, pending and available together: ``opening`` plus every movement is ``closing``."""

    object: Literal["statement"] = "statement"
    livemode: bool
    currency: str
    time_zone: str
    from_date: str = Field(alias="from", json_schema_extra={"format": "date"})
    until_date: str = Field(alias="until", description="inclusive", json_schema_extra={"format": "date"})
    opening: int
    closing: int
    totals: list[StatementTotal]
    csv: str = Field(description="where every single movement is")
