"""Files of exchange rates: the ECB's eurofxref XML, daily and history, and CSV. Read whole, refused whole.

XML is read with expat from the standard library. Whatever could expand or be fetched (entities, external subsets) has
to be declared in a document type, so a file that has one is refused where it begins; that needs no further library, and
unlike a parsed tree expat knows the line of every error.
"""

import csv
import io
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any, NamedTuple
from xml.parsers.expat import ExpatError, ParserCreate
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from payments.fx.schemas import NewRate, RatePut
from payments.http.models import NearMoment
from payments.money import EXPONENTS

# Ten times the ECB's whole history, which has grown since 1999.
MAX_BYTES = 100_000_000
_MOST_PROBLEMS = 20
_COLUMNS = ["base", "quote", "rate", "effective_at", "source"]

# The ECB names days only; it publishes at about 16:00 in Frankfurt.
_PUBLISHED = time(16, tzinfo=ZoneInfo("Europe/Berlin"))


class RateFileError(ValueError):
    """A file that cannot be imported; one line per problem."""


class RateFile(NamedTuple):
    """What a file holds.

    Shapes:
        skipped: currencies of the ECB's history that ISO 4217 has withdrawn.
    """

    rates: list[NewRate]
    skipped: list[str]


class _Line(RatePut):
    """A rate as a file states it: with its time."""

    effective_at: NearMoment


class _Problems:
    """Collects what is wrong, line by line, and ends reading when it is too much."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def add(self, line: int, text: str) -> None:
        self._lines.append(f"line {line}: {text}")
        if len(self._lines) == _MOST_PROBLEMS:
            self._lines.append("and perhaps more")
            self.check()

    def check(self) -> None:
        if self._lines:
            raise RateFileError("\n".join(self._lines))


class _Rates:
    """Checks rates one by one, as the API does, and that no two contradict each other."""

    def __init__(self) -> None:
        self.problems = _Problems()
        self.rates: list[NewRate] = []
        self._lines: dict[tuple[str, str, datetime, str], int] = {}

    def add(self, line: int, fields: dict[str, Any]) -> None:
        try:
            rate = _Line.model_validate(fields)
        except ValidationError as error:
            for entry in error.errors(include_input=False, include_url=False):
                name = "".join(f"{part}: " for part in entry["loc"])
                self.problems.add(line, name + entry["msg"].removeprefix("Value error, "))
            return
        first = self._lines.setdefault((rate.base, rate.quote, rate.effective_at, rate.source), line)
        if first != line:
            self.problems.add(line, f"The same pair, moment and source as in line {first}")
            return
        self.rates.append(NewRate(rate.base, rate.quote, rate.rate, rate.effective_at, rate.source))

    def read(self, skipped: set[str]) -> RateFile:
        self.problems.check()
        if not self.rates:
            raise RateFileError("there are no rates in it")
        return RateFile(self.rates, sorted(skipped))


def read_rates(path: Path) -> RateFile:
    """Read a file; what it is, its first character says.

    Raises:
        RateFileError: it is not one of these files, or not right; nothing of it may be used.

    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise RateFileError(error.strerror or str(error)) from error
    if len(content) > MAX_BYTES:
        raise RateFileError(f"it is larger than {MAX_BYTES // 1_000_000} MB")
    content = content.removeprefix(b"\xef\xbb\xbf")
    return _read_ecb(content) if content.lstrip()[:1] == b"<" else _read_csv(content)


def _read_csv(content: bytes) -> RateFile:
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise RateFileError(f"line {line}: it is not UTF-8") from error
    found = _Rates()
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    for number, row in _rows(reader, found.problems):
        if number == 1:
            if row != _COLUMNS:
                raise RateFileError(f"line 1: Expected the columns {','.join(_COLUMNS)}")
        elif len(row) != len(_COLUMNS):
            found.problems.add(number, f"Expected {len(_COLUMNS)} columns and found {len(row)}")
        else:
            found.add(number, dict(zip(_COLUMNS, row, strict=True)))
    return found.read(set())


def _rows(reader: Any, problems: _Problems) -> Iterator[tuple[int, list[str]]]:  # noqa: ANN401 - csv names no type
    try:
        for row in reader:
            if row:
                yield reader.line_num, [cell.strip() for cell in row]
    except csv.Error as error:
        problems.add(reader.line_num, str(error))


def _read_ecb(content: bytes) -> RateFile:
    found, skipped = _Rates(), set[str]()
    day: datetime | None = None
    parser = ParserCreate(namespace_separator=" ")

    def refuse(*_: object) -> None:
        raise RateFileError(f"line {parser.CurrentLineNumber}: document types are not read")

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal day
        if name.rpartition(" ")[2] != "Cube":
            return
        line = parser.CurrentLineNumber
        if "time" in attributes:
            day = _moment(attributes["time"], lambda text: found.problems.add(line, text))
        elif "currency" in attributes or "rate" in attributes:
            currency = attributes.get("currency", "")
            if _withdrawn(currency):
                skipped.add(currency)
            elif day is None:
                found.problems.add(line, "a rate without its day")
            else:
                rate, moment = attributes.get("rate", ""), day.isoformat()
                found.add(
                    line, {"base": "EUR", "quote": currency, "rate": rate, "effective_at": moment, "source": "ecb"}
                )

    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = start
    try:
        parser.Parse(content, True)  # noqa: FBT003 - expat takes no keywords
    except ExpatError as error:
        raise RateFileError(f"line {error.lineno}: it is not well-formed XML") from error
    return found.read(skipped)


def _moment(day: str, complain: Callable[[str], None]) -> datetime | None:
    try:
        return datetime.combine(datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC).date(), _PUBLISHED)
    except ValueError:
        complain("time: Expected a day, for example 2026-11-20")
        return None


def _withdrawn(currency: str) -> bool:
    shaped = len(currency) == 3 and currency.isascii() and currency.isalpha() and currency.isupper()  # noqa: PLR2004
    return shaped and currency not in EXPONENTS
