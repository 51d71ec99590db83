"""Shapes of the audit log."""

from typing import Any, Literal

from pydantic import Field

from payments.http.models import ResponseModel, SafeLine, StrictModel, Timestamp


class AuditEntry(ResponseModel):
    """One change: who, what, when, from where, before and after."""

    id: str = Field(examples=["aud_0000000000000000000000000000002a"])
    object: Literal["audit_entry"] = "audit_entry"
    sequence: int = Field(description="without gaps")
    recorded_at: Timestamp
    actor: str = Field(description="the person, or the role of the database where nobody was logged in")
    kind: str
    roles: list[str]
    address: str | None = Field(description="where the request came from")
    request_id: str | None
    route: str | None
    action: str = Field(examples=["update"])
    changed: str = Field(description="what kind of thing", examples=["merchants"])
    target: str = Field(description="which one", examples=["0199c1d2-7f3a-7e5d-8c7b-8a9f0e1d2c3b"])
    before: Any
    after: Any
    hash: str = Field(description="SHA-256 over the hash before it and this entry, hexadecimal")


class AuditRecord(StrictModel):
    """What the gateway did for a person."""

    actor: SafeLine
    roles: list[str]
    address: str | None
    request_id: str | None
    route: SafeLine
    action: SafeLine
    changed: SafeLine
    target: SafeLine
    before: Any = None
    after: Any = None
