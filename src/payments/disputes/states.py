"""The dispute's state machine, in one table.

A dot is an illegal transition. The letters name what causes a legal one:

    M  the merchant responds: hands in its evidence, or gives in
    A  the acquirer says so
    R  the acquirer refuses the response
"""

from typing import Literal, get_args

Status = Literal["needs_response", "responding", "under_review", "won", "lost"]
STATUSES: tuple[Status, ...] = get_args(Status)

_TABLE = """
from \\ to       needs_response  responding  under_review  won  lost
needs_response         .              M            A         A    A
responding             R              .            A         A    A
under_review           .              .            .         A    A
won                    .              .            .         .    .
lost                   .              .            .         .    .
"""


def _parse(table: str) -> dict[tuple[str, str], str]:
    header, *rows = [line.split() for line in table.strip().splitlines()]
    return {(row[0], to): cause for row in rows for to, cause in zip(header[3:], row[1:], strict=True)}


# Every pair of states: "." or the letter of its cause.
TRANSITIONS: dict[tuple[str, str], str] = _parse(_TABLE)


def may_become(source: str, target: str) -> bool:
    """Return whether a transition is legal."""
    return TRANSITIONS[source, target] != "."
