"""What one change of a payment does to its merchant's day. Pure: the difference of two states of the payment."""

from datetime import date
from typing import Final, NamedTuple
from uuid import UUID

import msgspec

_RESERVED = frozenset(("processing", "review", "unknown", "authorized", "captured"))
_APPROVED = frozenset(("authorized", "captured"))

LIMIT_EXCEEDED: Final = "limit_exceeded"


class Day(NamedTuple):
    """One row of payments.merchant_days; sorts in the order in which rows are locked."""

    merchant_id: UUID
    livemode: bool
    day: date

    @property
    def month(self) -> "Day":
        """The first day of its month, whose row is locked wherever a figure of the whole month decides."""
        return self._replace(day=self.day.replace(day=1))


class Standing(NamedTuple):
    """What a payment counts at one moment; ``amount`` is its usage amount."""

    status: str
    amount: int
    captured: int
    refunded: int
    limited: bool
    score: int | None


class Delta(msgspec.Struct, frozen=True):
    """What is added to a merchant's day."""

    volume: int
    count: int
    approved: int
    declined: int
    limited: int
    captured: int
    refunded: int
    largest: int
    scored: int
    score_sum: int


def delta(before: Standing | None, after: Standing) -> Delta:
    """Return the difference between two moments of one payment; None is before it existed."""
    reserved = (after.status in _RESERVED) - (before is not None and before.status in _RESERVED)
    volume = _volume(after) - (_volume(before) if before is not None else 0)
    approved = after.status in _APPROVED and (before is None or before.status not in _APPROVED)
    declined = after.status == "declined" and (before is None or before.status != "declined")
    return Delta(
        volume=volume,
        count=reserved,
        approved=int(approved),
        declined=int(declined),
        limited=int(declined and after.limited),
        captured=after.captured - (before.captured if before is not None else 0),
        refunded=after.refunded - (before.refunded if before is not None else 0),
        largest=after.amount if approved else 0,
        scored=int(before is None and after.score is not None),
        score_sum=(after.score or 0) if before is None else 0,
    )


def _volume(standing: Standing) -> int:
    """Return what a payment takes of the limits: once it is closed, only what was captured."""
    if standing.status == "captured":
        return standing.captured
    return standing.amount if standing.status in _RESERVED else 0
