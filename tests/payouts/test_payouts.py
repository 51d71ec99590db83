"""Payouts: exact, listed, returned when they fail, and never twice."""

import asyncio
import csv
import io
from datetime import UTC, datetime
from typing import Any

import pytest

from payments.payouts.sandbox_rail import FAILS, SLOW
from payments.payouts.states import STATUSES, TRANSITIONS
from shared.ids import show
from tests.payouts.conftest import shop
from tests.support import Caller, Platform, body_of, problem_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATH = "/v1/payouts"


async def pay_out(merchant: Caller, body: Any = None, **arguments: Any) -> dict[str, Any]:
    return body_of(await merchant.post(PATH, body, **arguments), 201)


async def available(merchant: Caller) -> int:
    return (await merchant.balance())["available"]


async def accounts(service: Platform, merchant: Caller) -> dict[str, int]:
    rows = service.rows(
        "SELECT a.kind, sum(p.amount)::bigint FROM payments.postings p JOIN payments.ledger_accounts a "
        "ON a.id = p.account_id JOIN payments.ledger_transactions t ON t.id = p.transaction_id "
        "WHERE t.merchant_id = %s GROUP BY 1 HAVING sum(p.amount) <> 0",
        merchant.identity.merchant_id,
    )
    return dict(rows)


async def test_a_payout_takes_all_that_is_available_and_lists_it(service: Platform, quick: Caller):
    payments = [await quick.pay(amount=amount) for amount in (500, 700)]
    body_of(await quick.post(f"/v1/payments/{payments[0]['id']}/refunds", {"amount": 100}), 201)
    payout = await pay_out(quick)
    assert (payout["status"], payout["amount"], payout["currency"], payout["method"]) == (
        "pending",
        1_100,
        "EUR",
        "on_demand",
    )
    assert payout["date"] == datetime.now(UTC).date().isoformat()
    found = body_of(await quick.get(f"{PATH}/{payout['id']}/items"), 200)["data"]
    assert sorted((item["kind"], item["amount"]) for item in found) == [
        ("capture", 500),
        ("capture", 700),
        ("refund", -100),
    ]
    assert {item["payment"] for item in found} == {payment["id"] for payment in payments}
    assert await quick.balance() == {"pending": 0, "available": 0, "authorized": 0}
    assert (await accounts(service, quick))["payouts_in_transit"] == -1_100
    await service.container.payouts.send()
    paid = body_of(await quick.get(f"{PATH}/{payout['id']}"), 200)
    assert (paid["status"], paid["rail"]) == ("paid", "sandbox")
    assert paid["rail_reference"]
    books = await accounts(service, quick)
    assert books["platform_bank"] == -1_100
    assert "payouts_in_transit" not in books
    assert [row["id"] for row in body_of(await quick.get(PATH), 200)["data"]] == [payout["id"]]


async def test_the_csv_adds_up_to_the_payout(service: Platform, quick: Caller):
    for amount in range(1, 8):
        await quick.pay(amount=amount)
    payout = await pay_out(quick)
    response = await quick.get(f"{PATH}/{payout['id']}/items.csv")
    assert response.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(response.text)))
    assert sum(int(row["amount"]) for row in rows) == payout["amount"] == 28
    assert {row["currency"] for row in rows} == {"EUR"}
    assert all(row["payment"].startswith("pay_") for row in rows)


async def test_a_failed_payout_returns_the_money_and_the_next_one_lists_that(service: Platform):
    merchant = await shop(service, delay_days=0, destination=FAILS)
    await merchant.pay(amount=800)
    first = await pay_out(merchant)
    await service.container.payouts.send()
    failed = body_of(await merchant.get(f"{PATH}/{first['id']}"), 200)
    assert (failed["status"], failed["failure_code"]) == ("failed", "account_closed")
    assert await available(merchant) == 800
    assert "payouts_in_transit" not in await accounts(service, merchant)
    second = await pay_out(merchant)
    assert second["amount"] == 800
    [item] = body_of(await merchant.get(f"{PATH}/{second['id']}/items"), 200)["data"]
    assert (item["kind"], item["operation"], item["amount"]) == ("payout_failure", first["id"], 800)
    [before] = body_of(await merchant.get(f"{PATH}/{first['id']}/items"), 200)["data"]
    assert before["kind"] == "capture", "a payout's items never change"


async def test_a_rail_that_takes_its_time_leaves_a_payout_pending(service: Platform):
    merchant = await shop(service, delay_days=0, destination=SLOW)
    await merchant.pay(amount=50)
    payout = await pay_out(merchant)
    await service.container.payouts.send()
    assert body_of(await merchant.get(f"{PATH}/{payout['id']}"), 200)["status"] == "pending"
    service.clock.advance(minutes=1)
    with service.sql() as connection:
        connection.execute("UPDATE payments.payouts SET next_attempt_at = now()")
    await service.container.payouts.send()
    assert body_of(await merchant.get(f"{PATH}/{payout['id']}"), 200)["status"] == "paid"


async def test_what_is_owed_is_carried_and_pays_nothing(service: Platform):
    merchant = await service.shop(fixed=100, payouts={"delay_days": 0, "schedule": "daily"})
    payment = await merchant.pay(amount=300)
    body_of(await merchant.post(f"/v1/payments/{payment['id']}/refunds"), 201)
    await service.container.maturing.run()
    assert await available(merchant) == -100
    problem_of(await merchant.post(PATH), 422, "nothing_to_pay_out")
    await service.container.payouts.pay_daily()
    assert body_of(await merchant.get(PATH), 200)["data"] == []
    await merchant.pay(amount=250)
    payout = await pay_out(merchant)
    assert payout["amount"] == 50, "150 of the new payment less what was owed"
    assert await available(merchant) == 0


async def test_the_same_key_pays_out_once(service: Platform, quick: Caller):
    await quick.pay(amount=60)
    answers = await asyncio.gather(*(quick.post(PATH, {}, key="payout of the week") for _ in range(4)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert sum("idempotent-replayed" in answer.headers for answer in answers) == 3
    problem_of(await quick.post(PATH, {"currency": "USD"}, key="payout of the week"), 422, "idempotency_key_reused")
    problem_of(await quick.post(PATH, {}, key=None), 400, "idempotency_key_missing")
    [use] = await quick.key("payout of the week")
    assert use["resource"] == answers[0].json()["id"]


async def test_a_refused_request_stores_nothing_under_its_key(service: Platform, quick: Caller):
    problem_of(await quick.post(PATH, {}, key="again"), 422, "nothing_to_pay_out")
    await quick.pay(amount=60)
    assert (await pay_out(quick, {}, key="again"))["amount"] == 60


async def test_concurrent_payouts_pay_every_unit_once(service: Platform):
    merchant = await shop(service, delay_days=0, schedule="daily")

    async def trade() -> None:
        for amount in range(1, 11):
            await merchant.pay(amount=amount)

    async def take() -> None:
        for _ in range(4):
            answer = await merchant.post(PATH)
            assert answer.status_code in (201, 422), answer.text

    async def work() -> None:
        for _ in range(4):
            await service.container.maturing.run()
            await service.container.payouts.pay_daily()
            await service.container.payouts.send()

    await asyncio.gather(trade(), trade(), take(), take(), work(), work())
    await service.container.maturing.run()
    left = await available(merchant)
    if left:
        await pay_out(merchant)
    await service.container.payouts.send()
    rows = service.rows(
        "SELECT sum(amount)::bigint, bool_and(status = 'paid') FROM payments.payouts WHERE merchant_id = %s",
        merchant.identity.merchant_id,
    )
    assert rows == [(110, True)]
    books = await accounts(service, merchant)
    assert (books["platform_bank"], "merchant_available" in books, "merchant_pending" in books) == (-110, False, False)


async def test_a_day_has_one_daily_payout(service: Platform):
    merchant = await shop(service, delay_days=0, schedule="daily", zone="Pacific/Kiritimati")
    await merchant.pay(amount=10)
    await service.container.maturing.run()
    await asyncio.gather(*(service.container.payouts.pay_daily() for _ in range(4)))
    await merchant.pay(amount=20)
    await service.container.maturing.run()
    await service.container.payouts.pay_daily()
    found = body_of(await merchant.get(PATH), 200)["data"]
    assert [(row["amount"], row["method"]) for row in found] == [(10, "daily")]
    service.clock.advance(days=1)
    await service.container.payouts.pay_daily()
    found = body_of(await merchant.get(PATH), 200)["data"]
    assert [row["amount"] for row in found] == [20, 10]
    assert found[0]["date"] > found[1]["date"]


async def test_live_money_waits_for_a_rail(service: Platform, quick: Caller):
    live = quick.but(livemode=True)
    problem_of(await live.post(PATH), 422, "no_payout_rail")


async def test_payouts_are_seen_by_their_merchant_in_their_mode_only(
    service: Platform, quick: Caller, merchant: Caller
):
    await quick.pay(amount=60)
    payout = await pay_out(quick)
    for stranger in (merchant, quick.but(livemode=True)):
        for path in ("", "/items", "/items.csv"):
            problem_of(await stranger.get(f"{PATH}/{payout['id']}{path}"), 404, "not_found")
        assert body_of(await stranger.get(PATH), 200)["data"] == []
    problem_of(await quick.but(scopes=frozenset({"payouts:read"})).post(PATH), 403, "forbidden")
    problem_of(await quick.but(scopes=frozenset({"payouts:write"})).get(PATH), 403, "forbidden")


async def test_every_change_of_a_payout_leaves_an_event(service: Platform, quick: Caller):
    await quick.pay(amount=60)
    payout = await pay_out(quick)
    await service.container.payouts.send()
    rows = service.rows(
        "SELECT type, data FROM payments.events WHERE merchant_id = %s AND type LIKE 'payout.%%' ORDER BY id",
        quick.identity.merchant_id,
    )
    assert [kind for kind, _ in rows] == ["payout.created", "payout.paid"]
    assert rows[0][1] == payout
    assert rows[1][1]["status"] == "paid"


async def test_every_pair_of_states_is_classified():
    assert set(TRANSITIONS) == {(source, target) for source in STATUSES for target in STATUSES}
    legal = {pair for pair, cause in TRANSITIONS.items() if cause != "."}
    assert legal == {("pending", "paid"), ("pending", "failed")}


async def test_an_answer_that_comes_twice_counts_once(service: Platform, quick: Caller):
    await quick.pay(amount=60)
    await pay_out(quick)
    [row] = service.rows("SELECT id FROM payments.payouts WHERE merchant_id = %s", quick.identity.merchant_id)
    from payments.payouts.rail import Paid, Refused

    answers = (Paid("a"), Paid("a"), Refused("late"), Paid("a"))
    ended = await asyncio.gather(*(service.container.payouts._conclude(row[0], answer) for answer in answers))
    assert sum(ended) == 1
    books = await accounts(service, quick)
    assert "payouts_in_transit" not in books


async def test_nothing_leaves_while_a_merchant_is_paused(service: Platform):
    merchant = await shop(service, delay_days=0, schedule="daily")
    assert merchant.identity.merchant_id is not None
    await merchant.pay(amount=60)
    payout = await pay_out(merchant)
    await merchant.pay(amount=70)
    await service.container.maturing.run()
    pause = f"/v1/admin/pauses/merchant/{show('mer', merchant.identity.merchant_id)}"
    body_of(await service.admin.request("PUT", pause, key=None, json={"reason": "looks stolen"}), 200)
    problem_of(await merchant.post(PATH), 403, "paused")
    await service.container.payouts.pay_daily()
    await service.container.payouts.send()
    [only] = body_of(await merchant.get(PATH), 200)["data"]
    assert (only["id"], only["status"]) == (payout["id"], "pending")
    body_of(await service.admin.request("DELETE", pause, key=None), 200)
    with service.sql() as connection:
        connection.execute("UPDATE payments.payouts SET next_attempt_at = now()")
    await service.container.payouts.pay_daily()
    await service.container.payouts.send()
    found = body_of(await merchant.get(PATH), 200)["data"]
    assert [(row["amount"], row["status"]) for row in found] == [(70, "paid"), (60, "paid")]
