"""The payout rail of test mode. Its answer is a function of the destination and the payout's age; nothing moves."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from payments.payouts.rail import Instruction, InTransit, Outcome, Paid, Refused

# Destinations that mean something; any other one, and none, is paid at once.
FAILS = "sandbox_fails"
SLOW = "sandbox_slow"
_SLOW = timedelta(seconds=10)


def _now() -> datetime:
    return datetime.now(UTC)


class SandboxRail:
    """Pays, refuses or takes its time."""

    name = "sandbox"
    livemode = False

    def __init__(self, clock: Callable[[], datetime] = _now) -> None:
        """Take the clock that tells how old a payout is."""
        self._clock = clock

    async def send(self, instruction: Instruction) -> Outcome:
        """Send a payout, or tell what became of it."""
        if instruction.destination == FAILS:
            return Refused("account_closed")
        if instruction.destination == SLOW and self._clock() - instruction.created_at < _SLOW:
            return InTransit()
        return Paid(f"sbxpo_{instruction.key}")
