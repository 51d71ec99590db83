"""The format of settlement files: CSV in UTF-8, one line for each thing that an acquirer settled.

settlement_id  the acquirer's name of the settlement, the same in every line
acquirer       our name of the connector, the same in every line
livemode       true or false, the same in every line
covers_until   RFC 3339; what happened before is in this file or in an earlier one; the same in every line
line           a number, once per file
type           capture, refund, dispute or dispute_reversal
key            the key we gave the request: 32 hexadecimal digits; for disputes the acquirer's name of the dispute
reference      the acquirer's name of it
amount         minor units, without a sign
fee            what the acquirer keeps for it, minor units; negative when it is returned
currency       ISO 4217, of amount and fee
settled_at     RFC 3339; when it reached, or left, our bank
"""

import csv
import hashlib
import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from payments.money import MAX_AMOUNT, Currency

Type = Literal["capture", "refund", "dispute", "dispute_reversal"]
# What moves money from our bank, and not to it.
TAKEN_BACK: frozenset[Type] = frozenset(("refund", "dispute"))
_WHOLE_FILE = ("settlement_id", "acquirer", "livemode", "covers_until")
_SHOWN_ERRORS = 20
_DIGITS = re.compile(r"-?[0-9]{1,12}")
# Only digits: reading 10.00 as ten would make a euro of every cent.
_Whole = Annotated[int, BeforeValidator(lambda text: text if _DIGITS.fullmatch(str(text)) else None)]
_Name = Annotated[str, Field(min_length=1, max_length=255)]


class SettlementFileError(Exception):
    """The file is not what it should be; the message says where and why."""


class SettlementLine(BaseModel):
    """One line of a file."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    settlement_id: _Name
    acquirer: _Name
    livemode: bool
    covers_until: AwareDatetime
    line: _Whole = Field(ge=1)
    type: Type
    key: _Name
    reference: _Name
    amount: _Whole = Field(gt=0, le=MAX_AMOUNT)
    fee: _Whole = Field(ge=-MAX_AMOUNT, le=MAX_AMOUNT)
    currency: Currency
    settled_at: AwareDatetime

    @property
    def sign(self) -> int:
        """Return 1 for what reaches our bank, -1 for what leaves it."""
        return -1 if self.type in TAKEN_BACK else 1


class SettlementFile(BaseModel):
    """A whole file."""

    settlement_id: str
    acquirer: str
    livemode: bool
    covers_until: datetime
    sha256: bytes
    lines: Sequence[SettlementLine]


COLUMNS = tuple(SettlementLine.model_fields)


def read(path: Path) -> SettlementFile:
    """Read a file, all of it or nothing.

    Raises:
        SettlementFileError: it cannot be read, or a line is not right.

    """
    try:
        content = path.read_bytes()
        rows = list(csv.DictReader(content.decode("utf-8-sig").splitlines()))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SettlementFileError(f"it cannot be read: {error}") from error
    if not rows:
        raise SettlementFileError("it has no lines; expected a header and at least one line")
    if missing := [name for name in COLUMNS if name not in rows[0]]:
        raise SettlementFileError(f"the header lacks {', '.join(missing)}")
    lines, errors = [], []
    for number, row in enumerate(rows, start=2):
        try:
            lines.append(SettlementLine.model_validate(row))
        except ValidationError as error:
            errors += [f"row {number}: {'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
    if not errors:
        errors = list(_contradictions(lines))
    if errors:
        more = [f"and {len(errors) - _SHOWN_ERRORS} more"] if len(errors) > _SHOWN_ERRORS else []
        raise SettlementFileError("\n".join([*errors[:_SHOWN_ERRORS], *more]))
    first = lines[0]
    whole = {name: getattr(first, name) for name in _WHOLE_FILE}
    return SettlementFile(**whole, sha256=hashlib.sha256(content).digest(), lines=lines)


def write(path: Path, lines: Sequence[SettlementLine]) -> None:
    """Write a file."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(line.model_dump(mode="json") for line in lines)


def _contradictions(lines: Sequence[SettlementLine]) -> list[str]:
    found = [
        f"row {number}: {name} is not the one of the first line"
        for number, line in enumerate(lines, start=2)
        for name in _WHOLE_FILE
        if getattr(line, name) != getattr(lines[0], name)
    ]
    numbers = [line.line for line in lines]
    if len(set(numbers)) != len(numbers):
        found.append("a line number is there twice")
    return found
