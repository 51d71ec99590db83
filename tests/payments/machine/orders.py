"""What clients order, and how the acquirer plays along."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

Kind = Literal["create", "capture", "void", "refund"]
Crash = Literal["before the call", "after the call", "before the reply"]


class Play(NamedTuple):
    """What the acquirer does: the answer we hear, and what it writes into its books when it takes the slow way."""

    heard: Literal["approved", "declined", "unknown"] = "approved"
    books: Literal["approved", "declined", "pending"] | None = None
    external: bool = True


_ORDINARY = Play(external=False)
_REFUSES = Play("declined", external=False)
_LOST, _NOTHING = Play("unknown", "approved"), Play("unknown", None)

CARDS: dict[str, dict[Kind, Play]] = {
    "4242424242424242": {},
    "4000000000009995": {"create": _REFUSES},
    "4000009000000011": {"create": _LOST},
    "4000009000000029": {"create": _NOTHING},
    "4000009000000037": {"create": Play("unknown", "declined")},
    "4000009000000045": {"create": Play("unknown", "pending")},
    "4000009000000052": {"create": Play("approved", "approved")},
    "4000009000000060": {"create": Play("approved", "approved")},
    "4000009000000078": {"capture": _LOST},
    "4000009000000086": {"capture": _REFUSES},
    "4000009000000094": {"void": _LOST},
    "4000009000000102": {"refund": _LOST},
    "4000009000000110": {"refund": _NOTHING},
    "4000000000007726": {"refund": Play("unknown", "pending")},
    "4000000000005126": {"refund": _REFUSES},
}
CALLS_BACK = "4000009000000060"
# Operations on these stay open for a while, so that others come in between.
CARDS_IN_PARTS = ["4000009000000078", "4000009000000102", "4000000000007726"]


def play_of(card: str, kind: Kind) -> Play:
    """Return what the acquirer does when this is asked for a payment with this card."""
    return CARDS[card].get(kind, _ORDINARY)


@dataclass(frozen=True)
class Order:
    """What a client sends; ``payment`` counts from 0, ``amount`` None means all that is left."""

    kind: Kind
    key: str
    amount: int | None = None
    payment: int = -1
    final: bool = True
    card: str = ""
    currency: str = ""
    manual: bool = False

    @property
    def place(self) -> tuple[str, Kind, int]:
        """Where a key is stored: under its method and path."""
        return self.key, self.kind, self.payment
