"""docs/APPLICATIONS.md as the tests read it: tables between markers, and commands with what they answer."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

PROJECT = Path(__file__).parents[2]
PAGE = PROJECT / "docs" / "APPLICATIONS.md"
ANY_ID = UUID(int=0)

FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_ANYTHING = "…"


@dataclass
class Example:
    """Commands, and the blocks that say what they answer.

    Shapes:
        expected: (language, text) of the ``json`` and ``text`` blocks up to the next commands.
    """

    commands: str
    expected: list[tuple[str, str]] = field(default_factory=list)


def text() -> str:
    return PAGE.read_text(encoding="utf-8")


def examples(page: str) -> list[Example]:
    """Return the ``sh`` blocks in order."""
    found: list[Example] = []
    for language, content in FENCE.findall(page):
        if language == "sh":
            found.append(Example(content))
        elif found and language in ("json", "text"):
            found[-1].expected.append((language, content))
    return found


def table(page: str, name: str) -> list[list[str]]:
    """Return the cells of the rows between two markers, without the header."""
    block = re.search(rf"<!-- {name} -->\n(.*?)<!-- /{name} -->", page, re.DOTALL)
    assert block, f"the page has no table {name}"
    rows = [re.split(r" *(?<!\\)\| *", line.strip("| ")) for line in block[1].strip().splitlines()]
    return rows[2:]


def bare(cell: str) -> str:
    """Return the content of a code span."""
    return cell.strip("`")


def last_answer(output: str) -> Any:
    """Return the last JSON document in what commands printed."""
    decoder, documents, place = json.JSONDecoder(), [], 0
    while (place := output.find("{", place)) >= 0:
        try:
            document, place = decoder.raw_decode(output, place)
            documents.append(document)
        except ValueError:
            place += 1
    assert documents, f"no JSON in: {output}"
    return documents[-1]


def differences(expected: Any, found: Any, place: str = "") -> list[str]:
    """Return where an answer is not what the page shows.

    Fields the page leaves out do not matter; ``…`` alone is any value, or any further entries at the end of a list, and
    within a text any text.
    """
    if expected == _ANYTHING:
        return []
    if isinstance(expected, dict) and isinstance(found, dict):
        lost = [f"{place}/{name} is missing" for name in expected if name not in found]
        shared = (name for name in expected if name in found)
        return [
            *lost,
            *(each for name in shared for each in differences(expected[name], found[name], f"{place}/{name}")),
        ]
    if isinstance(expected, list) and isinstance(found, list):
        open_end = expected[-1:] == [_ANYTHING]
        wanted = expected[:-1] if open_end else expected
        if len(found) < len(wanted) or (len(found) > len(wanted) and not open_end):
            return [f"{place} has {len(found)} entries: {found}"]
        pairs = enumerate(zip(wanted, found, strict=False))
        return [each for at, (want, have) in pairs for each in differences(want, have, f"{place}/{at}")]
    if isinstance(expected, str) and isinstance(found, str) and matches(expected, found):
        return []
    return [] if type(expected) is type(found) and expected == found else [f"{place} is {found!r}, not {expected!r}"]


def matches(expected: str, found: str) -> bool:
    """Return whether a text is what the page shows, with ``…`` for any text."""
    return re.fullmatch(".*".join(map(re.escape, expected.split(_ANYTHING))), found) is not None
