"""The payment's state machine, in one table.

A dot is an illegal transition. The letters name what causes a legal one:

    A  the acquirer answers            L  lookup, callback or settlement record ends what was unknown
    T  the acquirer's deadline passes  D  a reviewer or the review policy decides
    C  final capture, or the rest of a partly captured authorization is released
    V  void                            X  the authorization expires
"""

from typing import Literal, get_args

from shared.problems import Problem

Status = Literal["processing", "review", "authorized", "captured", "voided", "expired", "declined", "failed", "unknown"]
OperationKind = Literal["capture", "void", "refund"]
OperationStatus = Literal["processing", "succeeded", "failed", "unknown"]

STATUSES: tuple[Status, ...] = get_args(Status)

_TABLE = """
from \\ to     processing  review  authorized  captured  voided  expired  declined  failed  unknown
processing         .         .         A          A        .       .         A        A        T
review             D         .         D          D        .       .         D        .        .
authorized         .         .         .          C        V       X         .        .        .
captured           .         .         .          .        .       .         .        .        .
voided             .         .         .          .        .       .         .        .        .
expired            .         .         .          .        .       .         .        .        .
declined           .         .         .          .        .       .         .        .        .
failed             .         .         .          .        .       .         .        .        .
unknown            .         .         L          L        .       .         L        L        .
"""

# What a payment may start as, in the commit that creates it.
INITIAL: frozenset[Status] = frozenset(("processing", "review", "authorized", "captured", "declined"))


def _parse(table: str) -> dict[tuple[str, str], str]:
    header, *rows = [line.split() for line in table.strip().splitlines()]
    targets = header[3:]
    return {(row[0], to): cause for row in rows for to, cause in zip(targets, row[1:], strict=True)}


# Every pair of states: "." or the letter of its cause.
TRANSITIONS: dict[tuple[str, str], str] = _parse(_TABLE)


def check_transition(source: Status, target: Status) -> None:
    """Let a legal transition pass.

    Raises:
        Problem: 409 for an illegal one.

    """
    if TRANSITIONS[source, target] == ".":
        raise Problem(409, "payment_state", f"A payment that is {source} cannot become {target}.")
