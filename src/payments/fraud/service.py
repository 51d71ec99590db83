"""Decides payments in real time: signals from Redis, rules as data, and an honest answer when signals are missing."""

import json
import logging
from pathlib import Path

from payments.database import Database
from payments.fraud import repository
from payments.fraud.counters import READY_KEY, Counters, CountersUnavailableError
from payments.fraud.engine import decide
from payments.fraud.redis_connection import RedisConnection, RedisReplyError, RedisUnavailableError
from payments.fraud.rules import Rule, RuleSet
from payments.fraud.schemas import Attempt, Decision, MerchantTerms
from payments.fraud.signals import NO_SIGNALS, Signals
from payments.fx.service import Fx
from shared.ids import new_uuid

_log = logging.getLogger(__name__)

# A payment does not wait longer than this for Redis.
_REDIS_SECONDS = 0.05
_REBUILD_SECONDS = 5.0
_MOST_REBUILT = 200_000
_DEFAULT_RULES = Path(__file__).with_name("default_rules.json")


class Fraud:
    """Scores payments."""

    def __init__(self, database: Database, redis_url: str, fx: Fx) -> None:
        """Take where payments are stored, where they are counted, and what compares amounts."""
        self._database = database
        self._fx = fx
        self._redis = RedisConnection(redis_url, timeout=_REBUILD_SECONDS)
        self._counters = Counters(RedisConnection(redis_url, timeout=_REDIS_SECONDS))
        rules = json.loads(_DEFAULT_RULES.read_text(encoding="utf-8"))
        self._rules = RuleSet(1, [Rule(id=new_uuid(), **rule) for rule in rules])

    async def assess(self, attempt: Attempt, merchant: MerchantTerms) -> Decision:
        """Count a payment and decide it; a replay is counted once."""
        return decide(attempt, await self._signals(attempt), merchant, self._rules)

    async def rebuild(self) -> int:
        """Count the last day again when Redis has come back empty; return how many payments. For the worker.

        Until the marker is set, decisions do not rely on the counters.
        """
        try:
            if await self._redis.call("EXISTS", READY_KEY):
                return 0
            async with self._database.snapshot() as connection:
                rows = await repository.last_day(connection, _MOST_REBUILT)
            counters = Counters(self._redis)
            await counters.count([await self._attempt(dict(row)) for row in rows])
            await self._redis.call("SET", READY_KEY, 1)
        except (RedisUnavailableError, RedisReplyError) as error:
            _log.warning("the counters cannot be rebuilt now: %s", error)
            return 0
        return len(rows)

    async def close(self) -> None:
        """Disconnect."""
        await self._counters.close()
        await self._redis.close()

    async def _attempt(self, row: dict[str, object]) -> Attempt:
        at, country = row.pop("created_at"), row.pop("ip_country")
        worth = await self._fx.worth(row["amount"], row["currency"], "USD", at)  # type: ignore[arg-type]
        return Attempt(**row, at=at, customer_ip_country=country, amount_usd=worth)  # type: ignore[arg-type]

    async def _signals(self, attempt: Attempt) -> Signals:
        try:
            return Signals(list(await self._counters.observe(attempt)), "redis")
        except CountersUnavailableError as error:
            _log.info("no signals from Redis: %s", error)
            return NO_SIGNALS
