"""Balances, transactions and the trial balance over HTTP."""

import asyncio
from collections import Counter
from random import Random
from typing import Any

import pytest

from tests.support import Caller, Platform, body_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATH = "/v1/payments"


async def trial_balance(service: Platform, *, livemode: bool = False) -> dict[str, Any]:
    found = await service.admin.get("/v1/ledger/trial_balance", params={"livemode": str(livemode).lower()})
    return body_of(found, 200)


def check_trial_balance(service: Platform, trial: dict[str, Any]) -> None:
    """Compare with the postings themselves."""
    assert trial["balanced"] is True
    sums: Counter[str] = Counter()
    for line in trial["data"]:
        assert min(line["debits"], line["credits"]) >= 0
        sums[line["currency"]] += line["debits"] - line["credits"]
    assert not any(sums.values())
    plain = service.rows(
        "SELECT a.currency, a.kind, sum(p.amount) FROM payments.postings p JOIN payments.ledger_accounts a "
        "ON a.id = p.account_id WHERE a.livemode = %s GROUP BY 1, 2",
        trial["livemode"],
    )
    shown = {(line["currency"], line["account"]): line["debits"] - line["credits"] for line in trial["data"]}
    assert {key: amount for key, amount in shown.items() if amount} == {
        (currency, kind): amount for currency, kind, amount in plain if amount
    }


async def test_balances_read_the_callers_own_writes(service: Platform, merchant: Caller):
    expected = 0
    for number in range(1, 9):
        await merchant.pay(amount=number)
        expected += number
        if number % 3 == 0:
            await service.container.ledger.roll_up()
        assert (await merchant.balance())["pending"] == expected


async def test_a_merchant_without_payments_has_no_balances(merchant: Caller):
    assert body_of(await merchant.get("/v1/balances"), 200) == {"object": "balances", "livemode": False, "data": []}


async def test_balances_are_kept_per_currency(service: Platform, merchant: Caller):
    await merchant.authorize(amount=500, currency="EUR")
    await merchant.pay(amount=70, currency="EUR")
    for _ in range(2):
        found = body_of(await merchant.get("/v1/balances"), 200)["data"]
        euro = next(row for row in found if row["currency"] == "EUR")
        assert euro == {"currency": "EUR", "pending": 70, "available": 0, "authorized": 500}
        assert [row["currency"] for row in found] == sorted({row["currency"] for row in found})
        await service.container.ledger.roll_up()


async def test_a_merchant_who_refunds_everything_owes_the_fee(service: Platform):
    merchant = await service.shop(basis_points=100, fixed=5)
    payment = await merchant.pay(amount=1_000)
    assert (await merchant.balance())["pending"] == 985
    body_of(await merchant.post(f"{PATH}/{payment['id']}/refunds"), 201)
    assert (await merchant.balance())["pending"] == -15


async def test_transactions_show_balanced_postings_and_what_made_them(merchant: Caller):
    payment = await merchant.authorize()
    body_of(await merchant.post(f"{PATH}/{payment['id']}/capture", {"amount": 6_000}), 200)
    refund = body_of(await merchant.post(f"{PATH}/{payment['id']}/refunds", {"amount": 1}), 201)
    found = body_of(await merchant.get("/v1/ledger/transactions"), 200)["data"]
    assert sorted(row["kind"] for row in found) == ["capture", "hold", "refund", "release"]
    assert [found[0]["kind"], found[-1]["kind"]] == ["refund", "hold"]  # newest first
    by_kind = {row["kind"]: row for row in found}
    for row in found:
        assert row["id"].startswith("txn_")
        assert (row["object"], row["payment"], row["livemode"]) == ("ledger_transaction", payment["id"], False)
        assert sum(posting["amount"] for posting in row["postings"]) == 0
        assert {posting["currency"] for posting in row["postings"]} == {"EUR"}
    assert by_kind["hold"]["operation"] is None
    assert by_kind["capture"]["operation"] == by_kind["release"]["operation"]
    assert by_kind["capture"]["operation"].startswith("cap_")
    assert by_kind["refund"]["operation"] == refund["id"]
    assert by_kind["release"]["postings"] == [
        {"account": "authorization_contra", "currency": "EUR", "amount": 10_000},
        {"account": "authorization_holds", "currency": "EUR", "amount": -10_000},
    ]


async def test_the_trial_balance_is_zero_whatever_happened(service: Platform):
    random = Random(20_300_101)
    merchants = [await service.shop(basis_points=290, fixed=30), await service.shop(currency="USD", basis_points=333)]
    cards = ["4242424242424242", "4000000000000002", "4000009000000011", "4000009000000102", "4000009000000078"]
    payments: list[tuple[Caller, str]] = []

    async def step() -> None:
        if len(payments) < 4 or random.random() < 0.4:
            merchant = random.choice(merchants)
            method = random.choice(("automatic", "manual"))
            currency = random.choice(("EUR", "USD", "JPY"))
            amount = random.randint(100, 10_000)
            made = await merchant.pay(random.choice(cards), amount=amount, currency=currency, capture_method=method)
            payments.append((merchant, made["id"]))
            return
        merchant, payment = random.choice(payments)
        what = random.choice(("capture", "capture", "void", "refunds", "refunds"))
        body = {"amount": random.randint(1, 3_000)} if what != "void" else {}
        if what == "capture":
            body["final"] = random.random() < 0.3
        response = await merchant.post(f"{PATH}/{payment}/{what}", body)
        assert response.status_code in (200, 201, 409, 422), response.text

    for number in range(20):
        await asyncio.gather(*(step() for _ in range(4)))
        if number % 5 == 0:
            service.let_deadlines_pass()
            await service.container.recovery.resolve_unknown()
        if number % 4 == 0:
            await service.container.ledger.roll_up()
        if number % 10 == 0:
            check_trial_balance(service, await trial_balance(service))
    trial = await trial_balance(service)
    check_trial_balance(service, trial)
    assert {line["currency"] for line in trial["data"]} >= {"EUR", "USD", "JPY"}


async def test_the_trial_balance_keeps_the_modes_apart(service: Platform, merchant: Caller):
    await merchant.pay()
    assert (await trial_balance(service, livemode=True)) == {
        "object": "trial_balance",
        "livemode": True,
        "balanced": True,
        "data": [],
    }
    assert (await trial_balance(service))["data"] != []
