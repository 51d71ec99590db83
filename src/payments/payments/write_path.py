"""The micro-batched write path: concurrent requests that wait on the same commit share one transaction.

Two batchers: one inserts new payments, one locks stored payments, decides and writes. One item's conflict never fails
its neighbours: a batch that the database refuses is split and tried again. A connection lost while it commits is
answered from evidence: the same batch runs again on a new connection, where the idempotency keys tell what the first
attempt did. An insert of a key that the dying transaction still holds waits for its end, so nothing happens twice.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from time import perf_counter
from typing import Any, TypeAlias, TypeVar

import psycopg
import sqlalchemy as sa
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from payments import deadline
from payments.batching import Batcher
from payments.credentials import CONNECTION_SECONDS, ConnectionInfo
from payments.fraud.schemas import Case, Decision
from payments.ledger.service import Ledger
from payments.payments import write_repository as repository
from payments.payments.batches import apply_requests, charts_of
from payments.payments.changes import Assessed, Claim, Creation, Earlier, Request, Written
from payments.payments.creations import Inserter
from payments.payments.meters import Meters
from payments.pipeline import Connection
from shared.context import note_payment
from shared.metrics import Registry
from shared.problems import Problem
from shared.tracing import span, traceparent

_log = logging.getLogger(__name__)

# A new connection is tried at once, then after these pauses: together within a client's patience.
_PAUSES = (0.0, 0.1, 0.5, 1.0)

# Every statement here looks rows up by key. Without statistics yet, the planner may prefer to read whole tables.
_PLANS = "-c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off -c jit=off"

# As it does not foresee that most months are left out, it may prefer to plan each time anew. Not for other statements:
# they find a partial index only when the planner sees the values.
_KEPT_PLANS = "-c plan_cache_mode=force_generic_plan"

# A wait for a lock that lasts longer means that something is broken; a client gets a clear answer instead.
_TIMEOUTS = "-c lock_timeout=2s -c statement_timeout=10s -c idle_in_transaction_session_timeout=15s"

Assess: TypeAlias = Callable[[Sequence[Case]], Awaitable[Sequence[Decision | Exception]]]

T = TypeVar("T")


def options(*, shared: bool) -> str:
    """Return what the connections are started with."""
    return f"{_PLANS} {_TIMEOUTS}" if shared else f"{_PLANS} {_TIMEOUTS} {_KEPT_PLANS}"


def write_pool(info: ConnectionInfo, *, shared: bool = False) -> AsyncConnectionPool[Any]:
    """Return a pool with a connection for each batch at the server; one that is ready before its turn waits for it.

    A ``shared`` one has a single connection that is also lent for everything else. It is looked at before each use,
    because the process may have slept since the last one.
    """
    lanes = 1 if shared else 2
    return AsyncConnectionPool(
        info,
        min_size=lanes,
        max_size=lanes,
        open=False,
        timeout=5,
        max_lifetime=CONNECTION_SECONDS,
        # Give a dead server up soon: the next request then starts afresh instead of waiting out a long back-off.
        reconnect_timeout=2,
        kwargs={
            "autocommit": True,
            "options": options(shared=shared),
            "application_name": "payments write path",
            # Where psycopg prepares statements it now and then removes all there are, also the pipeline's.
            "prepare_threshold": None,
        },
        connection_class=_Lent,
        check=AsyncConnectionPool.check_connection if shared else None,
        reset=_reset,
    )


class _Lent(psycopg.AsyncConnection[Any]):
    """Goes back to its pool when whoever borrowed it closes it, even when it broke meanwhile: the pool replaces it."""

    _pool: AsyncConnectionPool[Any] | None = None

    async def close(self) -> None:
        """Return it; the pool itself closes what it has taken back."""
        if self._pool is not None:
            await self._pool.putconn(self)
        else:
            await super().close()


async def _reset(connection: psycopg.AsyncConnection[Any]) -> None:
    # Whoever borrowed it may have wanted transactions of another kind; none of this asks the server.
    await connection.set_autocommit(True)
    await connection.set_isolation_level(None)
    await connection.set_read_only(None)


class WritePath:
    """Commits creations and changes of payments, many at a time."""

    def __init__(
        self,
        pool: AsyncConnectionPool[Any],
        ledger: Ledger,
        announce: Callable[[], None],
        registry: Registry,
        assess: Assess | None = None,
    ) -> None:
        """Take the pool of ``write_pool``, whom to tell of commits, who measures, and who decides about fraud.

        Nothing can be created without the last one.
        """
        self._pool = pool
        self._ledger = ledger
        self._announce = announce
        self._created = Meters(registry, "creations")
        self._changed = Meters(registry, "changes")
        self._retries = registry.counter("payments_commit_retries_total")
        self._unanswered = registry.counter("payments_unanswered_commits_total").of()
        self._assess = assess
        self._inserter = Inserter()
        # One at a time until it is sent: it locks its merchants' days until it has committed, so a second one would
        # mostly wait for the first, together with requests that could have made the first one larger.
        self._creations: Batcher[Creation, Written] = Batcher(self._assess_and_create, lanes=1, max_items=96)
        self._requests: Batcher[Request, Written] = Batcher(
            lambda items, _: self._persist(items, self._apply), lanes=pool.max_size
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
        note_payment(creation.claim.resource_id)
        with span("commit"):
            if (trace := traceparent()) is not None:
                creation = creation._replace(traceparent=trace.decode())
            return await self._creations.submit(creation, deadline.current())

    async def change(self, request: Request) -> Written:
        """Change a stored payment; return the change, or what an earlier request with the key did.

        Raises:
            Problem: whatever the decision raised, 404 for another's payment; 503 when the database does not answer.

        """
        # What an acquirer has answered is stored however late it is.
        until = deadline.current() if request.claim is not None else None
        note_payment(request.payment_id)
        with span("commit"):
            if (trace := traceparent()) is not None:
                request = request._replace(traceparent=trace.decode())
            return await self._requests.submit(request, until)

    async def find(self, claim: Claim) -> Earlier | None:
        """Return what is known of a key."""
        async with self._connection() as connection:
            found = await repository.find_keys(connection, [claim])
        return next(iter(found.values()), None)

    def pool_counts(self) -> dict[str, int]:
        """Return how many connections are used, how many there are at most, and how many requests wait for one."""
        stats = self._pool.get_stats()
        used = stats.get("pool_size", 0) - stats.get("pool_available", 0)
        return {"used": used, "most": self._pool.max_size, "waiting": stats.get("requests_waiting", 0)}

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        try:
            async with self._pool.connection() as connection:
                yield connection
        except PoolTimeout as error:
            raise psycopg.OperationalError(str(error)) from error

    async def _persist(
        self, items: list[T], write: Callable[[list[T]], Awaitable[list[Written | Exception]]]
    ) -> list[Written | Exception]:
        """Run a batch until it is certain what became of it."""
        for pause in _PAUSES:
            await asyncio.sleep(pause)
            try:
                return await write(items)
            except (psycopg.errors.LockNotAvailable, psycopg.errors.QueryCanceled) as error:
                # Whoever holds the row holds it for one merchant only: the others need not wait for it.
                self._retries.of("lock").inc()
                _log.warning("a batch of %d waits for a lock: %s", len(items), type(error).__name__)
                if len(items) > 1:
                    return await self._persist_halves(items, write)
            except (
                psycopg.OperationalError,
                psycopg.InterfaceError,
                psycopg.errors.InvalidSqlStatementName,
                sa.exc.OperationalError,
                sa.exc.TimeoutError,
            ) as error:
                self._retries.of("connection").inc()
                # Also a deadlock or a lock that could not be had in time: nothing was written, or the keys will tell.
                _log.warning("a batch of %d runs again: %s", len(items), type(error).__name__)
            except psycopg.Error as error:
                if len(items) == 1:
                    _log.exception("the database refused a write", exc_info=error)
                    return [error]
                self._retries.of("refused").inc()
                return await self._persist_halves(items, write)
        self._unanswered.inc(len(items))
        return [_lost() for _ in items]

    async def _persist_halves(
        self, items: list[T], write: Callable[[list[T]], Awaitable[list[Written | Exception]]]
    ) -> list[Written | Exception]:
        half = len(items) // 2
        return [*await self._persist(items[:half], write), *await self._persist(items[half:], write)]

    async def _assess_and_create(self, items: list[Creation], sent: Callable[[], None]) -> list[Written | Exception]:
        """Decide about fraud with one question to Redis for the whole batch, then commit it.

        The next batch begins while the server works on this one, which then hands the lock of the days over to it.
        """
        if self._assess is None:
            raise AssertionError("this write path only changes what is there")
        decisions = await self._assess([item.case for item in items])
        sound = [
            Assessed(item, decision)
            for item, decision in zip(items, decisions, strict=True)
            if not isinstance(decision, Exception)
        ]
        written = iter(await self._persist(sound, partial(self._create, sent)) if sound else ())
        return [decision if isinstance(decision, Exception) else next(written) for decision in decisions]

    async def _create(self, sent: Callable[[], None], items: list[Assessed]) -> list[Written | Exception]:
        begun = perf_counter()
        charts = await charts_of(self._ledger, [item.creation.payment for item in items])
        async with self._connection() as connection:
            results = await self._inserter.insert(connection, items, charts, sent)
        self._created.committed(begun, results)
        self._announce()
        return results

    async def _apply(self, items: list[Request]) -> list[Written | Exception]:
        begun = perf_counter()
        async with self._connection() as connection:
            results = await apply_requests(connection, items, self._ledger)
        self._changed.committed(begun, results)
        self._announce()
        return results


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
