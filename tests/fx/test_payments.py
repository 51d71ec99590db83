"""Payments in one currency that settle in another, through the whole service and down to the books."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from payments.fx.conversion import convert, merchant_rate
from payments.payments.domain import fee
from tests.support import body_of, problem_of

BOOKS = """
SELECT a.kind, a.currency, sum(p.amount)::bigint
  FROM payments.ledger_transactions t
  JOIN payments.postings p ON p.transaction_id = t.id
  JOIN payments.ledger_accounts a ON a.id = p.account_id
 WHERE t.payment_id = ANY(%s)
 GROUP BY 1, 2 HAVING sum(p.amount) <> 0
"""


def books(platform, *payments):
    """The balances that payments left behind, by account and currency."""
    ids = [payment["id"][4:] for payment in payments]
    with platform.sql() as connection:
        rows = connection.execute(BOOKS.replace("ANY(%s)", "ANY(%s::uuid[])").encode(), [ids]).fetchall()
    return {(kind, currency): amount for kind, currency, amount in rows}


@pytest.fixture
async def dollars(platform, put):
    """A merchant that settles in dollars, for 2.9 % and 0.30; its spread is one percent, as everybody's."""
    await put("EUR/USD 1.0842", "EUR/JPY 162.37", source="ecb")
    return await platform.shop(basis_points=290, fixed=30, currency="USD")


async def test_every_cent_is_explained(platform, dollars):
    payment = await dollars.pay(amount=10_000, currency="EUR")
    settlement = payment["settlement"]
    assert settlement.pop("rate_effective_at")
    # 100.00 EUR are 108.42 USD at mid and 107.34 (107.3358) at the merchant's rate; the fee is 2.9 % of that and 0.30.
    assert settlement == {
        "currency": "USD",
        "rate": "1.073358",
        "mid_rate": "1.0842",
        "spread_basis_points": 100,
        "rate_source": "ecb",
        "quote": None,
        "gross": 10_842,
        "spread": 108,
        "fee": 341,
        "refunded": 0,
        "disputed": 0,
        "net": 10_393,
        "remainder": "0",
    }
    assert books(platform, payment) == {
        ("acquirer_receivable", "EUR"): 10_000,
        ("fx_clearing", "EUR"): -10_000,
        ("fx_clearing", "USD"): 10_842,
        ("merchant_pending", "USD"): -10_393,
        ("platform_fees", "USD"): -341,
        ("fx_spread", "USD"): -108,
    }
    assert await dollars.balance("USD") == {"pending": 10_393, "available": 0, "authorized": 0}
    assert (await dollars.balance("EUR"))["pending"] == 0
    path = f"/v1/ledger/transactions?payment={payment['id']}"
    transactions = body_of(await dollars.get(path), 200)["data"]
    kinds = {
        transaction["kind"]: {line["currency"] for line in transaction["postings"]} for transaction in transactions
    }
    assert kinds == {"capture": {"EUR"}, "conversion": {"USD"}}


async def test_a_refund_at_the_payments_rate_returns_neither_fee_nor_spread(platform, dollars, put):
    payment = await dollars.pay(amount=10_000, currency="EUR")
    await put("EUR/USD 2.0")
    refund = body_of(await dollars.post(f"/v1/payments/{payment['id']}/refunds"), 201)
    assert (refund["amount"], refund["currency"]) == (10_000, "EUR")
    settlement = (await dollars.show(payment["id"]))["settlement"]
    assert (settlement["mid_rate"], settlement["refunded"], settlement["net"]) == ("1.0842", 10_842, -449)
    assert books(platform, payment) == {
        ("acquirer_receivable", "EUR"): 10_000,
        ("refunds", "EUR"): -10_000,
        ("merchant_pending", "USD"): 449,
        ("platform_fees", "USD"): -341,
        ("fx_spread", "USD"): -108,
    }


async def test_the_rate_is_fixed_when_the_payment_is_created(dollars, put):
    payment = await dollars.authorize(amount=10_000, currency="EUR")
    assert payment["settlement"]["gross"] == 0
    await put("EUR/USD 2.0")
    first = await dollars.post(f"/v1/payments/{payment['id']}/capture", {"amount": 3_333, "final": False})
    assert body_of(first, 200)["settlement"]["gross"] == 3_614
    last = body_of(await dollars.post(f"/v1/payments/{payment['id']}/capture", {}), 200)
    assert (last["settlement"]["gross"], last["settlement"]["net"]) == (10_842, 10_393)


async def test_the_spread_is_the_merchants(platform, dollars, admin):
    merchant = f"/v1/merchants/mer_{dollars.identity.merchant_id.hex}"
    body_of(await admin.request("PATCH", merchant, key=None, json={"fx_spread_basis_points": 0}), 200)
    payment = await dollars.pay(amount=10_000, currency="EUR")
    assert payment["settlement"]["spread"] == 0
    assert ("fx_spread", "USD") not in books(platform, payment)


async def test_currencies_of_other_exponents(platform, dollars):
    payment = await dollars.pay(amount=15_000, currency="JPY")
    # One yen is 0.00667734187350 dollars: 15,000 are 100.16 (100.1601281025).
    assert payment["settlement"]["mid_rate"] == "0.0066773418735"
    assert payment["settlement"]["gross"] == 10_016
    assert payment["settlement"]["rate_source"] == "ecb via EUR"
    assert payment["settlement"]["remainder"] == "0.01281025"
    query = "SELECT fx_remainder FROM payments.payments WHERE id = %s::uuid"
    assert platform.rows(query, payment["id"][4:]) == [(Decimal("0.01281025"),)]


async def test_a_payment_in_the_settlement_currency_is_not_converted(platform, dollars):
    payment = await dollars.pay(amount=10_000, currency="USD")
    assert payment["settlement"] is None
    assert {kind for kind, _ in books(platform, payment)} == {
        "acquirer_receivable",
        "merchant_pending",
        "platform_fees",
    }


async def test_without_a_fresh_rate_nothing_is_taken(dollars, put):
    await put("EUR/ISK 143", at=datetime.now(UTC) - timedelta(hours=97))
    for currency, code in (("KWD", "rate_missing"), ("ISK", "rate_stale")):
        body = await dollars.payment(amount=10_000, currency=currency)
        problem = problem_of(await dollars.post("/v1/payments", body, key=currency), 422, code)
        assert "PUT /v1/fx/rates" in problem["detail"]
    # The key was not used up: with a rate, the same request goes through.
    await put("EUR/ISK 143")
    body = await dollars.payment(amount=10_000, currency="ISK")
    assert body_of(await dollars.post("/v1/payments", body, key="ISK"), 201)["settlement"]["currency"] == "USD"


async def test_an_amount_that_comes_to_nothing_is_refused(dollars, put):
    await put("EUR/VND 30000")
    body = await dollars.payment(amount=100, currency="VND")
    problem_of(await dollars.post("/v1/payments", body), 422, "amount_too_small", "/amount")


async def test_an_amount_that_comes_to_too_much_is_refused(platform, put):
    await put("EUR/IRR 1200000")
    rials = await platform.shop(currency="IRR")
    body = await rials.payment(amount=999_999_999_999, currency="EUR")
    problem_of(await rials.post("/v1/payments", body), 422, "amount_too_large", "/amount")
    assert (await rials.pay(amount=100_000_000, currency="EUR"))["settlement"]["gross"] == 120_000_000_000_000


async def test_parts_taken_and_given_back_in_any_order_leave_what_the_totals_say(platform, dollars, admin):
    """Many payments at once, captured and refunded in random parts that race each other; then the books are read."""
    random = Random(20261120)

    async def live() -> Any:
        currency = random.choice(["EUR", "JPY"])
        payment = await dollars.authorize(amount=random.randint(1_000, 9_999), currency=currency)
        path = f"/v1/payments/{payment['id']}"
        for _ in range(3):
            parts = [random.randint(1, payment["amount"] // 6) for _ in range(4)]
            await asyncio.gather(
                dollars.post(f"{path}/capture", {"amount": parts[0], "final": False}),
                dollars.post(f"{path}/capture", {"amount": parts[1], "final": False}),
                dollars.post(f"{path}/refunds", {"amount": parts[2]}),
                dollars.post(f"{path}/refunds", {"amount": parts[3]}),
            )
        return await dollars.show(payment["id"])

    payments = await asyncio.gather(*(live() for _ in range(12)))
    assert any(payment["amount_refunded"] for payment in payments)
    for payment in payments:
        held = books(platform, payment)
        captured, refunded, currency = payment["amount_captured"], payment["amount_refunded"], payment["currency"]
        settlement = payment["settlement"]
        mid = Decimal(settlement["mid_rate"])

        def worth(amount, rate=mid, source=currency):
            return convert(amount, rate, source, "USD").amount

        settled = worth(captured, merchant_rate(mid, 100))
        charged = fee(290, 30, settled)
        expected = Counter(
            {
                ("acquirer_receivable", currency): captured,
                ("refunds", currency): -refunded,
                ("fx_clearing", currency): refunded - captured,
                ("authorization_holds", currency): payment["amount"] - captured,
                ("authorization_contra", currency): captured - payment["amount"],
                ("fx_clearing", "USD"): worth(captured - refunded),
                ("merchant_pending", "USD"): worth(refunded) + charged - settled,
                ("platform_fees", "USD"): -charged,
                ("fx_spread", "USD"): settled - worth(captured),
                ("rounding", "USD"): worth(captured) - worth(refunded) - worth(captured - refunded),
            }
        )
        assert held == {key: amount for key, amount in expected.items() if amount}
        assert settlement["net"] == -held[("merchant_pending", "USD")]
        exact = convert(captured - refunded, mid, currency, "USD").exact
        query = "SELECT fx_remainder FROM payments.payments WHERE id = %s::uuid"
        assert platform.rows(query, payment["id"][4:]) == [(exact - worth(captured - refunded),)]
        assert Decimal(settlement["remainder"]) == exact - worth(captured - refunded)
    balance = body_of(await admin.get("/v1/ledger/trial_balance"), 200)
    assert balance["balanced"]
    assert "fx_spread" in {line["account"] for line in balance["data"]}
