"""What the days of merchants will count when the next batch of new payments has their locks. Pure.

Whoever writes a merchant's payments knows what its day counts after each batch, and often nothing else wrote meanwhile:
no other process, and no void, expiry or partial capture. So the next batch is decided before it has the lock, and the
server compares that with what the day does count then.
"""

from collections.abc import Iterable, Mapping

from payments.risk.days import Day
from payments.risk.limits import Usage

# Of each merchant one day is of use; whatever is forgotten is read under the lock.
_MOST_DAYS = 10_000
# How often in a row a doubted day has to be as expected. To be wrong costs a batch a second turn at the lock.
_AGREEMENTS = 8


class Foresight:
    """Usages as new payments of this process left them; a day that others change is doubted until they no longer do."""

    def __init__(self) -> None:
        self._usages: dict[Day, Usage] = {}
        self._doubts: dict[Day, int] = {}  # agreements that are still missing

    def of(self, days: Iterable[Day]) -> dict[Day, Usage] | None:
        """Return what these days are expected to count, unless one of them is unknown or doubted."""
        usages = {}
        for day in days:
            usage = self._usages.get(day)
            if usage is None or day in self._doubts:
                return None
            usages[day] = usage
        return usages

    def compare(self, found: Mapping[Day, Usage]) -> None:
        """Hold what was expected against what was found under the lock."""
        for day, usage in found.items():
            expected = self._usages.get(day)
            if expected is not None and not expected.counts_as(usage):
                self._doubts[day] = _AGREEMENTS
            elif day in self._doubts:
                self._doubts[day] -= 1
                if not self._doubts[day]:
                    del self._doubts[day]

    def leave(self, usages: Mapping[Day, Usage]) -> None:
        """Take what days count once the batch that was just decided has committed."""
        if len(self._usages) > _MOST_DAYS:
            self._usages.clear()
            self._doubts.clear()
        self._usages.update(usages)

    def withdraw(self, left: Mapping[Day, Usage], before: Mapping[Day, Usage]) -> None:
        """Take back what a batch said to leave that was not written, unless a later one has built on it."""
        self._usages.update({day: usage for day, usage in before.items() if self._usages.get(day) is left[day]})
