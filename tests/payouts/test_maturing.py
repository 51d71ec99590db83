"""Captured money becomes available on the right day, once, and what is given back comes with it."""

import asyncio
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from payments.merchants.schemas import _TIME_ZONES
from payments.payouts import maturing, repository
from tests.payouts.conftest import shop
from tests.support import Caller, Platform, body_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

BERLIN = ZoneInfo("Europe/Berlin")


def matures_at(service: Platform, moment: datetime, zone: str, days: int):
    [(found,)] = service.rows("SELECT payments.matures_at(%s, %s, %s)", moment, zone, days)
    return found


async def refund(merchant: Caller, payment: str, amount: int | None = None) -> None:
    body = {} if amount is None else {"amount": amount}
    body_of(await merchant.post(f"/v1/payments/{payment}/refunds", body), 201)


async def both(merchant: Caller) -> tuple[int, int]:
    balance = await merchant.balance()
    return balance["pending"], balance["available"]


async def test_money_waits_for_its_day_and_no_longer(service: Platform):
    merchant = await shop(service, delay_days=2)
    await merchant.pay(amount=1_000)
    await service.container.maturing.run()
    assert await both(merchant) == (1_000, 0)
    service.clock.advance(days=1)
    await service.container.maturing.run()
    assert await both(merchant) == (1_000, 0)
    service.clock.advance(days=1)
    await service.container.maturing.run()
    assert await both(merchant) == (0, 1_000)
    assert await service.container.maturing.run() == 0
    assert await both(merchant) == (0, 1_000)


async def test_without_a_delay_money_is_available_at_once(service: Platform, quick: Caller):
    for amount in (100, 200):
        await quick.pay(amount=amount)
    await service.container.maturing.run()
    assert await both(quick) == (0, 300)


async def test_a_refund_counts_together_with_its_capture(service: Platform):
    merchant = await shop(service, delay_days=1)
    payment = await merchant.pay(amount=1_000)
    await refund(merchant, payment["id"], 400)
    await service.container.maturing.run()
    assert await both(merchant) == (600, 0), "neither of them is available"
    service.clock.advance(days=1)
    await service.container.maturing.run()
    assert await both(merchant) == (0, 600)
    await refund(merchant, payment["id"])
    assert await both(merchant) == (-600, 600)
    await service.container.maturing.run()
    assert await both(merchant) == (0, 0), "its capture is available already, so it is taken from there"


async def test_what_a_merchant_owes_becomes_due_too(service: Platform):
    merchant = await service.shop(fixed=30, payouts={"delay_days": 0, "schedule": "manual"})
    payment = await merchant.pay(amount=20)
    await service.container.maturing.run()
    assert await both(merchant) == (0, -10), "the fee is more than the payment"
    await refund(merchant, payment["id"])
    await service.container.maturing.run()
    assert await both(merchant) == (0, -30)


async def test_partial_captures_of_a_converted_payment_mature_to_the_unit(service: Platform):
    merchant = await shop(service, delay_days=0)
    payment = await merchant.authorize(amount=1_001, currency="GBP")
    path = f"/v1/payments/{payment['id']}"
    for amount in (333, 333, 335):
        body_of(await merchant.post(f"{path}/capture", {"amount": amount, "final": False}), 200)
    await refund(merchant, payment["id"], 500)
    net = body_of(await merchant.get(path), 200)["settlement"]["net"]
    await service.container.maturing.run()
    assert await both(merchant) == (0, net)


async def test_many_workers_make_money_available_once(service: Platform, quick: Caller):
    for _ in range(10):
        await quick.pay(amount=7)
    await asyncio.gather(*(service.container.maturing.run() for _ in range(4)))
    assert await both(quick) == (0, 70)


async def test_a_late_commit_is_not_skipped(service: Platform, quick: Caller):
    await quick.pay(amount=5)
    with service.sql() as other, other.transaction():
        other.execute("SELECT pg_current_xact_id()")  # a transaction that goes on running
        await quick.pay(amount=6)
        await service.container.maturing.run()
    await service.container.maturing.run()
    assert await both(quick) == (0, 11)


async def test_a_backlog_is_collected_in_parts_and_matured_in_batches(
    service: Platform, quick: Caller, monkeypatch: pytest.MonkeyPatch
):
    await service.container.maturing.run()
    monkeypatch.setattr(repository, "_XACTS", 2)
    monkeypatch.setattr(maturing, "_BATCH", 3)
    payments = [await quick.pay(amount=100) for _ in range(7)]
    await refund(quick, payments[0]["id"], 30)
    assert await service.container.maturing.run() == 8
    assert await both(quick) == (0, 670)
    rows = service.rows(
        "SELECT items FROM payments.maturities WHERE merchant_id = %s ORDER BY id", quick.identity.merchant_id
    )
    assert [items for (items,) in rows] == [3, 3, 2]


async def test_every_maturity_leaves_an_event(service: Platform, quick: Caller):
    await quick.pay(amount=9)
    await service.container.maturing.run()
    [(data,)] = service.rows(
        "SELECT data FROM payments.events WHERE merchant_id = %s AND type = 'balance.available'",
        quick.identity.merchant_id,
    )
    assert (data["amount"], data["currency"], data["items"], data["livemode"]) == (9, "EUR", 1, False)


async def test_the_days_of_a_delay_are_the_merchants_calendar_days(service: Platform):
    late = datetime(2026, 3, 10, 23, 30, tzinfo=BERLIN)
    assert matures_at(service, late, "Europe/Berlin", 2) == datetime(2026, 3, 12, tzinfo=BERLIN)
    assert matures_at(service, late, "UTC", 2) == datetime(2026, 3, 12, tzinfo=UTC)
    assert matures_at(service, late, "Asia/Tokyo", 2) == datetime(2026, 3, 13, tzinfo=ZoneInfo("Asia/Tokyo"))


@pytest.mark.parametrize(
    ("moment", "hours"),
    [
        (datetime(2026, 3, 28, 12, tzinfo=BERLIN), 47),  # the clocks go forward on the 29th
        (datetime(2026, 10, 24, 12, tzinfo=BERLIN), 49),  # and back on October 25th
        (datetime(2026, 6, 10, 12, tzinfo=BERLIN), 48),
    ],
)
async def test_days_with_a_change_of_the_clocks_are_days(service: Platform, moment: datetime, hours: int):
    due = matures_at(service, moment, "Europe/Berlin", 2)
    start = moment.replace(hour=0)
    assert due.astimezone(UTC) - start.astimezone(UTC) == timedelta(hours=hours)
    assert due.astimezone(BERLIN).hour == 0


async def test_a_day_without_a_midnight_starts_later(service: Platform):
    zone = ZoneInfo("America/Santiago")  # on 2026-09-06, the clocks go from midnight to one o'clock
    due = matures_at(service, datetime(2026, 9, 5, 12, tzinfo=zone), "America/Santiago", 1)
    assert due.astimezone(zone) == datetime(2026, 9, 6, 1, tzinfo=zone)


async def test_the_database_knows_every_time_zone_a_merchant_may_have(service: Platform):
    # One it did not know would stop the maturing of everybody's money.
    known = {name for (name,) in service.rows("SELECT name FROM pg_timezone_names")}
    for name in _TIME_ZONES - known:  # it understands some without listing them
        service.rows("SELECT now() AT TIME ZONE %s", name)
