"""Values in memory that every payment asks for and that hardly ever change: profiles, limits, rules."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from contextvars import Context
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

FRESH_SECONDS = 2.0
# What is asked for shortly before its end is loaded anew meanwhile. Otherwise all requests would wait for one value
# after the other, every two seconds.
AHEAD_SECONDS = 0.5
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
        known, now = self._known.get(key), self._clock()
        if known is not None and known[1] > now:
            if known[1] - now < AHEAD_SECONDS and key not in self._loading:
                self._begin(key, Context())  # in no request's trace: nobody waits for it
            return known[0]
        # The shield lets each request give up without taking the value from the others.
        return await asyncio.shield(self._loading.get(key) or self._begin(key))

    def forget(self, key: K) -> None:
        """Drop a value that has changed, also one on its way; other processes follow when theirs expires."""
        self._known.pop(key, None)
        self._loading.pop(key, None)

    def _begin(self, key: K, context: Context | None = None) -> asyncio.Task[V]:
        loading = self._loading[key] = asyncio.create_task(self._fill(key), context=context)

        def end(task: asyncio.Task[V]) -> None:
            if self._loading.get(key) is task:
                del self._loading[key]
            if not task.cancelled():
                task.exception()  # known to whoever waits; if nobody does, the next one asks again

        loading.add_done_callback(end)
        return loading

    async def _fill(self, key: K) -> V:
        # Counted from before the question, because the answer may be as old as that.
        until = self._clock() + FRESH_SECONDS
        value = await self._load(key)
        if self._loading.get(key) is not asyncio.current_task():
            return value  # for those who asked before it changed
        self._known.pop(key, None)
        if len(self._known) >= _MAX_ENTRIES:
            del self._known[next(iter(self._known))]  # the one that was loaded longest ago
        self._known[key] = (value, until)
        return value
