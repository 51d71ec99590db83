"""A bounded memory of things that are true until a moment."""

from typing import Generic, TypeVar

T = TypeVar("T")


class Memory(Generic[T]):
    """At most ``size`` values, each until its own moment; the oldest makes room for a new one."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._values: dict[bytes, tuple[T, float]] = {}

    def recall(self, key: bytes, now: float) -> T | None:
        """Return the value if it still holds at ``now``."""
        found = self._values.get(key)
        if found is None:
            return None
        if found[1] > now:
            return found[0]
        del self._values[key]
        return None

    def rest(self, key: bytes, now: float) -> float:
        """Return for how long after ``now`` a value holds that was just recalled."""
        return self._values[key][1] - now

    def forget(self, key: bytes) -> None:
        """Drop a value that no longer holds."""
        self._values.pop(key, None)

    def keep(self, key: bytes, value: T, until: float) -> None:
        """Remember a value until the moment ``until``, on the clock that ``recall`` is asked with."""
        self._values.pop(key, None)
        if len(self._values) >= self._size:
            del self._values[next(iter(self._values))]
        self._values[key] = (value, until)
