"""Values in memory that every payment asks for and that hardly ever change: profiles, limits, rules."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

FRESH_SECONDS = 2.0
# About half a kilobyte each.
_MAX_ENTRIES = 10_000


class Fresh(Generic[K, V]):
    """Keeps each value for two seconds; however many ask for one at once, it is loaded once."""

    def __init__(self, load: Callable[[K], Coroutine[Any, Any, V]], clock: Callable[[], float]) -> None:
        """Take what loads a value, and a clock in seconds that never goes back."""
        self._load = load
        self._clock = clock
        self._known: dict[K, tuple[V, float]] = {}
        self._loading: dict[K, asyncio.Task[V]] = {}

    async def get(self, key: K) -> V:
        """Return a value that is at most two seconds old; raises what loading it raises."""
        known = self._known.get(key)
        if known is not None and known[1] > self._clock():
            return known[0]
        loading = self._loading.get(key)
        if loading is None:
            loading = self._loading[key] = asyncio.create_task(self._fill(key))
            loading.add_done_callback(lambda _: self._loading.pop(key))
        # The shield lets each request give up without taking the value from the others.
        return await asyncio.shield(loading)

    def forget(self, key: K) -> None:
        """Drop a value that has changed; other processes follow when theirs expires."""
        self._known.pop(key, None)

    async def _fill(self, key: K) -> V:
        # Counted from before the question, because the answer may be as old as that.
        until = self._clock() + FRESH_SECONDS
        value = await self._load(key)
        self._known.pop(key, None)
        if len(self._known) >= _MAX_ENTRIES:
            del self._known[next(iter(self._known))]  # the one that was loaded longest ago
        self._known[key] = (value, until)
        return value
