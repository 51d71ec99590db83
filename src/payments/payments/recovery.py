"""What the worker does for payments: ends what is unknown by evidence, expires authorizations, prunes keys."""

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from uuid import UUID

from payments.connectors.declines import decline
from payments.connectors.port import Approved, Connector, Declined, Outcome, StillUnknown, Unknown
from payments.connectors.registry import Registry
from payments.database import Database
from payments.payments import decisions, lookup_repository, repository
from payments.payments.changes import Change, Request
from payments.payments.domain import Operation, Payment
from payments.payments.write_path import WritePath
from shared.ids import show
from shared.problems import Problem

_log = logging.getLogger(__name__)

_BATCH = 100
_AT_ONCE = 8
# What a look-up may take on top of its deadline before another worker asks, because this one is gone.
_GRACE = timedelta(seconds=30)
_PRUNED_AT_ONCE = 10_000


class Recovery:
    """Tasks that may run anywhere, any number of times: each change is decided under the payment's lock."""

    def __init__(
        self, database: Database, write_path: WritePath, connectors: Registry, acquirer_timeout: timedelta
    ) -> None:
        """Take where to look, how to write, whom to ask, and how long one look-up may take."""
        self._database = database
        self._write_path = write_path
        self._connectors = connectors
        self._acquirer_timeout = acquirer_timeout
        self._places = asyncio.Semaphore(_AT_ONCE)

    async def resolve_unknown(self) -> int:
        """Ask the acquirers about intents without an answer; return how many were ended.

        All that are due, page by page and several at a time: those that go on waiting, and acquirers that are slow,
        must not hide the ones behind them. Each fruitless question doubles the time until the next one.
        """
        ended, after = 0, None
        while True:
            async with self._database.snapshot() as connection:
                rows = await lookup_repository.unanswered(connection, after, _BATCH)
            ended += sum(
                await asyncio.gather(*(self._try_to_resolve(row["payment_id"], row["operation_id"]) for row in rows))
            )
            if len(rows) < _BATCH:
                return ended
            after = rows[-1]["acquirer_deadline"], rows[-1]["subject_id"]

    async def backlog(self) -> dict[str, float]:
        """Return how many intents are past their deadline without a known outcome, and for how long the oldest is."""
        async with self._database.snapshot() as connection:
            return await lookup_repository.overdue(connection)

    async def expire(self) -> int:
        """Release authorizations whose time is over; return how many."""
        async with self._database.snapshot() as connection:
            due = await repository.expired(connection, _BATCH)
        ended = 0
        for payment_id in due:
            try:
                await self._write_path.change(
                    Request(payment_id, lambda locked: decisions.expire(locked.payment, locked.now))
                )
                ended += 1
            except Problem as problem:
                _log.info("not expired: %s", problem)
            except Exception:  # noqa: BLE001 - a defect met by one payment must not keep the others waiting
                _log.exception("not expired: payment %s", payment_id)
        return ended

    async def prune_keys(self, retention: timedelta) -> int:
        """Delete idempotency keys past their retention, and what else is forgotten then; return how many keys."""
        pruned, before = 0, datetime.now(UTC) - retention
        async with self._database.transaction() as connection:
            await lookup_repository.prune(connection, before)
        while True:
            async with self._database.transaction() as connection:
                found = await repository.prune_keys(connection, before, _PRUNED_AT_ONCE)
            pruned += found
            if found < _PRUNED_AT_ONCE:
                return pruned

    async def _try_to_resolve(self, payment_id: UUID, operation_id: UUID | None) -> bool:
        async with self._places:
            lease = self._acquirer_timeout + _GRACE
            async with self._database.transaction() as connection:
                if not await lookup_repository.claim(connection, operation_id or payment_id, lease):
                    return False  # another worker is asking
            try:
                return await self._resolve(payment_id, operation_id)
            except Problem as problem:
                _log.info("not resolved: %s", problem)  # somebody else was faster
            except Exception:  # noqa: BLE001 - a defect met by one payment must not keep the others waiting
                _log.exception("not resolved: payment %s, operation %s", payment_id, operation_id)
            return False

    async def _resolve(self, payment_id: UUID, operation_id: UUID | None) -> bool:
        """Ask, write the answer down, and act on it; return whether the intent has ended."""
        async with self._database.snapshot() as connection:
            payment = await repository.any_payment(connection, payment_id)
            operation = await repository.any_operation(connection, operation_id) if operation_id is not None else None
        subject = operation or payment
        if payment is None or subject is None:
            raise AssertionError("payments and operations are never deleted")
        if subject.status == "processing":
            # The process that made the call is gone. Its client may still ask, so this is written down first.
            await self._settle(payment_id, operation_id, Unknown("the acquirer's deadline passed"))
        elif subject.status != "unknown":
            return False  # it ended since it was found
        outcome = await self._ask(payment, operation)
        shown = operation.shown_id if operation is not None else None
        async with self._database.transaction() as connection:
            await lookup_repository.note(connection, payment_id, shown, _words(outcome))
            if isinstance(outcome, Unknown):
                await lookup_repository.postpone(connection, subject.id, outcome.reason)
                _log.info("not resolved: %s: %s", show("pay", payment_id), outcome.reason)
                return False
        await self._settle(payment_id, operation_id, outcome)
        async with self._database.transaction() as connection:
            await lookup_repository.forget(connection, subject.id)
        return True

    async def _ask(self, payment: Payment, operation: Operation | None) -> Outcome:
        """Return what the acquirer says; whatever goes wrong with asking leaves it unknown."""
        try:
            connector = self._connectors.named(payment.connector, livemode=payment.livemode)
            async with asyncio.timeout(self._acquirer_timeout.total_seconds()):
                return await self._evidence(connector, payment, operation)
        except Problem as problem:
            return Unknown(f"{payment.connector} cannot be asked: {problem.code}")
        except TimeoutError:
            return Unknown("the acquirer did not answer in time")
        except Exception:  # noqa: BLE001 - a connector that breaks is asked again, like one that is silent
            _log.exception("a look-up broke: payment %s, operation %s", payment.id, operation and operation.id)
            return Unknown("a defect of ours; see the log")

    async def _evidence(self, connector: Connector, payment: Payment, operation: Operation | None) -> Outcome:
        subject = operation or payment
        if operation is None:
            found = await connector.lookup(payment.id.hex)
        else:
            found = await connector.lookup(operation.id.hex, kind=operation.kind, parent=payment.acquirer_reference)
        if isinstance(found, Approved | Declined):
            return found
        if isinstance(found, StillUnknown):
            return Unknown(found.reason)
        patience = connector.capabilities.not_found_final_after
        overdue = subject.acquirer_deadline is not None and subject.acquirer_deadline + patience < datetime.now(UTC)
        return decline("not_processed") if overdue else Unknown("the acquirer has nothing under this key yet")

    async def _settle(self, payment_id: UUID, operation_id: UUID | None, outcome: Outcome) -> Change | None:
        decide = decisions.answer(outcome, "recovery")
        written = await self._write_path.change(Request(payment_id, decide, operation_id=operation_id))
        return written if isinstance(written, Change) else None


def _words(outcome: Outcome) -> str:
    if isinstance(outcome, Approved):
        return "approved"
    return f"declined: {outcome.code}" if isinstance(outcome, Declined) else outcome.reason
