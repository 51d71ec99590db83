"""Batches of payments that wait for the same answer."""

import asyncio
from typing import TypeVar

from payments.batching import Batcher

R = TypeVar("R")
T = TypeVar("T")


class Batches(Batcher[T, R]):
    """Ends a worker at once, and not in a callback after the callers it woke: one of those may need a new worker."""

    async def _drain(self) -> None:
        await super()._drain()
        self._workers.difference_update({worker for worker in self._workers if worker is asyncio.current_task()})
