"""Calls to acquirers in the external order: the intent is stored, the call is made, its answer is stored."""

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from datetime import timedelta
from itertools import pairwise
from time import perf_counter
from typing import Any
from uuid import UUID

from payments.connectors.port import (
    AuthorizeRequest,
    CaptureRequest,
    Connector,
    Declined,
    Outcome,
    Unknown,
    VoidRequest,
)
from payments.payments import decisions
from payments.payments.changes import Decide, Request, Written
from payments.payments.domain import Operation, Payment
from payments.payments.drafts import operation_request
from payments.payments.write_path import WritePath
from shared.metrics import Family, Histogram
from shared.tracing import span

_log = logging.getLogger(__name__)


class Calls:
    """Makes calls whose intents are stored. A client that hangs up cancels neither the call nor its record."""

    def __init__(self, write_path: WritePath, timeout: timedelta, seconds: Family[Histogram]) -> None:
        """Take how answers are stored, how long one call may take, and what counts how long they took."""
        self._seconds = seconds
        self._write_path = write_path
        self._timeout = timeout
        self._under_way: set[asyncio.Task[Written]] = set()

    def deadline(self) -> float:
        """Return when a call that starts now must be over, as a reading of the event loop's clock.

        Read it before the intent is stored: the call must not outlast the deadline that is written down.
        """
        return asyncio.get_running_loop().time() + self._timeout.total_seconds()

    async def conclude(
        self, call: Coroutine[Any, Any, Outcome], payment_id: UUID, operation_id: UUID | None = None
    ) -> Written:
        """Make a call and store its answer.

        Raises:
            Problem: 409 when recovery or a callback was faster; the stored answer is theirs.

        """

        async def work() -> Written:
            decide = decisions.answer(await self._outcome(call), "acquirer")
            return await self._write_path.change(Request(payment_id, decide, operation_id=operation_id))

        return await self._finish(work())

    async def authorize(self, route: Sequence[Connector], request: AuthorizeRequest, deadline: float) -> Written:
        """Ask one acquirer after the other, all within one deadline, and store each answer before the next question.

        Only a retryable decline leads on to the next: while one is silent, no other is asked.

        Raises:
            Problem: 409 when recovery or a callback was faster; the stored answer is theirs.

        """

        async def work() -> Written:
            for connector, following in pairwise(route):
                outcome = await self._outcome(connector.authorize(request, deadline))
                if not decisions.fails_over(outcome):
                    return await self._store(request, decisions.answer(outcome, "acquirer"))
                await self._store(request, _fail_over(outcome, following.name))
            outcome = await self._outcome(route[-1].authorize(request, deadline))
            return await self._store(request, decisions.answer(outcome, "acquirer"))

        return await self._finish(work())

    async def _store(self, request: AuthorizeRequest, decide: Decide) -> Written:
        return await self._write_path.change(Request(request.payment_id, decide))

    async def _outcome(self, call: Coroutine[Any, Any, Outcome]) -> Outcome:
        begun = perf_counter()
        try:
            with span("acquirer"):
                outcome = await call
        except Exception:  # noqa: BLE001 - a defect leaves it unknown, never failed: the call may have arrived
            _log.exception("a call to the acquirer broke")
            outcome = Unknown("the connector failed")
        self._seconds.of(type(outcome).__name__.lower()).observe(perf_counter() - begun)
        return outcome

    async def _finish(self, work: Coroutine[Any, Any, Written]) -> Written:
        task = asyncio.create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Wait for the calls that are under way."""
        if self._under_way:
            await asyncio.wait(self._under_way)


def _fail_over(outcome: Declined, following: str) -> Decide:
    return lambda locked: decisions.fail_over(locked.payment, outcome, following, locked.now)


def operation_call(
    connector: Connector, payment: Payment, operation: Operation, deadline: float
) -> Coroutine[Any, Any, Outcome]:
    """Return the call that a stored capture, void or refund asks for."""
    request = operation_request(payment, operation)
    if isinstance(request, CaptureRequest):
        return connector.capture(request, deadline)
    if isinstance(request, VoidRequest):
        return connector.void(request, deadline)
    return connector.refund(request, deadline)
