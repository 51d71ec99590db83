"""Redis gone, slow, empty; PostgreSQL slow: payments go on, and their receipts say what they were decided by."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from payments.fraud.counters import READY_KEY
from payments.fraud.fallback import FallbackUnavailableError
from payments.fraud.repository import BOUND
from tests.conftest import Database
from tests.fraud.relay import Relay, relayed
from tests.fraud.shop import fresh_card, pay, shop
from tests.support import Caller, Platform, platform_on

IP, DEVICE = "192.0.2.44", "device of degradation"


@pytest.fixture
async def cut(database: Database, valkey, valkey_server, key_folder) -> AsyncIterator[tuple[Platform, Relay]]:
    """The service behind a relay to Redis that can be cut; what was counted before is gone."""
    async with relayed(valkey_server) as (relay, url), platform_on(database, url, key_folder) as platform:
        yield platform, relay


def try_again(platform: Platform) -> None:
    """Let the second pass after which Redis is tried again."""
    platform.container.fraud._counters._redis._retry_at = 0
    platform.container.fraud._rebuild._redis._retry_at = 0


async def paid(caller: Caller, number: str, **changes: Any) -> dict[str, Any]:
    payment = await pay(caller, number, **{"customer_ip": IP, "device_id": DEVICE} | changes)
    decision: dict[str, Any] = payment["decision"]
    return decision


async def test_without_redis_the_database_gives_the_same_signals(cut):
    platform, relay = cut
    caller, number = await shop(platform), fresh_card()
    for amount in (500, 500, 700):
        assert (await paid(caller, number, amount=amount))["source"] == "redis"
    await paid(caller, fresh_card())
    await relay.stop()
    decision = await paid(caller, number, amount=500)
    await relay.start()
    assert (decision["source"], decision["missing"], decision["undecided"]) == ("postgres", [], [])
    assert decision["signals"]["card"]["count"] == [4] * 4
    assert decision["signals"]["card"]["amount_usd"] == [2200] * 4
    assert decision["signals"]["card"]["same_amount"] == [3] * 4
    assert decision["signals"]["card"]["merchants"] == [1] * 4
    assert decision["signals"]["merchant"]["count"] == [5] * 4
    assert decision["signals"]["ip"] == {"count": [5] * 4, "amount_usd": [4199] * 4, "cards": [2] * 4}
    assert decision["signals"]["device"] == {"count": [5] * 4, "amount_usd": [4199] * 4}


async def test_rules_work_on_signals_from_the_database(cut):
    platform, relay = cut
    caller, number = await shop(platform), fresh_card()
    await relay.stop()
    scores = [(await paid(caller, number))["score"] for _ in range(4)]
    await relay.start()
    assert scores == [0, 0, 0, 25]  # the fourth repeats an amount


async def test_beyond_what_is_looked_at_signals_are_missing(cut):
    platform, relay = cut
    caller = await shop(platform)
    numbers = [fresh_card() for _ in range(10)]
    for _ in range(BOUND // 10):
        await asyncio.gather(*(paid(caller, number) for number in numbers))
    with platform.sql() as connection:
        # All but the last are older than a minute.
        connection.execute(
            "UPDATE payments.payments SET id = payments.uuid7_floor(now() - interval '2 min' - n * interval '1 ms') "
            "FROM (SELECT id AS was, row_number() OVER (ORDER BY id DESC) AS n FROM payments.payments "
            "WHERE merchant_id = %s) old WHERE id = old.was AND n > 1",
            [caller.identity.merchant_id],
        )
    await relay.stop()
    decision = await paid(caller, fresh_card(), customer_ip=None, device_id=None)
    await relay.start()
    assert decision["signals"]["merchant"]["count"] == [2, None, None, None]
    assert set(decision["missing"]) == {
        f"signals.merchant_{quantity}_{window}"
        for quantity in ("count", "amount_usd")
        for window in ("10m", "1h", "24h")
    }
    assert decision["undecided"] == ["merchant_velocity"]


@pytest.mark.parametrize(("policy", "status"), [("approve", "captured"), ("review", "review"), ("decline", "declined")])
async def test_with_neither_the_policy_decides(cut, monkeypatch, policy, status):
    platform, relay = cut

    async def too_late(*_: object) -> None:
        raise FallbackUnavailableError("too late")

    monkeypatch.setattr(platform.container.fraud._fallback, "signals", too_late)
    caller = await shop(platform, fallback_policy=policy)
    number = await caller.card(fresh_card())
    await relay.stop()
    payment = await caller.pay(amount=1999, currency="USD", payment_method=number)
    await relay.start()
    assert payment["status"] == status
    decision = payment["decision"]
    assert (decision["source"], decision["decided_by"], decision["signals"]) == ("degraded", "policy", {})
    assert len(decision["missing"]) == 44
    assert "card_velocity_count" in decision["undecided"]
    assert "country_mismatch" not in decision["undecided"]


async def test_a_slow_database_is_no_answer_either(cut, monkeypatch):
    platform, relay = cut
    fraud = platform.container.fraud
    monkeypatch.setattr(fraud._fallback, "_seconds", 0.0)
    caller, number = await shop(platform, fallback_policy="approve"), fresh_card()
    await caller.card(number)
    await relay.stop()
    decision = await paid(caller, number)
    await relay.start()
    assert decision["source"] == "degraded"


async def test_a_silent_redis_is_given_up(cut, monkeypatch):
    platform, relay = cut
    caller, number = await shop(platform), fresh_card()
    await paid(caller, number)
    relay.silent = True
    decisions = await asyncio.gather(*(paid(caller, number, amount=100 + extra) for extra in range(5)))
    relay.silent = False
    assert {decision["source"] for decision in decisions} == {"postgres"}


async def test_an_empty_redis_is_filled_before_anybody_relies_on_it(cut, valkey):
    platform, relay = cut
    caller, number = await shop(platform), fresh_card()
    before = [await paid(caller, number, amount=amount) for amount in (500, 500, 700)][-1]
    await relay.stop()
    during = await paid(caller, number, amount=500)
    valkey.flushall()
    await relay.start()
    try_again(platform)
    empty = await paid(caller, number, amount=500)
    assert (before["source"], during["source"], empty["source"]) == ("redis", "postgres", "postgres")
    assert empty["signals"]["card"]["count"] == [5] * 4
    assert await platform.container.fraud.rebuild() > 0
    after = await paid(caller, number, amount=500)
    assert after["source"] == "redis"
    assert after["signals"]["card"]["count"] == [6] * 4
    assert after["signals"]["card"]["same_amount"] == [5] * 4
    assert after["signals"]["card"]["amount_usd"] == [3200] * 4
    assert after["signals"]["ip"]["cards"] == [1] * 4


async def test_one_worker_rebuilds_and_a_complete_redis_is_left_alone(cut, valkey):
    platform, _ = cut
    caller = await shop(platform)
    await pay(caller)
    assert await platform.container.fraud.rebuild() == 0
    valkey.delete(READY_KEY)
    valkey.set("fraud:rebuilding", "somebody else")
    assert await platform.container.fraud.rebuild() == 0
    assert not valkey.exists(READY_KEY)
    valkey.delete("fraud:rebuilding")
    assert await platform.container.fraud.rebuild() > 0
    assert valkey.exists(READY_KEY)
    assert not valkey.exists("fraud:rebuilding")


async def test_killing_redis_under_load_loses_no_payment(cut, valkey):
    platform, relay = cut
    caller = await shop(platform, review_threshold=101, decline_threshold=101, fallback_policy="approve")
    cards = [fresh_card() for _ in range(8)]
    for card in cards:
        await caller.card(card)
    made: list[dict[str, Any]] = []
    progress = asyncio.Event()

    async def client(number: str) -> None:
        for turn in range(40):
            made.append(await pay(caller, number, amount=1000 + turn))
            if len(made) in (60, 160):
                progress.set()

    async def saboteur() -> None:
        await progress.wait()
        progress.clear()
        await relay.stop()
        await progress.wait()
        valkey.flushall()
        await relay.start()
        try_again(platform)
        await platform.container.fraud.rebuild()

    await asyncio.gather(saboteur(), *(client(card) for card in cards))
    assert len(made) == 320
    assert {payment["status"] for payment in made} == {"captured"}
    sources = {payment["decision"]["source"] for payment in made}
    assert sources >= {"redis", "postgres"}
    await platform.container.fraud.rebuild()
    last = await pay(caller, cards[0])
    assert last["decision"]["source"] == "redis"
    assert last["decision"]["signals"]["merchant"]["count"] == [321] * 4
