"""The payout's state machine, in one table.

A dot is an illegal transition. R: the rail says so; a rail that does not answer leaves a payout pending.
"""

from typing import Literal, get_args

Status = Literal["pending", "paid", "failed"]
STATUSES: tuple[Status, ...] = get_args(Status)

_TABLE = """
from \\ to  pending  paid  failed
pending       .       R      R
paid          .       .      .
failed        .       .      .
"""


def _parse(table: str) -> dict[tuple[str, str], str]:
    header, *rows = [line.split() for line in table.strip().splitlines()]
    return {(row[0], to): cause for row in rows for to, cause in zip(header[3:], row[1:], strict=True)}


# Every pair of states: "." or the letter of its cause.
TRANSITIONS: dict[tuple[str, str], str] = _parse(_TABLE)


def may_become(source: str, target: str) -> bool:
    """Return whether a transition is legal."""
    return TRANSITIONS[source, target] != "."
