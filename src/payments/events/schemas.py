"""Events as they are read: by clients, by streams, by webhooks."""

from datetime import datetime
from typing import Any, Generic, Literal, NamedTuple, TypeVar
from uuid import UUID

import msgspec
from pydantic import Field

from payments.http.models import ResponseModel, Timestamp, rfc3339
from shared.ids import show

T = TypeVar("T")


class Stream(NamedTuple):
    """Whose events: each merchant has one sequence per mode."""

    merchant_id: UUID
    livemode: bool


class Heading(NamedTuple):
    """Which event has which number."""

    sequence: int
    id: UUID
    type: str


class Stored(NamedTuple):
    """An event that has its number; ``data`` is JSON."""

    id: UUID
    merchant_id: UUID
    livemode: bool
    type: str
    version: int
    sequence: int
    data: str
    created_at: datetime

    @property
    def shown_id(self) -> str:
        """The public id."""
        return show("evt", self.id)

    def show(self) -> bytes:
        """Return the public event as JSON: the same bytes for every reader."""
        return msgspec.json.encode(
            {
                "id": self.shown_id,
                "object": "event",
                "livemode": self.livemode,
                "type": self.type,
                "version": self.version,
                "sequence": self.sequence,
                "created_at": rfc3339(self.created_at),
                "data": msgspec.Raw(self.data.encode()),
            }
        )


class EventOf(ResponseModel, Generic[T]):
    """Something that happened; ``data`` is the object as it was right afterwards."""

    id: str = Field(examples=["evt_0199c1d27f3a7e5d8c7b8a9f0e1d2c3b"])
    object: Literal["event"] = "event"
    livemode: bool
    type: str = Field(examples=["payment.captured"])
    version: int = Field(description="of the schema of data; a new optional field does not change it")
    sequence: int = Field(description="1, 2, 3, … for your key's merchant and mode; the cursor of every reader")
    created_at: Timestamp
    data: T


Event = EventOf[dict[str, Any]]


class EventPage(ResponseModel):
    """Events after a cursor, oldest first."""

    object: Literal["list"] = "list"
    url: str
    has_more: bool
    after: int = Field(description="send this as ``after`` to go on from here")
    data: list[Event]
