"""What deciding a payment costs by itself: the time of the rules, the memory of the counters."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import process_time
from timeit import repeat
from typing import Any

import redis

from bench.load import BenchError
from payments.devtools.client import Client
from payments.devtools.servers import Valkey
from payments.fraud.counters import Counters
from payments.fraud.expressions import Value
from payments.fraud.rules import Rule, RuleSet
from payments.fraud.schemas import Attempt
from payments.fraud.vocabulary import VARIABLES
from shared.ids import new_uuid
from shared.redis_connection import RedisConnection

_PATIENCE = 5.0
_EVALUATIONS = 2000
_REPETITIONS = 9


def active_rules(admin: Client) -> list[Rule]:
    """Return the platform's rules that are on."""
    found = admin.get("/v1/fraud/rules?limit=100").body["data"]
    return [
        Rule(id=new_uuid(), **{name: shown[name] for name in Rule.__struct_fields__ if name != "id"})
        for shown in found
        if shown["active"]
    ]


def rules_microseconds(rules: Sequence[Rule]) -> float:
    """Return the CPU time of one evaluation of all rules, for a payment that has everything a rule may ask for."""
    rule_set = RuleSet(1, rules)
    known: dict[str, Value] = {name: 1 if kind == "int" else "DE" for name, (kind, _) in VARIABLES.items()}
    if None in rule_set.evaluate(known):
        raise BenchError("a rule could not be evaluated")
    times = repeat(lambda: rule_set.evaluate(known), timer=process_time, number=_EVALUATIONS, repeat=_REPETITIONS)
    return 1e6 * min(times) / _EVALUATIONS


def redis_megabytes(folder: Path, cards: int) -> float:
    """Return what a million active cards take in Redis: cards that paid once today, their guards against replays too.

    In a server of its own, for the one that serves payments holds other things as well.
    """
    with Valkey(folder) as valkey:
        return asyncio.run(_megabytes(valkey.url, cards))


async def _megabytes(url: str, cards: int) -> float:
    counters, now, merchant = Counters(RedisConnection(url, timeout=_PATIENCE)), datetime.now(UTC), new_uuid()
    paid = [_attempt(f"{number:064x}", merchant_id=merchant, at=now) for number in range(cards + 1)]
    with redis.Redis.from_url(url) as client:
        await counters.count(paid[:1])  # the script and the merchant's own record are not the cards'
        empty = int(client.info("memory")["used_memory"])
        await counters.count(paid[1:])
        used = int(client.info("memory")["used_memory"]) - empty
    await counters.close()
    return used / cards


def _attempt(fingerprint: str, **known: Any) -> Attempt:  # noqa: ANN401 - the fields of an attempt
    return Attempt(
        livemode=True,
        idempotency_key=fingerprint,
        amount=1999,
        currency="USD",
        amount_usd=1999,
        capture_method="automatic",
        card_fingerprint=fingerprint,
        card_brand="visa",
        card_bin="424242",
        card_country=None,
        customer_ip=None,
        customer_ip_country=None,
        device_id=None,
        **known,
    )
