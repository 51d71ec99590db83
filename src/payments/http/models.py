"""Bases of request and response models."""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from ipaddress import ip_address
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from payments.http.lists import Cursor
from shared.card_numbers import contains_card_number

T = TypeVar("T")
_YEARS = range(1970, 2200)


def _storable(text: str) -> str:
    if "\x00" in text:
        kind = "text_nul"
        raise PydanticCustomError(kind, "NUL characters are not allowed")
    return text


def _no_card_number(text: str) -> str:
    if contains_card_number(text):
        kind = "card_number"
        raise PydanticCustomError(
            kind, "This looks like a card number; card numbers go to POST /v1/payment_methods and nowhere else"
        )
    return text


def _ip(text: str) -> str:
    try:
        address = ip_address(text)
    except ValueError:
        kind = "ip_address"
        raise PydanticCustomError(kind, "Expected an IPv4 or IPv6 address") from None
    # The same host, however it was written: velocity and block lists must not depend on it.
    return str(getattr(address, "ipv4_mapped", None) or address)


def _moment(value: object) -> datetime:
    """Return the moment that an RFC 3339 text names.

    Raises:
        ValueError: it is not one, or says no time zone; a number is not one either.

    """
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ValueError("Expected a time with its zone, for example 2026-11-20T15:00:00Z")
    return moment


def _near(moment: datetime) -> datetime:
    if moment.year not in _YEARS:
        raise ValueError(f"Expected a time between the years {_YEARS[0]} and {_YEARS[-1]}")
    return moment


def _day(value: object) -> date:
    if not isinstance(value, str) or not re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        raise ValueError("Expected a date, for example 2026-11-20")
    return date.fromisoformat(value)


NoCardNumber = AfterValidator(_no_card_number)
SafeText = Annotated[
    str,
    AfterValidator(_storable),
    NoCardNumber,
    Field(json_schema_extra={"pattern": "^[^\u0000]*$"}),
]
SafeLine = Annotated[SafeText, Field(min_length=1, max_length=255)]
IpAddress = Annotated[
    str,
    Field(max_length=45, json_schema_extra={"anyOf": [{"format": "ipv4"}, {"format": "ipv6"}]}),
    AfterValidator(_ip),
]
Moment = Annotated[
    datetime,
    BeforeValidator(_moment),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-11-20T15:00:00Z"]}),
]
# One that is stored, and that other systems will have to read.
NearMoment = Annotated[Moment, AfterValidator(_near)]
Day = Annotated[date, BeforeValidator(_day), WithJsonSchema({"type": "string", "format": "date"})]
CountryCode = Annotated[str, Field(pattern=r"^[A-Z]{2}$", description="ISO 3166-1 alpha-2", examples=["DE"])]


def rfc3339(moment: datetime) -> str:
    """Return a moment in UTC with milliseconds, for example ``2026-01-31T09:30:00.000Z``."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Timestamp = Annotated[AwareDatetime, PlainSerializer(rfc3339, return_type=str, when_used="json")]


class StrictModel(BaseModel):
    """A request body: no coercion, no unknown fields, and nothing of it in error messages."""

    model_config = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True, frozen=True)


class ResponseModel(BaseModel):
    """A response body."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Page(ResponseModel, Generic[T]):
    """One page of a list, newest first; go on with ``starting_after`` = the last id."""

    object: Literal["list"] = "list"
    url: str
    has_more: bool
    data: list[T]


def page(url: str, rows: Sequence[Any], place: Cursor) -> dict[str, Any]:
    """Return a page from up to ``limit + 1`` rows; the extra one only tells that there are more.

    Going back (``ending_before``), the extra row is the first: it is the one farthest from the cursor.
    """
    extra = len(rows) > place.limit
    kept = rows[1:] if extra and place.ending_before is not None else rows[: place.limit]
    return {"object": "list", "url": url, "has_more": extra, "data": kept}
