"""What the worker measures beside its work: backlogs, outcomes nobody knows, the books."""

from datetime import timedelta
from time import time

import pytest

from payments.key_ages.service import KeyAges
from shared.ids import uuid_of
from tests.support import platform_on


@pytest.fixture
async def service(database, redis_url, tmp_path):
    async with platform_on(database, redis_url, tmp_path) as platform:
        yield platform


KEY_SINCE = "payments_key_since_timestamp_seconds"


def gauge(service, name, *labels):
    return service.container.telemetry.registry.gauge(name).of(*labels).value


async def test_events_wait_until_they_have_numbers(service):
    shop = await service.shop()
    await shop.pay()
    await service.container.vitals.backlogs()
    assert gauge(service, "payments_outbox_events") > 0
    await service.container.sequencer.run()
    await service.container.vitals.backlogs()
    assert gauge(service, "payments_outbox_events") == 0
    assert gauge(service, "payments_outbox_oldest_seconds") == 0


async def test_outcomes_that_nobody_knows_are_counted_with_their_age(service):
    shop = await service.shop()
    payment = await shop.authorize()
    with service.sql() as connection:
        connection.execute(
            "UPDATE payments.payments SET status = 'unknown', acquirer_deadline = now() - interval '2 hours' "
            "WHERE id = %s",
            (uuid_of("pay", payment["id"]),),
        )
    await service.container.vitals.backlogs()
    assert gauge(service, "payments_unknown") == 1
    assert 7_200 <= gauge(service, "payments_unknown_oldest_seconds") < 7_300


async def test_the_books_balance_until_somebody_changes_them_by_hand(service):
    shop = await service.shop()
    await shop.pay()
    await service.container.ledger.roll_up()
    await service.container.vitals.books()
    assert gauge(service, "payments_ledger_balanced", "test") == 1
    with service.sql() as connection:
        connection.execute(
            "UPDATE payments.ledger_balances SET amount = amount + 1 "
            "WHERE account_id = (SELECT account_id FROM payments.ledger_balances LIMIT 1)"
        )
    await service.container.vitals.books()
    assert gauge(service, "payments_ledger_balanced", "test") == 0


async def test_our_keys_are_seen(service):
    began = time()
    await service.container.vitals.keys()
    for purpose in ("identity", "keyring", "vault"):
        assert gauge(service, KEY_SINCE, purpose) == pytest.approx(began, abs=60), purpose


async def test_a_key_is_as_old_as_its_first_use(service):
    used = ["k1"]

    async def tell():
        return used

    ages = KeyAges(service.container.database, {"keyring": tell})
    first = (await ages.since())["keyring"]
    assert (await ages.since())["keyring"] == first
    with service.sql() as connection:
        connection.execute("UPDATE payments.keys_seen SET first_seen = first_seen - interval '400 days'")
    assert (await ages.since())["keyring"] == first - timedelta(days=400)
    used[:] = ["k1", "k2"]  # one replaces the other
    assert (await ages.since())["keyring"] > first
    used[:] = ["k1"]
    assert (await ages.since())["keyring"] == first - timedelta(days=400), "back to the old one"


async def test_business_is_counted_once_per_commit(service):
    registry = service.container.telemetry.registry
    shop = await service.shop()
    body = await shop.payment(amount=700)
    for _ in range(2):
        await shop.request("POST", "/v1/payments", key="the-same", json=body)
    held = await shop.authorize(amount=1_000)
    await shop.post(f"/v1/payments/{held['id']}/capture", {"amount": 400})
    await shop.post(f"/v1/payments/{held['id']}/refunds", {"amount": 150})
    await shop.pay("4000000000000002")
    assert registry.counter("payments_created_total").of("EUR", "captured", "test").value == 1
    assert registry.counter("payments_created_total").of("EUR", "authorized", "test").value == 1
    assert registry.counter("payments_created_total").of("EUR", "declined", "test").value == 1
    assert registry.counter("payments_captured_minor_units_total").of("EUR", "test").value == 1_100
    assert registry.counter("payments_refunded_minor_units_total").of("EUR", "test").value == 150
    assert registry.counter("payments_idempotent_replays_total").of().value == 1
    assert registry.counter("payments_decisions_total").of("approve", "redis").value >= 3
