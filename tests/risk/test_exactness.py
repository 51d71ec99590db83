"""Limits hold exactly: under a burst, over several processes, and when money comes back."""

import asyncio
from collections import Counter
from datetime import date
from uuid import UUID

import pytest

from tests.support import VISA, Caller, Platform, body_of, limit, platform_on, problem_of


def day_of(platform: Platform, shop: Caller):
    query = """
        SELECT volume, count, approved, declined, limited FROM payments.merchant_days
         WHERE merchant_id = %s AND count + approved + declined > 0
    """
    return platform.rows(query, shop.identity.merchant_id)


async def test_two_hundred_payments_at_once_against_headroom_for_ten_approve_exactly_ten(
    platform, shop, database, redis_url, key_folder
):
    await limit(shop, daily_volume=1000)
    body = await shop.payment(amount=100)
    async with platform_on(database, redis_url, key_folder) as second:
        callers = [shop, Caller(second, shop.identity)]
        replies = await asyncio.gather(*(callers[i % 2].post("/v1/payments", body) for i in range(200)))
    outcomes = Counter((reply.status_code, reply.json()["status"]) for reply in replies)
    assert outcomes == {(201, "captured"): 10, (201, "declined"): 190}
    assert day_of(platform, shop) == [(1000, 10, 10, 190, 190)]


async def test_the_decline_says_that_a_limit_was_reached(platform, shop):
    await limit(shop, single_amount=500)
    payment = await shop.pay(amount=501)
    assert payment["decline"]["code"] == "limit_exceeded"
    assert (await shop.pay(amount=500))["status"] == "captured"


async def test_a_replay_counts_once(platform, shop):
    await limit(shop, daily_count=2)
    body = await shop.payment(amount=100)
    replies = await asyncio.gather(*(shop.post("/v1/payments", body, key="one key") for _ in range(20)))
    assert {reply.json()["status"] for reply in replies} == {"captured"}
    assert (await shop.pay(amount=100))["status"] == "captured"
    assert (await shop.pay(amount=100))["status"] == "declined"


async def test_a_void_gives_back_what_was_reserved(platform, shop):
    await limit(shop, daily_volume=1000, daily_count=1)
    first = await shop.authorize(amount=1000)
    assert (await shop.pay(amount=1))["status"] == "declined"
    body_of(await shop.post(f"/v1/payments/{first['id']}/void"), 200)
    assert (await shop.pay(amount=1000))["status"] == "captured"


async def test_an_unknown_payment_keeps_its_share_until_evidence_says_otherwise(platform, shop):
    await limit(shop, daily_volume=1000)
    assert (await shop.pay("4000009000000029", amount=1000))["status"] == "unknown"
    assert (await shop.pay(amount=1))["status"] == "declined"
    platform.let_deadlines_pass()
    assert await platform.container.recovery.resolve_unknown() == 1
    assert (await shop.pay(amount=1000))["status"] == "captured"


async def test_expiry_gives_back_to_the_day_of_the_payment(platform, shop):
    payment = await shop.authorize(amount=700)
    with platform.sql() as connection:
        key = UUID(payment["id"][-32:])
        connection.execute(
            "INSERT INTO payments.merchant_days (merchant_id, livemode, day, volume, count)"
            " VALUES (%s, false, '2026-01-31', 700, 1)",
            (shop.identity.merchant_id,),
        )
        connection.execute(
            "UPDATE payments.payments SET usage_day = '2026-01-31', expires_at = now() - interval '1 minute'"
            " WHERE id = %s",
            (key,),
        )
    assert await platform.container.recovery.expire() == 1
    rows = platform.rows(
        "SELECT day, volume, count FROM payments.merchant_days WHERE merchant_id = %s ORDER BY day",
        shop.identity.merchant_id,
    )
    assert rows[0] == (date(2026, 1, 31), 0, 0)
    assert rows[1][1:] == (700, 1)


async def test_a_month_ends_at_its_end(platform, shop):
    """Volume of the last day of the month before does not count; that of the first day of this one does."""
    today = platform.rows("SELECT (now() AT TIME ZONE 'UTC')::date")[0][0]
    first = today.replace(day=1)
    await limit(shop, monthly_volume=1000)
    with platform.sql() as connection:
        for day, volume in ((first.toordinal() - 1, 5000), (first.toordinal(), 900)):
            connection.execute(
                "INSERT INTO payments.merchant_days (merchant_id, livemode, day, volume, count)"
                " VALUES (%s, false, %s, %s, 1)",
                (shop.identity.merchant_id, date.fromordinal(day), volume),
            )
    assert (await shop.pay(amount=101))["status"] == "declined"
    assert (await shop.pay(amount=100))["status"] == "captured"


async def test_refunds_stop_at_the_share_a_merchant_may_refund(platform, shop):
    payments = [await shop.pay(amount=1000) for _ in range(2)]
    await limit(shop, refund_ratio_basis_points=2500)
    paths = [f"/v1/payments/{payment['id']}/refunds" for payment in payments]
    replies = await asyncio.gather(*(shop.post(paths[i % 2], {"amount": 100}) for i in range(20)))
    assert Counter(reply.status_code for reply in replies) == {201: 5, 422: 15}
    problem_of(await shop.post(paths[0], {"amount": 1}), 422, "limit_exceeded")


@pytest.mark.parametrize(
    ("zone", "moment", "day"),
    [
        ("Pacific/Auckland", "2026-11-22T11:00:00+00:00", date(2026, 11, 23)),
        ("America/New_York", "2026-11-01T03:59:59+00:00", date(2026, 10, 31)),
        ("America/New_York", "2026-11-02T04:59:59+00:00", date(2026, 11, 1)),
        ("Europe/Berlin", "2026-03-29T22:00:00+00:00", date(2026, 3, 30)),
    ],
)
async def test_the_day_is_the_merchants_own_also_when_clocks_change(platform, shop, zone, moment, day, time_machine):
    merchant = f"/v1/merchants/mer_{shop.identity.merchant_id.hex}"
    body_of(await platform.admin.request("PATCH", merchant, key=None, json={"time_zone": zone}), 200)
    card = await shop.card(VISA)
    time_machine.move_to(moment, tick=False)
    lasting = Caller(platform, shop.identity)
    lasting._cards[VISA] = card
    payment = await lasting.pay(amount=100)
    with platform.sql() as connection:
        found = connection.execute(
            "SELECT usage_day FROM payments.payments WHERE id = %s", (UUID(payment["id"][-32:]),)
        ).fetchone()
    assert found == (day,)
