"""Opening plus every movement is closing, whatever the period, and the CSV says the same as the ledger."""

import csv
import io
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Any
from uuid import UUID

import pytest

from tests.books.life import live
from tests.support import Caller, Platform, body_of, problem_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATH = "/v1/statements"


def today() -> date:
    return datetime.now(UTC).date()


async def statement(merchant: Caller, first: date, last: date, currency: str = "EUR") -> dict[str, Any]:
    return body_of(await merchant.get(PATH, params={"from": str(first), "until": str(last), "currency": currency}), 200)


async def lines(merchant: Caller, shown: dict[str, Any]) -> list[dict[str, str]]:
    response = await merchant.get(shown["csv"])
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(response.text)))


def check(shown: dict[str, Any], rows: list[dict[str, str]]) -> None:
    """One statement adds up by itself, and its CSV line by line."""
    assert shown["opening"] + sum(each["amount"] for each in shown["totals"]) == shown["closing"]
    opening, *moved, closing = rows
    assert (opening["kind"], int(opening["balance"])) == ("opening", shown["opening"])
    assert (closing["kind"], int(closing["balance"])) == ("closing", shown["closing"])
    balance = shown["opening"]
    for row in moved:
        balance += int(row["amount"])
        assert int(row["balance"]) == balance
    assert balance == shown["closing"]
    for total in shown["totals"]:
        of_kind = [row for row in moved if row["kind"] == total["kind"]]
        assert len(of_kind) == total["count"]
        assert sum(int(row["amount"]) for row in of_kind) == total["amount"]
        assert sum(int(row["fee"]) for row in of_kind) == total["fee"]


async def test_a_statement_tells_everything_that_happened(service: Platform):
    merchant = await live(service)
    shown = await statement(merchant, today() - timedelta(days=1), today())
    check(shown, await lines(merchant, shown))
    assert {each["kind"] for each in shown["totals"]} == {
        "capture",
        "refund",
        "dispute",
        "dispute_fee",
        "dispute_reversal",
        "payout",
    }
    balance = await merchant.balance()
    assert shown["opening"] == 0
    assert shown["closing"] == balance["pending"] + balance["available"]
    other = await statement(merchant, today(), today(), "JPY")
    assert (other["opening"], other["closing"], other["totals"]) == (0, 0, [])


def past_postings(service: Platform, merchant: Caller, seed: int) -> list[tuple[datetime, int]]:
    """Book some movements of the last weeks straight into the ledger; return when and how much."""
    random, now = Random(seed), datetime.now(UTC)
    made = []
    with service.sql("app") as connection:
        accounts = dict(
            connection.execute(
                "SELECT kind, id FROM payments.ledger_accounts WHERE currency = 'EUR' AND NOT livemode "
                "AND (merchant_id = %s OR kind = 'suspense')",
                [merchant.identity.merchant_id],
            ).fetchall()
        )
        for number in range(40):
            moment = now - timedelta(seconds=random.randint(0, 20 * 86_400))
            amount = random.choice((-1, 1)) * random.randint(1, 10_000)
            account = accounts[random.choice(("merchant_pending", "merchant_available"))]
            identity = UUID(int=(round(moment.timestamp() * 1000) << 80) + (seed << 32) + number)
            connection.execute(
                "INSERT INTO payments.ledger_transactions (id, merchant_id, livemode, kind, created_at) "
                "VALUES (%s, %s, false, 'adjustment', %s)",
                [identity, merchant.identity.merchant_id, moment],
            )
            connection.execute(
                "INSERT INTO payments.postings (transaction_id, line, account_id, currency, amount) "
                "VALUES (%(id)s, 0, %(account)s, 'EUR', %(amount)s), (%(id)s, 1, %(other)s, 'EUR', -%(amount)s)",
                {"id": identity, "account": account, "other": accounts["suspense"], "amount": -amount},
            )
            made.append((moment, amount))
    return made


@pytest.mark.parametrize("seed", range(1, 7))
async def test_periods_follow_each_other_without_a_gap(service: Platform, seed: int):
    random = Random(seed)
    merchant = await service.shop(time_zone=random.choice(("UTC", "America/New_York", "Asia/Kathmandu")))
    await merchant.pay(amount=1)
    made = past_postings(service, merchant, seed)
    if seed % 2:
        await service.container.ledger.roll_up()
    days = sorted({today() - timedelta(days=random.randint(0, 22)) for _ in range(4)})
    edges = [today() - timedelta(days=25), *days, today() + timedelta(days=2)]
    closing = 0
    for first, after in pairwise(edges):
        shown = await statement(merchant, first, after - timedelta(days=1))
        check(shown, await lines(merchant, shown))
        assert shown["opening"] == closing
        closing = shown["closing"]
    assert closing == sum(amount for _, amount in made) + 1
    balance = await merchant.balance()
    assert closing == balance["pending"] + balance["available"]


async def test_a_day_is_the_merchants_own(service: Platform):
    merchant = await service.shop(time_zone="Pacific/Kiritimati")  # 14 hours ahead
    await merchant.pay(amount=77)
    local = (datetime.now(UTC) + timedelta(hours=14)).date()
    shown = await statement(merchant, local, local)
    assert (shown["closing"], shown["time_zone"]) == (77, "Pacific/Kiritimati")


async def test_modes_and_merchants_are_kept_apart(service: Platform, merchant: Caller):
    other = await service.shop()
    await other.pay(amount=77)
    for stranger in (merchant, other.but(livemode=True)):
        shown = await statement(stranger, today(), today())
        assert (shown["closing"], shown["totals"]) == (0, [])


async def test_wrong_periods_are_refused(merchant: Caller):
    for first, last, pointer in (
        ("2026-02-02", "2026-02-01", "/until"),
        ("2024-01-01", "2026-01-01", "/until"),
        ("2999-01-01", "2999-01-02", "/from"),
        ("2026-02-30", "2026-03-01", "/from"),
    ):
        for path in (PATH, f"{PATH}.csv"):
            answer = await merchant.get(path, params={"from": first, "until": last})
            problem_of(answer, 422, "validation_failed", pointer)
    problem_of(await merchant.get(PATH), 422, "validation_failed", "/from", "/until")
