"""How many payments merchants made in the last ten minutes, without counting them again every time. Pure."""

from collections import Counter, deque
from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

PERIOD = timedelta(minutes=10)


class Pace:
    """The memory of one process: what is counted once is kept until it is ten minutes old.

    A process that has just begun counts ten minutes, from then on only what is new.
    """

    def __init__(self) -> None:
        """Nothing is counted yet."""
        self._until: datetime | None = None
        self._parts: deque[tuple[datetime, Counter[tuple[UUID, bool]]]] = deque()
        self._total: Counter[tuple[UUID, bool]] = Counter()

    def since(self, until: datetime) -> datetime:
        """Return from when on payments are to be counted."""
        oldest = until - PERIOD
        return oldest if self._until is None else max(self._until, oldest)

    def add(self, until: datetime, counts: Iterable[tuple[UUID, bool, int]]) -> None:
        """Take what was counted up to a moment (merchant, mode, payments), and forget what is too old by then."""
        part = Counter({(merchant_id, livemode): count for merchant_id, livemode, count in counts})
        self._parts.append((until, part))
        self._total += part
        self._until = until
        while self._parts[0][0] <= until - PERIOD:
            self._total -= self._parts.popleft()[1]

    def recent(self, merchant_id: UUID, *, livemode: bool) -> int:
        """Return how many payments a merchant made lately."""
        return self._total[merchant_id, livemode]
