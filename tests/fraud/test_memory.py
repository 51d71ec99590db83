"""What counters cost in memory. docs/decisions/0008-fraud-signals.md quotes these bounds."""

from datetime import UTC, datetime

from shared.ids import new_uuid

ORDINARY_CARD = 128
BUSIEST_CARD = 2304
BUSIEST_IP = 1024
DAY = 86_400


def usage(valkey, prefix: bytes) -> list[int]:
    return [valkey.memory_usage(key) for key in valkey.keys(prefix + b"*")]


async def test_an_ordinary_card_is_small(bench, valkey):
    for number in range(100):
        await bench.pay(card_fingerprint=f"{number:064x}")
    cards = usage(valkey, b"fcl")
    assert len(cards) == 100
    assert max(cards) <= ORDINARY_CARD


async def test_no_card_or_ip_grows_beyond_its_bound(bench, valkey, clock):
    """Five thousand payments of a day, evenly: every bucket of every window is full."""
    attempts = [
        bench.attempt(
            at=datetime.fromtimestamp(clock.now - DAY + number * DAY / 5000, UTC),
            amount=100_000_000 + number,
            merchant_id=new_uuid(),
            customer_ip="203.0.113.7",
        )
        for number in range(4900)
    ]
    attempts += [
        bench.attempt(
            at=datetime.fromtimestamp(clock.now - number / 10, UTC), merchant_id=new_uuid(), customer_ip="203.0.113.7"
        )
        for number in range(6000)
    ]
    await bench.counters.count(attempts)
    found = await bench.look(customer_ip="203.0.113.7")
    assert found["card_count_24h"] == 10_901
    [card] = usage(valkey, b"fcl")
    [ip] = usage(valkey, b"fil")
    assert card <= BUSIEST_CARD
    assert ip <= BUSIEST_IP


async def test_everything_expires(bench, valkey):
    await bench.pay(customer_ip="203.0.113.7", device_id="d")
    lives = {key[:2]: valkey.ttl(key) for key in valkey.keys("f[a-z]*") if not key.startswith(b"fraud")}
    assert lives.keys() == {b"fc", b"fm", b"fi", b"fd", b"fg"}
    assert all(0 < life <= 2 * DAY for life in lives.values())


async def test_replays_are_remembered_in_a_few_bytes(bench, valkey):
    await bench.counters.count([bench.attempt(idempotency_key=str(number)) for number in range(3000)])
    guards = usage(valkey, b"fg")
    assert sum(guards) / 3000 < 128
    key = valkey.keys("fg*")[0]
    for number in range(400):
        valkey.sadd(key, (1 << 46) + number)
    assert valkey.object("encoding", key) == b"intset"
    assert valkey.memory_usage(key) / 400 < 12
