"""What makes a card acceptable: number, expiry and CVC. Pure, and silent about the values it refuses."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone

from shared.card_numbers import Brand, brand_of, passes_luhn
from shared.problems import FieldError, Problem

_NUMBER = re.compile(r"[0-9]+(?:[ -][0-9]+)*")
_LONGEST_INPUT = 40  # 19 digits, a separator between each two, and some slack
_CVC = re.compile(r"[0-9]{3,4}")
_FIRST_YEAR = 1950  # there were no cards before; an earlier year is a year in two digits
_FURTHEST_YEARS = 50


@dataclass(frozen=True, slots=True)
class Card:
    """A card that passed every check; the number has digits only."""

    number: str = field(repr=False)
    brand: Brand
    exp_month: int
    exp_year: int


def read_card(*, number: str, exp_month: int, exp_year: int, cvc: str, today: date) -> Card:
    """Return the card, with spaces and dashes taken out of its number. The CVC is looked at and forgotten.

    Shapes:
        exp_month, exp_year: 1 to 12, and four digits.

    Raises:
        Problem: 422 that points at every field that is wrong.

    """
    digits = _digits_of(number)
    brand = brand_of(digits) if digits else None
    errors = [*_number_errors(digits, brand), *_cvc_errors(cvc, brand), *_expiry_errors(exp_month, exp_year, today)]
    if errors or brand is None:
        raise Problem(422, "validation_failed", "The card is not valid; see errors.", errors=errors)
    return Card(digits, brand, exp_month, exp_year)


def has_expired(exp_month: int, exp_year: int, today: date) -> bool:
    """Return whether the last day of the card's month has passed."""
    return (exp_year, exp_month) < (today.year, today.month)


def last_place_on_earth() -> date:
    """Return today's date where the day ends last: a card is good until its month is over everywhere."""
    return datetime.now(UTC).astimezone(timezone(timedelta(hours=-12))).date()


def _digits_of(number: str) -> str:
    """Return the digits, or nothing at all if anything but digits and separators between them is in the text."""
    well_formed = len(number) <= _LONGEST_INPUT and _NUMBER.fullmatch(number.strip(" "))
    return re.sub("[ -]", "", number) if well_formed else ""


def _number_errors(digits: str, brand: Brand | None) -> Iterator[FieldError]:
    if not digits:
        yield FieldError("Expected the digits of a card number, with or without spaces or dashes", "/number")
    elif brand is None:
        yield FieldError("The number belongs to no card brand that is accepted here", "/number")
    elif len(digits) not in brand.lengths:
        lengths = " or ".join(map(str, brand.lengths))
        yield FieldError(f"A {brand.name} number has {lengths} digits", "/number")
    elif not passes_luhn(digits):
        yield FieldError("The check digit does not fit: a digit is wrong or two are swapped", "/number")


def _cvc_errors(cvc: str, brand: Brand | None) -> Iterator[FieldError]:
    if not _CVC.fullmatch(cvc):
        yield FieldError("Expected a CVC of 3 digits, 4 for American Express", "/cvc")
    elif brand is not None and len(cvc) != brand.cvc_length:
        yield FieldError(f"The CVC of this brand ({brand.name}) has {brand.cvc_length} digits", "/cvc")


def _expiry_errors(exp_month: int, exp_year: int, today: date) -> Iterator[FieldError]:
    if not 1 <= exp_month <= 12:  # noqa: PLR2004 - months of a year
        yield FieldError("Expected a month from 1 to 12", "/exp_month")
    if not _FIRST_YEAR <= exp_year <= today.year + _FURTHEST_YEARS:
        yield FieldError(f"Expected a year in four digits, at most {_FURTHEST_YEARS} years ahead", "/exp_year")
    elif exp_year < today.year:
        yield FieldError("The card has expired", "/exp_year")
    elif has_expired(exp_month, exp_year, today):
        yield FieldError("The card has expired", "/exp_month")
