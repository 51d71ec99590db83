"""Bases of request and response models."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer
from pydantic_core import PydanticCustomError

from payments.http.lists import Cursor
from shared.card_numbers import contains_card_number

T = TypeVar("T")


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


SafeText = Annotated[str, AfterValidator(_storable), AfterValidator(_no_card_number)]
SafeLine = Annotated[SafeText, Field(min_length=1, max_length=255)]
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
