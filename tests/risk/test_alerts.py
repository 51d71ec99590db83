"""Alerts are opened once, tell everybody, and stay resolved."""

from datetime import UTC, datetime, timedelta

from payments.risk import service as risk
from payments.risk.pace import Pace
from shared.ids import new_uuid
from tests.support import body_of, problem_of

QUIET = {
    "volume": 0, "month_volume": 0, "count": 0, "approved": 0, "declined": 0, "limited": 0, "recent": 0, "usual": 0,
    "daily_volume": None, "monthly_volume": None, "daily_count": None, "alert_percent": 80,
}  # fmt: skip


def kinds(**day):
    from payments.risk.alerts import findings

    return [finding.kind for finding in findings(QUIET | day)]


def test_a_quiet_day_needs_nobody():
    assert kinds() == []


def test_a_limit_is_approached_from_its_share_on():
    assert kinds(daily_volume=1000, volume=799) == []
    assert kinds(daily_volume=1000, volume=800) == ["daily_volume_approached"]
    assert kinds(monthly_volume=1000, month_volume=950, alert_percent=95) == ["monthly_volume_approached"]
    assert kinds(daily_count=10, count=8) == ["daily_count_approached"]


def test_payments_declined_by_a_limit_are_critical():
    assert kinds(limited=1) == ["limit_exceeded"]


def test_many_declines_are_a_spike_and_a_few_are_chance():
    assert kinds(approved=9, declined=10) == []
    assert kinds(approved=10, declined=10) == ["decline_rate"]


def test_an_unusual_pace_is_a_spike_and_a_new_merchant_is_not():
    assert kinds(recent=60, usual=10) == ["velocity"]
    assert kinds(recent=50, usual=10) == []
    assert kinds(recent=500, usual=0) == []


async def test_one_alert_a_day_however_often_somebody_looks(platform, shop):
    path = f"/v1/merchants/mer_{shop.identity.merchant_id.hex}/limits"
    body_of(await platform.admin.request("PUT", path, key=None, json={"daily_count": 1}), 200)
    for _ in range(2):
        await shop.pay(amount=100)
    await platform.container.risk.watch()
    await platform.container.risk.watch()
    merchant = f"mer_{shop.identity.merchant_id.hex}"
    alerts = body_of(await platform.admin.get("/v1/risk/alerts", params={"merchant": merchant}), 200)["data"]
    assert {(alert["kind"], alert["severity"]) for alert in alerts} == {
        ("daily_count_approached", "warning"),
        ("limit_exceeded", "critical"),
    }
    events = platform.rows(
        "SELECT type, count(*) FROM payments.events WHERE merchant_id = %s AND type LIKE 'risk%%' GROUP BY 1",
        shop.identity.merchant_id,
    )
    assert events == [("risk_alert.opened", 2)]

    resolve = f"/v1/risk/alerts/{alerts[0]['id']}/resolve"
    resolved = body_of(await platform.admin.post(resolve, {"reason": "raised the limit"}, key=None), 200)
    assert (resolved["resolved_by"], resolved["resolution"]) == ("somebody", "raised the limit")
    again = body_of(await platform.admin.post(resolve, {"reason": "twice"}, key=None), 200)
    assert again["resolution"] == "raised the limit"
    await platform.container.risk.watch()
    still_open = await platform.admin.get("/v1/risk/alerts", params={"merchant": merchant, "open": "true"})
    assert len(body_of(still_open, 200)["data"]) == 1


def test_payments_are_counted_once_and_forgotten_after_ten_minutes():
    pace, noon = Pace(), datetime(2026, 11, 25, 12, tzinfo=UTC)
    busy, quiet = new_uuid(), new_uuid()
    assert pace.since(noon) == noon - timedelta(minutes=10)
    pace.add(noon, [(busy, True, 40), (quiet, False, 1)])
    later = noon + timedelta(minutes=4)
    assert pace.since(later) == noon
    pace.add(later, [(busy, True, 2)])
    assert [pace.recent(busy, livemode=mode) for mode in (True, False)] == [42, 0]
    assert pace.recent(quiet, livemode=False) == 1
    pace.add(noon + timedelta(minutes=10), [])
    assert (pace.recent(busy, livemode=True), pace.recent(quiet, livemode=False)) == (2, 0)
    much_later = noon + timedelta(hours=1)
    assert pace.since(much_later) == much_later - timedelta(minutes=10)
    pace.add(much_later, [(busy, True, 7)])
    assert pace.recent(busy, livemode=True) == 7


async def test_a_pace_far_above_the_usual_one_is_an_alert(platform, shop, monkeypatch):
    merchant = shop.identity.merchant_id
    await shop.pay()
    with platform.sql() as connection:  # a payment every ten minutes of the day before
        connection.execute(
            "INSERT INTO payments.merchant_days (merchant_id, livemode, day, approved) "
            "SELECT merchant_id, livemode, day - 1, 144 FROM payments.merchant_days WHERE merchant_id = %s",
            [merchant],
        )
    monkeypatch.setattr(platform.container.risk, "_pace", Pace())
    monkeypatch.setattr(risk, "_SETTLED", timedelta(seconds=60))
    await platform.container.risk.watch()
    for _ in range(49):
        await shop.pay()
    query = "SELECT kind, (details ->> 'last_10_minutes')::int FROM payments.risk_alerts WHERE merchant_id = %s"
    await platform.container.risk.watch()
    assert platform.rows(query, merchant) == []  # nothing of that is settled
    monkeypatch.setattr(risk, "_SETTLED", timedelta(seconds=-5))
    await platform.container.risk.watch()
    assert platform.rows(query, merchant) == [("velocity", 50)]


async def test_merchants_see_nothing_of_it(shop):
    for path in ("/v1/risk/alerts", "/v1/risk/positions", "/v1/risk/portfolio"):
        problem_of(await shop.get(path), 403, "forbidden")


async def test_positions_and_portfolio_tell_the_day(platform, shop):
    await shop.pay(amount=300)
    await shop.pay("4000000000000002", amount=200)
    positions = body_of(await platform.admin.get("/v1/risk/positions"), 200)["data"]
    own = next(row for row in positions if row["merchant"] == f"mer_{shop.identity.merchant_id.hex}")
    assert (own["volume"], own["count"], own["approved"], own["declined"], own["largest"]) == (300, 1, 1, 1, 300)
    portfolio = body_of(await platform.admin.get("/v1/risk/portfolio"), 200)
    assert portfolio["merchants"] == len(positions)
    assert sum(row["volume"] for row in portfolio["volumes"]) == sum(row["volume"] for row in positions)
    summary = body_of(await platform.admin.get(f"/v1/merchants/{own['merchant']}/summary?hours=1"), 200)
    assert summary["approval_rate"] == 0.5
    problem_of(await platform.admin.get("/v1/merchants/mer_0/summary"), 404, "not_found")
