"""Alerts are opened once, tell everybody, and stay resolved."""

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
