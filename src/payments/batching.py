"""Micro-batching: concurrent requests that wait on the same commit share it.

No timer adds latency: a batch is whatever queued while the previous ones were in flight, so a lone request goes at
once, as a batch of one. Measurements: docs/decisions/0006-write-path.md.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from time import monotonic
from typing import Generic, TypeVar, cast

from payments import deadline
from shared.tracing import Waiter, shared_span, waiter

T = TypeVar("T")
R = TypeVar("R")


class Batcher(Generic[T, R]):
    """Collects items and hands them to ``handle`` in batches, at most ``lanes`` at a time.

    ``handle`` returns one result per item in the same order; a result that is an exception is raised to that item's
    caller alone. An exception raised by ``handle`` itself reaches every caller of the batch. What nobody waits for any
    more when its batch begins is left out of it; from then on a caller that goes away cancels nothing.
    """

    def __init__(
        self, handle: Callable[[list[T]], Awaitable[Sequence[R | Exception]]], *, lanes: int = 2, max_items: int = 64
    ) -> None:
        """Take the handler of a batch, the number of batches in flight and the largest batch."""
        self._handle = handle
        self._lanes = lanes
        self._max_items = max_items
        self._queue: deque[tuple[T, asyncio.Future[R], float | None, Waiter | None]] = deque()
        self._workers: set[asyncio.Task[None]] = set()

    async def submit(self, item: T, until: float | None = None) -> R:
        """Return the result of one item, refused if its batch has not begun at ``until`` on the steady clock."""
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._queue.append((item, future, until, waiter()))
        if len(self._workers) < self._lanes:
            # In no request's context: what it does, it does for many.
            worker = asyncio.create_task(self._drain(), context=Context())
            self._workers.add(worker)
        return await future

    async def close(self) -> None:
        """Wait until everything submitted is answered."""
        while self._workers:
            await asyncio.wait(self._workers)

    async def _drain(self) -> None:
        try:
            await self._work()
        finally:
            # In the same step in which the queue was found empty: an item that comes now gets a worker of its own.
            self._workers.discard(cast("asyncio.Task[None]", asyncio.current_task()))

    async def _work(self) -> None:
        while self._queue:
            batch = self._next()
            size = len(batch)
            if not size:
                continue
            try:
                with shared_span("batch", [each for _, _, each in batch if each is not None], items=size):
                    results = await self._handle([item for item, _, _ in batch])
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
