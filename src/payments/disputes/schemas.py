"""Shapes of disputes."""

from typing import Annotated, Literal

from pydantic import Field

from payments.disputes.states import Status
from payments.http.models import ResponseModel, SafeLine, SafeText, StrictModel


class Document(StrictModel):
    """What describes a document; the file itself stays with you, for the acquirer to ask for."""

    kind: Literal["receipt", "shipping", "communication", "policy", "service", "other"]
    name: SafeLine = Field(examples=["delivery-note.pdf"])
    media_type: SafeLine = Field(examples=["application/pdf"])
    size: int = Field(ge=1, le=50_000_000, description="bytes")
    sha256: str = Field(pattern="^[0-9a-f]{64}$", description="of the file, so that nobody can exchange it later")


class EvidenceCreate(StrictModel):
    """Why the money is yours. It replaces what was saved before, until it is handed in."""

    text: Annotated[SafeText, Field(min_length=1, max_length=20_000)]
    documents: list[Document] = Field(default=[], max_length=20)
    submit: bool = Field(default=False, description="hand it in; afterwards nothing can be changed")


class Evidence(ResponseModel):
    """What a merchant says, and which documents prove it."""

    text: str
    documents: list[Document]


class DisputeStep(ResponseModel):
    """One change of a dispute."""

    at: str = Field(json_schema_extra={"format": "date-time"})
    from_status: Status | None = Field(alias="from")
    to_status: Status = Field(alias="to")
    cause: str


class Dispute(ResponseModel):
    """Money that a cardholder's bank took back; amounts in minor units of the payment's currency."""

    id: str = Field(examples=["dsp_0199c1d27f3a7e5d8c7b8a9f0e1d2c3b"])
    object: Literal["dispute"] = "dispute"
    livemode: bool
    payment: str
    status: Status
    reason: str
    amount: int = Field(description="what the cardholder disputes")
    amount_withheld: int = Field(description="what was taken from you: not what is refunded already")
    currency: str
    fee: int = Field(description="charged when it was opened, returned when you win")
    fee_currency: str
    evidence: Evidence | None
    respond_by: str | None = Field(json_schema_extra={"format": "date-time"})
    timeline: list[DisputeStep]
    created_at: str = Field(json_schema_extra={"format": "date-time"})
    updated_at: str = Field(json_schema_extra={"format": "date-time"})
