"""Counters in Redis: windows, replays, modes, distinct values."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from payments.fraud.counters import CountersUnavailableError
from payments.fraud.vocabulary import WINDOWS
from shared.ids import new_uuid
from tests.fraud.conftest import named

BUCKETS = {"1m": 5, "10m": 30, "1h": 300, "24h": 3600}
OTHER_CARD = "cd" * 32


async def test_the_signals_of_a_payment_include_itself(bench):
    found = await bench.pay(amount=500, customer_ip="203.0.113.7", device_id="phone")
    for window in WINDOWS:
        for subject in ("card", "merchant", "ip", "device"):
            assert found[f"{subject}_count_{window}"] == 1
            assert found[f"{subject}_amount_usd_{window}"] == 500
        assert found[f"card_merchants_{window}"] == found[f"card_same_amount_{window}"] == 1
        assert found[f"ip_cards_{window}"] == 1


async def test_what_a_payment_does_not_have_is_zero(bench):
    await bench.pay(customer_ip="203.0.113.7", device_id="phone")
    found = await bench.pay()
    assert [value for name, value in found.items() if name.startswith(("ip_", "device_"))] == [0] * 20


@pytest.mark.parametrize("window", WINDOWS)
async def test_a_payment_counts_for_the_window_and_at_most_one_bucket_longer(bench, clock, window):
    clock.now -= clock.now % 3600  # the start of a bucket of every window
    await bench.pay()
    start, length, bucket = clock.now, WINDOWS[window], BUCKETS[window]
    clock.now = start + length
    assert (await bench.look())[f"card_count_{window}"] == 2
    clock.now = start + length + bucket - 0.001
    assert (await bench.look())[f"card_count_{window}"] == 2
    clock.now = start + length + bucket
    assert (await bench.look())[f"card_count_{window}"] == 1


@pytest.mark.parametrize("window", WINDOWS)
async def test_windows_slide_whatever_arrives_meanwhile(bench, clock, window):
    """A known bug of such counters: each payment renews the life of all of them."""
    clock.now -= clock.now % 3600
    step = WINDOWS[window] / 4
    counts = []
    for _ in range(12):
        counts.append((await bench.pay())[f"card_count_{window}"])
        clock.now += step
    assert counts[:4] == [1, 2, 3, 4]
    assert set(counts[4:]) == {5}  # the one at the very edge is still in its bucket


Step = st.tuples(st.floats(0, 20_000), st.integers(0, 2), st.integers(1, 3))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(Step, min_size=1, max_size=40), st.floats(0, 3600))
async def test_counts_and_sums_are_exact_but_for_one_bucket(bench, clock, valkey, steps, offset):
    valkey.flushdb()
    valkey.set("fraud:ready", 1)
    clock.now += offset
    history: list[tuple[float, int, int]] = []
    for pause, card, amount in steps:
        clock.now = round(clock.now + pause, 3)
        history.append((clock.now, card, amount * 100))
        found = await bench.pay(card_fingerprint=f"{card:064x}", amount=amount * 100, customer_ip="203.0.113.7")
        for window, length in WINDOWS.items():
            least = [paid for paid in history if paid[0] > clock.now - length]
            most = [paid for paid in history if paid[0] > clock.now - length - BUCKETS[window] - 0.001]
            for subject, cards in (("card", {card}), ("ip", {0, 1, 2})):
                low, high = [p for p in least if p[1] in cards], [p for p in most if p[1] in cards]
                assert len(low) <= found[f"{subject}_count_{window}"] <= len(high)
                total = found[f"{subject}_amount_usd_{window}"]
                assert sum(p[2] for p in low) <= total <= sum(p[2] for p in high)
            assert len({p[1] for p in least}) <= found[f"ip_cards_{window}"] <= len({p[1] for p in most})
            same = sum(p[1:] == (card, amount * 100) for p in least)
            assert same <= found[f"card_same_amount_{window}"]


async def test_a_replay_counts_once(bench, clock):
    found = await bench.pay(idempotency_key="k", customer_ip="203.0.113.7", device_id="d")
    for _ in range(3):
        clock.now += 1
        assert await bench.pay(idempotency_key="k", customer_ip="203.0.113.7", device_id="d") == found
    assert found["card_count_1m"] == found["merchant_count_1m"] == found["ip_count_1m"] == found["device_count_1m"] == 1
    assert found["card_same_amount_1m"] == 1
    clock.now += 86_000  # the next day
    assert (await bench.pay(idempotency_key="k"))["card_count_1m"] == 0
    assert (await bench.look(idempotency_key="other"))["card_count_1m"] == 1


async def test_replays_in_one_batch_and_with_other_content_count_once(bench):
    attempts = [bench.attempt(idempotency_key="k") for _ in range(10)]
    attempts.append(bench.attempt(idempotency_key="k", card_fingerprint=OTHER_CARD))
    found = await bench.counters.observe(attempts)
    assert {named(values)["merchant_count_1m"] for values in found} == {1}


async def test_a_key_belongs_to_its_merchant_and_mode(bench):
    await bench.pay(idempotency_key="k")
    other = new_uuid()
    assert (await bench.pay(idempotency_key="k", merchant_id=other))["card_count_1m"] == 2
    assert (await bench.pay(idempotency_key="k", livemode=False))["card_count_1m"] == 1


async def test_modes_never_meet(bench):
    for number in range(3):
        await bench.pay(idempotency_key=f"live {number}", customer_ip="203.0.113.7", device_id="d")
    found = await bench.pay(livemode=False, customer_ip="203.0.113.7", device_id="d")
    assert found["card_count_1m"] == found["merchant_count_1m"] == found["ip_count_1m"] == found["device_count_1m"] == 1


async def test_test_cards_are_counted_per_merchant(bench):
    """Test cards are the same few numbers for everybody; one merchant's tests are not another's signals."""
    for _ in range(3):
        await bench.pay(livemode=False, merchant_id=new_uuid(), customer_ip="127.0.0.1", device_id="d")
    found = await bench.pay(livemode=False, customer_ip="127.0.0.1", device_id="d")
    assert found["card_count_1h"] == found["card_merchants_1h"] == found["ip_count_1h"] == found["device_count_1h"] == 1


async def test_distinct_merchants_of_a_card(bench, clock):
    merchants = [new_uuid() for _ in range(3)]
    found = [await bench.pay(merchant_id=merchant) for merchant in [*merchants, *merchants]][-1]
    assert (found["card_merchants_1m"], found["card_count_1m"]) == (3, 6)
    clock.now += 3600 + 300
    found = await bench.pay(merchant_id=merchants[0])
    assert (found["card_merchants_1h"], found["card_merchants_24h"]) == (1, 3)


async def test_distinct_values_stop_at_64_and_keep_the_latest(bench, clock):
    for number in range(80):
        clock.now += 1
        await bench.pay(card_fingerprint=f"{number:064x}", customer_ip="203.0.113.7")
    assert (await bench.look(card_fingerprint=f"{79:064x}", customer_ip="203.0.113.7"))["ip_cards_1h"] == 64
    clock.now += 3600
    await bench.pay(card_fingerprint=f"{79:064x}", customer_ip="203.0.113.7")
    assert (await bench.look(card_fingerprint=f"{79:064x}", customer_ip="203.0.113.7"))["ip_cards_24h"] == 64


async def test_the_same_amount_is_of_the_same_currency(bench):
    found = [await bench.pay(amount=1000, currency=currency) for currency in ("USD", "EUR", "EUR")][-1]
    assert found["card_same_amount_1h"] == 2
    assert (await bench.pay(amount=1001, currency="EUR"))["card_same_amount_1h"] == 1
    assert found["card_amount_usd_1h"] == 3000


async def test_an_amount_without_a_rate_is_counted_and_not_summed(bench):
    await bench.pay(amount=700)
    found = await bench.pay(amount_usd=None, currency="KZT")
    assert (found["card_count_1m"], found["card_amount_usd_1m"]) == (2, 700)


async def test_looking_counts_nothing_and_sees_what_paying_would(bench, valkey):
    before = sorted(valkey.keys())
    looked = await bench.look(idempotency_key="k", customer_ip="203.0.113.7", device_id="d")
    assert sorted(valkey.keys()) == before
    assert looked == await bench.look(idempotency_key="k", customer_ip="203.0.113.7", device_id="d")
    assert looked == await bench.pay(idempotency_key="k", customer_ip="203.0.113.7", device_id="d")
    assert looked == await bench.look(idempotency_key="k", customer_ip="203.0.113.7", device_id="d")


async def test_a_batch_sees_its_own_payments_in_order(bench):
    found = await asyncio.gather(*(bench.pay() for _ in range(200)))
    assert sorted(values["card_count_1m"] for values in found) == list(range(1, 201))
    assert found[-1]["merchant_amount_usd_24h"] == 200 * 1999


async def test_late_and_out_of_order_payments_land_where_they_belong(bench, clock):
    """A rebuild counts the newest payments first, while new ones arrive."""
    start = clock.now
    for minutes in (0, 3, 50, 700, 1439, 30):
        at = datetime.fromtimestamp(start - minutes * 60, UTC)
        await bench.counters.count([bench.attempt(at=at, merchant_id=new_uuid())])
    found = await bench.look()
    assert [found[f"card_count_{window}"] - 1 for window in WINDOWS] == [1, 2, 4, 6]
    assert [found[f"card_merchants_{window}"] - 1 for window in WINDOWS] == [1, 2, 4, 6]


async def test_counting_again_changes_nothing(bench, clock):
    moments = [clock.moment() - timedelta(minutes=17 * number) for number in range(80)]
    attempts = [bench.attempt(at=at, customer_ip="203.0.113.7") for at in moments]
    await bench.counters.count(attempts)
    once = await bench.look()
    await bench.counters.count(list(reversed(attempts)))
    assert await bench.look() == once
    assert once["card_count_24h"] == 81


async def test_what_is_older_than_a_day_is_not_counted(bench, clock):
    await bench.counters.count([bench.attempt(at=clock.moment() - timedelta(hours=26))])
    found = await bench.look()
    assert found["card_count_24h"] == 1


async def test_without_the_marker_payments_are_counted_and_nobody_relies_on_it(bench, valkey):
    valkey.delete("fraud:ready")
    with pytest.raises(CountersUnavailableError, match="rebuilt"):
        await bench.pay()
    with pytest.raises(CountersUnavailableError, match="rebuilt"):
        await bench.look()
    valkey.set("fraud:ready", 1)
    assert (await bench.look())["card_count_1m"] == 2
