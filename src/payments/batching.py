"""Micro-batching: concurrent requests that wait on the same commit share it.

No timer adds latency: a batch is whatever queued while the previous ones were in flight, so a lone request goes at
once, as a batch of one. Measurements: docs/decisions/0006-write-path.md.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from time import monotonic
from typing import Generic, TypeVar

from payments import deadline
from shared.tracing import Waiter, shared_span, waiter

# How many items are worth what every batch costs, while none, one or two batches wait for their end.
_LEAST_ITEMS = (1, 12, 32)

T = TypeVar("T")
R = TypeVar("R")


class Batcher(Generic[T, R]):
    """Collects items and hands them to ``handle`` in batches, at most ``lanes`` at a time.

    ``handle`` returns one result per item in the same order; a result that is an exception is raised to that item's
    caller alone. An exception raised by ``handle`` itself reaches every caller of the batch. What nobody waits for any
    more when its batch begins is left out of it; from then on a caller that goes away cancels nothing.

    ``handle`` may call its second argument when its batch is on its way: if enough items wait at that moment, the next
    one begins beside it.
    """

    def __init__(
        self,
        handle: Callable[[list[T], Callable[[], None]], Awaitable[Sequence[R | Exception]]],
        *,
        lanes: int = 2,
        max_items: int = 64,
    ) -> None:
        """Take the handler of a batch, the number of batches in flight and the largest batch."""
        self._handle = handle
        self._lanes = lanes
        self._max_items = max_items
        self._queue: deque[tuple[T, asyncio.Future[R], float | None, Waiter | None]] = deque()
        self._working = 0  # batches that occupy a lane
        self._under_way = 0  # batches that only wait for their end
        self._tasks: set[asyncio.Task[None]] = set()

    async def submit(self, item: T, until: float | None = None) -> R:
        """Return the result of one item, refused if its batch has not begun at ``until`` on the steady clock."""
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._queue.append((item, future, until, waiter()))
        if not self._under_way:
            self._start()
        return await future

    async def close(self) -> None:
        """Wait until everything submitted is answered."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _start(self) -> None:
        """Begin a batch if there is a lane for it; it collects its items in the next turn of the loop."""
        if self._queue and self._working < self._lanes:
            self._working += 1
            # In no request's context: what it does, it does for many.
            task = asyncio.create_task(self._work(), context=Context())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _work(self) -> None:
        working = True

        def is_under_way() -> None:
            nonlocal working
            if working:
                working = False
                self._working -= 1
                self._under_way += 1
                self._go_on()

        try:
            batch = self._next()
            if batch:
                await self._answer(batch, is_under_way)
        finally:
            if working:
                self._working -= 1
            else:
                self._under_way -= 1
            self._go_on()

    def _go_on(self) -> None:
        if self._under_way < len(_LEAST_ITEMS) and len(self._queue) >= _LEAST_ITEMS[self._under_way]:
            self._start()

    async def _answer(
        self, batch: list[tuple[T, asyncio.Future[R], Waiter | None]], is_under_way: Callable[[], None]
    ) -> None:
        size = len(batch)
        try:
            with shared_span("batch", [each for _, _, each in batch if each is not None], items=size):
                results = await self._handle([item for item, _, _ in batch], is_under_way)
        except Exception as error:  # noqa: BLE001 - whatever it is, the callers must hear of it
            results = [error] * size
        for (_, future, _), result in zip(batch, results, strict=True):
            if future.done():
                continue
            if isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(result)

    def _next(self) -> list[tuple[T, asyncio.Future[R], Waiter | None]]:
        batch: list[tuple[T, asyncio.Future[R], Waiter | None]] = []
        now = monotonic()
        while self._queue and len(batch) < self._max_items:
            item, future, until, waiting = self._queue.popleft()
            if future.done():
                continue
            if until is not None and until < now:
                future.set_exception(deadline.too_late())
            else:
                batch.append((item, future, waiting))
        return batch
