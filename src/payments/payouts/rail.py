"""The port to whatever moves money to a merchant's bank. No bank is connected yet: test mode has the sandbox's rail.

    Outcome = Paid | Refused | InTransit

``send`` is idempotent by key, so asking again is how one learns what became of a payout: a rail that does not know the
key yet sends, one that knows it only answers. Silence is ``InTransit``, never a refusal.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol, TypeAlias

import msgspec

from shared.problems import Problem


class Instruction(msgspec.Struct, frozen=True):
    """Money to be moved.

    Shapes:
        key: derived from the stored payout; a repetition of it never pays twice.
        destination: what the rail calls the merchant's account; None is the one it knows for the merchant.
        created_at: of the payout.
    """

    key: str
    merchant: str
    amount: int
    currency: str
    destination: str | None
    created_at: datetime


class Paid(msgspec.Struct, frozen=True):
    """It has left our bank; ``reference`` is the rail's name for it."""

    reference: str


class Refused(msgspec.Struct, frozen=True):
    """Certainly not paid; ``code`` says why."""

    code: str


class InTransit(msgspec.Struct, frozen=True):
    """Not known yet."""


Outcome: TypeAlias = Paid | Refused | InTransit


class Rail(Protocol):
    """One way to pay out, in one mode."""

    @property
    def name(self) -> str:
        """The name stored with each payout."""

    @property
    def livemode(self) -> bool:
        """The one mode it serves."""

    async def send(self, instruction: Instruction) -> Outcome:
        """Send a payout, or tell what became of it."""


class Rails:
    """The rail of each mode."""

    def __init__(self, rails: Iterable[Rail]) -> None:
        """Take at most one per mode."""
        self._rails = {rail.livemode: rail for rail in rails}

    def find(self, *, livemode: bool) -> Rail | None:
        """Return the rail of a mode, if there is one."""
        return self._rails.get(livemode)

    def of(self, *, livemode: bool) -> Rail:
        """Return the rail of a mode.

        Raises:
            Problem: 422 when none is connected.

        """
        rail = self._rails.get(livemode)
        if rail is None:
            mode = "live" if livemode else "test"
            raise Problem(422, "no_payout_rail", f"No payout rail is connected for {mode} mode, so nothing can leave.")
        return rail
