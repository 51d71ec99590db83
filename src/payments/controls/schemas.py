"""Shapes of pauses."""

from typing import Literal

from pydantic import Field

from payments.http.models import ResponseModel, SafeLine, StrictModel, Timestamp

PauseKind = Literal["merchant", "acquirer", "mode"]


class PausePut(StrictModel):
    """Why something is paused."""

    reason: SafeLine = Field(description="for whoever wonders later; clients are not told")


class Pause(ResponseModel):
    """What is paused: no payment, capture or refund begins there. Voids go on, and so does what has begun."""

    object: Literal["pause"] = "pause"
    kind: PauseKind
    subject: str = Field(description="mer_…, the name of an acquirer, or test or live")
    reason: str
    created_by: str
    created_at: Timestamp
