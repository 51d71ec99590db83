"""Decides payments in real time: signals from Redis, rules as data, and an honest answer when signals are missing."""

import logging
from collections.abc import Callable
from time import monotonic, time
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from payments.database import Database
from payments.fraud import desk_repository, reports
from payments.fraud.book import Book
from payments.fraud.counters import Counters, CountersUnavailableError
from payments.fraud.desk_repository import Viewer
from payments.fraud.engine import decide
from payments.fraud.fallback import Fallback, FallbackUnavailableError
from payments.fraud.rebuild import Rebuild
from payments.fraud.schemas import Attempt, Decision, MerchantTerms, ReportSource, Source
from payments.fraud.signals import NO_SIGNALS, Signals
from payments.fx.service import Fx
from shared.metrics import Counter, Family
from shared.redis_connection import RedisConnection
from shared.tracing import span

_log = logging.getLogger(__name__)

# A payment does not wait longer than this for Redis.
_REDIS_SECONDS = 0.1


class Fraud:
    """Scores payments. Whatever is gone, there is a decision, and its receipt says what it was made of."""

    def __init__(
        self,
        database: Database,
        redis_url: str,
        fx: Fx,
        decisions: Family[Counter],
        *,
        clock: Callable[[], float] = time,
        monotonic: Callable[[], float] = monotonic,
    ) -> None:
        """Take where payments are stored, where they are counted, what compares amounts, and what counts decisions."""
        self._decisions = decisions
        self._fx = fx
        self.book = Book(database, clock=monotonic)
        self._counters = Counters(RedisConnection(redis_url, timeout=_REDIS_SECONDS, clock=monotonic), clock=clock)
        self._fallback = Fallback(database)
        self._rebuild = Rebuild(database, redis_url, clock=clock)
        self._source: Source = "redis"

    async def assess(self, attempt: Attempt, merchant: MerchantTerms) -> Decision:
        """Count a payment and decide it; a replay is counted once."""
        rules, lists = await self.book.current()
        with span("signals"):
            signals = await self._signals(attempt, counting=True)
        decision = decide(attempt, signals, merchant, rules, lists.match(attempt))
        self._decisions.of(decision.outcome, signals.source).value += 1
        return decision

    async def check(self, attempt: Attempt, merchant: MerchantTerms) -> Decision:
        """Decide a payment that nobody makes: nothing is counted. Its amount in US cents is looked up here."""
        worth = await self._fx.worth(attempt.amount, attempt.currency, "USD", attempt.at)
        attempt = msgspec.structs.replace(attempt, amount_usd=worth)
        rules, lists = await self.book.current()
        return decide(attempt, await self._signals(attempt, counting=False), merchant, rules, lists.match(attempt))

    async def confirm(
        self, connection: AsyncConnection, payment_id: UUID, source: ReportSource, reason: str, author: str
    ) -> None:
        """Record, in the caller's transaction, that a payment was fraud: its rules are proved right."""
        payment = await desk_repository.find_payment(connection, Viewer(None, None), payment_id)
        if payment is not None:
            await reports.confirm(connection, payment, source, reason, author)

    async def rebuild(self) -> int:
        """Count the last day again when Redis has come back empty; return how many payments. For the worker."""
        return await self._rebuild.run()

    async def close(self) -> None:
        """Answer what is under way, then disconnect."""
        await self._counters.close()
        await self._fallback.close()
        await self._rebuild.close()

    async def _signals(self, attempt: Attempt, *, counting: bool) -> Signals:
        try:
            look = self._counters.observe if counting else self._counters.peek
            return self._from("redis", Signals([*await look(attempt)], "redis"))
        except CountersUnavailableError as error:
            reason: Exception = error
        try:
            return self._from("postgres", Signals(await self._fallback.signals(attempt), "postgres"), reason)
        except FallbackUnavailableError as error:
            return self._from("degraded", NO_SIGNALS, error)

    def _from(self, source: Source, signals: Signals, reason: Exception | None = None) -> Signals:
        if source != self._source:
            _log.warning("signals come from %s now: %s", source, reason or "Redis answers")
            self._source = source
        return signals
