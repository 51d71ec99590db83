"""The micro-batched write path: concurrent requests that wait on the same commit share one transaction.

Two batchers: one inserts new payments in a single statement, one locks stored payments, decides and writes. One
item's conflict never fails its neighbours: a batch that the database refuses is split and tried again. A connection
lost while it commits is answered from evidence: the same batch runs again on a new connection, where the idempotency
keys tell what the first attempt did. An insert of a key that the dying transaction still holds waits for its end, so
nothing happens twice.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TypeAlias, TypeVar
from uuid import UUID

import psycopg
import sqlalchemy as sa
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from payments.batching import Batcher
from payments.ledger.service import Chart, Ledger
from payments.payments import write_repository as repository
from payments.payments.changes import Change, Claim, Creation, Earlier, Request
from payments.payments.domain import Operation, Payment
from shared.problems import Problem, not_found

_log = logging.getLogger(__name__)

# A new connection is tried at once, then after these pauses: together within a client's patience.
_PAUSES = (0.0, 0.1, 0.5, 1.0)

# Every statement here looks rows up by key. Without statistics yet, the planner may prefer to read whole tables.
_PLANS = "-c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off -c jit=off"

# A wait for a lock that lasts longer means that something is broken; a client gets a clear answer instead.
_LIMITS = "-c lock_timeout=5s -c statement_timeout=10s -c idle_in_transaction_session_timeout=15s"

Written: TypeAlias = Change | Earlier
T = TypeVar("T")
R = TypeVar("R")


class WritePath:
    """Commits creations and changes of payments, many at a time."""

    def __init__(self, url: str, ledger: Ledger, *, lanes: int = 2) -> None:
        """Take a libpq URL; ``lanes`` connections are kept, one per batch in flight."""
        self._ledger = ledger
        self._pool = AsyncConnectionPool(
            url,
            min_size=lanes,
            max_size=lanes,
            open=False,
            timeout=5,
            kwargs={"autocommit": True, "options": f"{_PLANS} {_LIMITS}", "application_name": "payments write path"},
        )
        self._creations: Batcher[Creation, Written] = Batcher(
            lambda items: self._persist(items, self._create), lanes=lanes
        )
        self._requests: Batcher[Request, Written] = Batcher(
            lambda items: self._persist(items, self._apply), lanes=lanes
        )

    async def open(self) -> None:
        """Connect, without waiting for the database: readiness reports it."""
        await self._pool.open(wait=False)

    async def close(self) -> None:
        """Finish what was submitted, then disconnect."""
        await self._creations.close()
        await self._requests.close()
        await self._pool.close()

    async def create(self, creation: Creation) -> Written:
        """Insert a payment; return its change, or what an earlier request with the key did.

        Raises:
            Problem: 404 when the payment method was deleted meanwhile; 503 when the database does not answer.

        """
        return await self._creations.submit(creation)

    async def change(self, request: Request) -> Written:
        """Change a stored payment; return the change, or what an earlier request with the key did.

        Raises:
            Problem: whatever the decision raised, 404 for another's payment; 503 when the database does not answer.

        """
        return await self._requests.submit(request)

    async def find(self, claim: Claim) -> Earlier | None:
        """Return what is known of a key."""
        async with self._connection() as connection:
            found = await repository.find_keys(connection, [claim])
        return next(iter(found.values()), None)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[repository.Connection]:
        try:
            async with self._pool.connection() as connection:
                yield connection
        except PoolTimeout as error:
            raise psycopg.OperationalError(str(error)) from error

    async def _persist(
        self, items: list[T], write: Callable[[list[T]], Awaitable[list[R | Exception]]]
    ) -> list[R | Exception]:
        """Run a batch until it is certain what became of it."""
        for pause in _PAUSES:
            await asyncio.sleep(pause)
            try:
                return await write(items)
            except (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure):
                _log.warning("batch of %d runs again after a conflict", len(items))
            except (
                psycopg.OperationalError,
                psycopg.InterfaceError,
                sa.exc.OperationalError,
                sa.exc.TimeoutError,
            ) as error:
                _log.warning("batch of %d runs again on a new connection: %s", len(items), type(error).__name__)
            except psycopg.Error as error:
                if len(items) == 1:
                    _log.exception("the database refused a write", exc_info=error)
                    return [error]
                half = len(items) // 2
                return [*await self._persist(items[:half], write), *await self._persist(items[half:], write)]
        return [_lost() for _ in items]

    async def _create(self, items: list[Creation]) -> list[Written | Exception]:
        # Sorted by key, so that batches with the same keys wait for each other instead of deadlocking.
        order = sorted(range(len(items)), key=lambda index: items[index].claim[:3])
        ordered = [items[index] for index in order]
        charts = [await self._chart(item.change.payment) for item in ordered]
        async with self._connection() as connection:
            inserted = await repository.insert_created(connection, ordered, charts)
            rest = [item.claim for item in items if item.claim.resource_id not in inserted]
            earlier = await repository.find_keys(connection, rest) if rest else {}

        def result(item: Creation) -> Written | Exception:
            if item.claim.resource_id in inserted:
                return item.change
            known = earlier.get((item.claim.merchant_id, item.claim.livemode, item.claim.key, item.claim.path))
            if known is None:
                return not_found("payment method")
            return item.change if known.resource_id == item.claim.resource_id else known

        return [result(item) for item in items]

    async def _apply(self, items: list[Request]) -> list[Written | Exception]:
        async with self._connection() as connection, connection.transaction():
            batch = await _Batch.load(connection, items)
            charts = {payment.id: await self._chart(payment) for payment in batch.payments.values()}
            results = [batch.decide(item) for item in items]
            if batch.written:
                await repository.write_changed(
                    connection, batch.written, [charts[change.payment.id] for _, change in batch.written]
                )
        return results

    async def _chart(self, payment: Payment) -> Chart:
        return await self._ledger.chart(payment.merchant_id, payment.currency, livemode=payment.livemode)


class _Batch:
    """Locked payments, and the decisions made on them one after the other."""

    def __init__(
        self,
        payments: dict[UUID, Payment],
        operations: dict[UUID, Operation],
        keys: dict[tuple[UUID, bool, str, str], Earlier],
        now: datetime,
    ) -> None:
        self.payments = payments
        self.written: list[tuple[Claim | None, Change]] = []
        self._operations = operations
        self._keys = keys
        self._now = now

    @classmethod
    async def load(cls, connection: repository.Connection, items: Sequence[Request]) -> "_Batch":
        """Lock first and read afterwards: a statement that waited for a lock would still see the moment before."""
        payments = await repository.lock_payments(connection, sorted({item.payment_id for item in items}))
        async with connection.pipeline():
            operations = await repository.load_operations(
                connection, [item.operation_id for item in items if item.operation_id is not None]
            )
            keys = await repository.find_keys(connection, [item.claim for item in items if item.claim is not None])
            now = await repository.database_clock(connection)
        return cls(payments, operations, keys, now)

    def decide(self, item: Request) -> Written | Exception:
        payment = self.payments.get(item.payment_id)
        if payment is None or (
            item.merchant_id is not None
            and (payment.merchant_id, payment.livemode) != (item.merchant_id, item.livemode)
        ):
            return not_found("payment")
        claim = item.claim
        if claim is not None:
            known = self._keys.get((claim.merchant_id, claim.livemode, claim.key, claim.path))
            if known is not None:
                return known
        operation = self._operations.get(item.operation_id) if item.operation_id is not None else None
        try:
            change = item.decide(payment.copy(), operation and operation.copy(), self._now)
        except Problem as problem:
            return problem
        self.payments[payment.id] = change.payment
        if change.operation is not None:
            self._operations[change.operation.id] = change.operation
        if claim is not None:
            self._keys[claim.merchant_id, claim.livemode, claim.key, claim.path] = Earlier(
                claim.resource_id,
                claim.fingerprint,
                change.status_code,
                change.event.data if change.status_code is not None else None,
                change.operation.acquirer_deadline if change.operation is not None else None,
                self._now,
            )
        self.written.append((claim, change))
        return change


def _lost() -> Problem:
    return Problem(
        503,
        "unavailable",
        "The database did not answer in time, so it is unknown whether this was recorded. "
        "Repeat the request with the same Idempotency-Key: nothing happens twice.",
        effect="unknown",
        retryable=True,
        headers={"Retry-After": "2"},
    )
