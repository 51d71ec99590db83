"""What the days of merchants will count when the next batch of new payments has their locks. Pure.

Whoever writes a merchant's payments knows what its day counts after each batch, and often nobody else wrote meanwhile.
So the next batch is decided before it has the lock, and the server compares that with what the day does count then.
"""

from collections.abc import Iterable, Mapping

from payments.risk.days import Day
from payments.risk.limits import Usage

# Of each merchant one day is of use; whatever is forgotten is read under the lock.
_MOST_DAYS = 10_000


class Foresight:
    """Usages as this process left them; a day on which others write as well is doubted until they no longer do."""

    def __init__(self) -> None:
        self._usages: dict[Day, Usage] = {}
        self._doubted: set[Day] = set()

    def of(self, days: Iterable[Day]) -> dict[Day, Usage] | None:
        """Return what these days are expected to count, unless one of them is unknown or doubted."""
        usages = {}
        for day in days:
            usage = self._usages.get(day)
            if usage is None or day in self._doubted:
                return None
            usages[day] = usage
        return usages

    def compare(self, found: Mapping[Day, Usage]) -> None:
        """Hold what was expected against what was found under the lock."""
        for day, usage in found.items():
            expected = self._usages.get(day)
            if expected is None or expected.counts_as(usage):
                self._doubted.discard(day)
            else:
                self._doubted.add(day)

    def leave(self, usages: Mapping[Day, Usage]) -> None:
        """Take what days count once the batch that was just decided has committed."""
        if len(self._usages) > _MOST_DAYS:
            self._usages.clear()
            self._doubted.clear()
        self._usages.update(usages)
