"""Shapes of the vault: what clients send and see, and what other features are given."""

import hmac
from typing import Literal, NoReturn
from uuid import UUID

import msgspec
from pydantic import Field, SecretStr
from pydantic.config import JsonDict

from payments.http.models import ResponseModel, SafeText, StrictModel, Timestamp
from shared.card_numbers import BrandName

_NUMBER_HINT: JsonDict = {"minLength": 13, "maxLength": 40, "pattern": "^[0-9 -]+$"}


class PaymentMethodCreate(StrictModel):
    """A card to be tokenized. What each field must hold beyond its type is checked together, in ``cards.read_card``."""

    number: SecretStr = Field(
        description="digits, with or without spaces or dashes; encrypted, and never shown again",
        examples=["4242424242424242"],
        json_schema_extra=_NUMBER_HINT,
    )
    exp_month: int = Field(ge=1, le=12, examples=[12])
    exp_year: int = Field(
        description="four digits", examples=[2034], json_schema_extra={"minimum": 1950, "maximum": 2099}
    )
    cvc: SecretStr = Field(
        description="3 digits, 4 for American Express; its form is checked, then it is forgotten",
        examples=["123"],
        json_schema_extra={"pattern": "^[0-9]{3,4}$"},
    )
    name: SafeText | None = Field(
        default=None, min_length=1, max_length=200, description="the cardholder's", examples=["Jane Doe"]
    )


class CardShown(ResponseModel):
    """What may be shown of a card."""

    brand: BrandName
    last4: str
    bin: str = Field(description="the first six digits, which name the issuer")
    exp_month: int
    exp_year: int
    name: str | None
    fingerprint: str = Field(description="the same for the same number in the same mode, whoever tokenized it")
    fingerprint_key_id: str = Field(description="fingerprints compare only under the same key")


class PaymentMethod(ResponseModel):
    """A tokenized card."""

    id: str = Field(examples=["pm_0199c1d27f3a7e5d8c7b8a9f0e1d2c3b"])
    object: Literal["payment_method"] = "payment_method"
    livemode: bool
    type: Literal["card"] = "card"
    card: CardShown
    created_at: Timestamp


class PaymentMethodDeleted(ResponseModel):
    """The answer to a deletion."""

    id: str
    object: Literal["payment_method"] = "payment_method"
    deleted: Literal[True] = True


class CardToken(msgspec.Struct, frozen=True, gc=False):
    """A tokenized card as other features may know it; the number stays behind.

    Shapes:
        bin: the first six digits.
        fingerprint: hex; equal for equal numbers of one mode, under one key.
        test_scenario: what the sandbox plays for a test card; None approves.
    """

    id: UUID
    merchant_id: UUID
    livemode: bool
    brand: str
    last4: str
    bin: str
    exp_month: int
    exp_year: int
    fingerprint: str
    test_scenario: str | None


class PrimaryAccountNumber:
    """A card number on its way to an acquirer: it cannot be printed, logged or serialized by accident."""

    __slots__ = ("_digits",)

    def __init__(self, digits: str) -> None:
        """Hold the digits."""
        self._digits = digits

    def reveal(self) -> str:
        """Return the digits; only a connector that puts them on the wire calls this."""
        return self._digits

    def __repr__(self) -> str:
        """Return a placeholder, also for ``str()`` and f-strings."""
        return "PrimaryAccountNumber(***)"

    def __eq__(self, other: object) -> bool:
        """Compare in a time that says nothing about the digits."""
        return isinstance(other, PrimaryAccountNumber) and hmac.compare_digest(self._digits, other._digits)

    __hash__ = None  # type: ignore[assignment]  # a hash of so few possible numbers would give them away

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled or copied."""
        raise TypeError("a card number is kept in memory only")
