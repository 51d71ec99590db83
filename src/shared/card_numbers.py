"""What a card number looks like, so that the vault can check one and every other place can refuse or mask one.

Ranges and lengths are those the schemes publish; where two schemes share a range (622126 to 622925), the issuer's wins.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal
from unicodedata import decimal

BrandName = Literal["visa", "mastercard", "amex", "discover", "diners", "jcb", "unionpay", "maestro"]
MASK = "[card number]"


@dataclass(frozen=True, slots=True)
class Brand:
    """A card scheme: the lengths of its numbers, and how many digits its CVC has."""

    name: BrandName
    lengths: range | tuple[int, ...]
    cvc_length: int = 3


VISA = Brand("visa", (13, 16, 19))
MASTERCARD = Brand("mastercard", (16,))
AMEX = Brand("amex", (15,), cvc_length=4)
DISCOVER = Brand("discover", range(16, 20))
DINERS = Brand("diners", range(14, 20))
JCB = Brand("jcb", range(16, 20))
UNIONPAY = Brand("unionpay", range(16, 20))
# Maestro once had 12 digits; those are out of circulation, and texts are full of harmless 12-digit numbers.
MAESTRO = Brand("maestro", range(13, 20))

# First and last six-digit prefix of each range, ascending.
_RANGES: tuple[tuple[int, int, Brand], ...] = (
    (222100, 272099, MASTERCARD),
    (300000, 305999, DINERS),
    (309500, 309599, DINERS),
    (340000, 349999, AMEX),
    (352800, 358999, JCB),
    (360000, 369999, DINERS),
    (370000, 379999, AMEX),
    (380000, 399999, DINERS),
    (400000, 499999, VISA),
    (501800, 501899, MAESTRO),
    (502000, 502099, MAESTRO),
    (503800, 503899, MAESTRO),
    (510000, 559999, MASTERCARD),
    (589300, 589399, MAESTRO),
    (601100, 601199, DISCOVER),
    (620000, 629999, UNIONPAY),
    (630400, 630499, MAESTRO),
    (644000, 659999, DISCOVER),
    (675900, 675999, MAESTRO),
    (676100, 676399, MAESTRO),
    (810000, 817199, UNIONPAY),
)
_STARTS = [first for first, _, _ in _RANGES]

_DIGITS = b"0123456789"
_VALUES = bytes.maketrans(_DIGITS, bytes(range(10)))
_DOUBLED = bytes.maketrans(_DIGITS, bytes(sum(divmod(2 * digit, 10)) for digit in range(10)))

# Thirteen digits or more, at most two separators between one and the next: spaces, dots, dashes of any length, and how
# a URL writes a space. Digits of any script count, because whoever reads the text can read them too.
_RUN = re.compile(r"\d(?:(?:[\s.+\u2010-\u2015-]|%20){0,2}\d){12,}")
# The digits of "%20" are part of a separator.
_GROUP = re.compile(r"(?<!%)(?<!%2)\d+")
# What every run matches, ten times faster to refuse.
_ASCII_HINT = re.compile(r"[0-9][0-9\s.+%-]{11,}[0-9]", re.ASCII)
_HINT = re.compile(r"\d[\d\W]{11,}\d")
# A hash or a UUID holds long runs of digits by chance. A card number with some letters around it is shorter than this.
_HEXADECIMAL = re.compile(r"(?<![0-9A-Za-z-])(?=[0-9-]*[A-Fa-f])(?:-?[0-9A-Fa-f]){24,}(?![0-9A-Za-z-])")


def brand_of(digits: str) -> Brand | None:
    """Return the scheme whose range holds the number; its length is not looked at."""
    prefix = int(digits[:6])
    first, last, brand = _RANGES[bisect_right(_STARTS, prefix) - 1]
    return brand if first <= prefix <= last else None


def passes_luhn(digits: str) -> bool:
    """Return whether the last digit is the check digit of the others (ISO/IEC 7812-1, annex B)."""
    text = digits.encode("ascii")
    return (sum(text[::-2].translate(_VALUES)) + sum(text[-2::-2].translate(_DOUBLED))) % 10 == 0


def contains_card_number(text: str) -> bool:
    """Return whether a text holds what a reader would take for a card number: scheme, length and check digit fit."""
    return _worth_a_look(text) and next(_card_numbers(text), None) is not None


def mask_card_numbers(text: str) -> str:
    """Return the text with every card number replaced by ``[card number]``."""
    if not _worth_a_look(text):
        return text
    parts, position = [], 0
    for start, end in _card_numbers(text):
        parts += [text[position:start], MASK]
        position = end
    return "".join([*parts, text[position:]])


def _worth_a_look(text: str) -> bool:
    """Answer no for nearly every text, in well under a microsecond."""
    return (_ASCII_HINT if text.isascii() else _HINT).search(text) is not None


def _card_numbers(text: str) -> Iterator[tuple[int, int]]:
    """Yield where card numbers start and end, in order, none of them overlapping."""
    readable = _HEXADECIMAL.sub(lambda found: "x" * len(found[0]), text)
    for run in _RUN.finditer(readable):
        yield from _card_numbers_in_run(readable, run.start(), run.end())


def _card_numbers_in_run(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Try whole groups only: ``4242 4242 4242 4242 12/30`` is a card and its expiry, not an 18-digit number."""
    digits, begins, ends = "", {}, {}  # begins and ends: number of digits before -> position in the text
    for group in _GROUP.finditer(text, start, end):
        begins[len(digits)] = group.start()
        digits += "".join(str(decimal(digit)) for digit in group[0])
        ends[len(digits)] = group.end()
    after = 0
    for first, position in begins.items():
        brand = brand_of(digits[first:])
        if brand is None or first < after:
            continue
        for length in sorted(brand.lengths, reverse=True):
            after_last = ends.get(first + length)
            if after_last is not None and passes_luhn(digits[first : first + length]):
                yield position, after_last
                after = first + length
                break
