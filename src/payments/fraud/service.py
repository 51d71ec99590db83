"""Decides payments in real time: signals from Redis, rules as data, and an honest answer when signals are missing."""

import logging
from collections.abc import Callable, Sequence
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
from payments.fraud.schemas import Attempt, Case, Decision, MerchantTerms, ReportSource, Source
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

    async def assess(self, cases: Sequence[Case]) -> list[Decision | Exception]:
        """Count payments and decide each; a replay is counted once. A defect that one meets is not its neighbors'."""
        rules, lists = await self.book.current()
        with span("signals"):
            found = await self._signals([attempt for attempt, _ in cases])
        decided: list[Decision | Exception] = []
        for (attempt, merchant), signals in zip(cases, found, strict=True):
            try:
                decision = decide(attempt, signals, merchant, rules, lists.match(attempt))
            except Exception as error:  # noqa: BLE001 - told to this one's caller alone
                decided.append(error)
                continue
            self._decisions.of(decision.outcome, signals.source).value += 1
            decided.append(decision)
        return decided

    async def check(self, attempt: Attempt, merchant: MerchantTerms) -> Decision:
        """Decide a payment that nobody makes: nothing is counted. Its amount in US cents is looked up here."""
        worth = await self._fx.worth(attempt.amount, attempt.currency, "USD", attempt.at)
        attempt = msgspec.structs.replace(attempt, amount_usd=worth)
        rules, lists = await self.book.current()
        [signals] = await self._signals([attempt], counting=False)
        return decide(attempt, signals, merchant, rules, lists.match(attempt))

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
        await self._rebuild.close()

    async def _signals(self, attempts: Sequence[Attempt], *, counting: bool = True) -> list[Signals]:
        try:
            counted = await (self._counters.observe if counting else self._counters.peek)(attempts)
        except CountersUnavailableError as error:
            reason: Exception = error
        else:
            self._come_from("redis")
            return [Signals([*values], "redis") for values in counted]
        try:
            found = await self._fallback.signals(attempts)
        except FallbackUnavailableError as error:
            self._come_from("degraded", error)
            return [NO_SIGNALS] * len(attempts)
        self._come_from("postgres", reason)
        return [Signals(values, "postgres") for values in found]

    def _come_from(self, source: Source, reason: Exception | None = None) -> None:
        if source != self._source:
            _log.warning("signals come from %s now: %s", source, reason or "Redis answers")
            self._source = source
