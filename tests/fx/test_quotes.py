"""POST and GET /v1/fx/quotes, and payments that use one."""

import asyncio
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from payments.merchants.scopes import SCOPES
from tests.support import body_of, problem_of

QUOTES = "/v1/fx/quotes"


async def quoted(caller, **body):
    return body_of(await caller.post(QUOTES, {"from_currency": "USD", **body}, key=None), 201)


def let_expire(platform, quote):
    with platform.sql() as connection:
        query = "UPDATE payments.fx_quotes SET expires_at = clock_timestamp() WHERE id = %s::uuid"
        connection.execute(query, [quote["id"][4:]])


@pytest.fixture(autouse=True)
async def rates(put):
    await put("EUR/USD 1.25", "EUR/JPY 162.37", "EUR/VND 30000", source="ecb")


async def test_a_quote(shop):
    quote = await quoted(shop, to_currency="EUR", amount=10_000)
    created, expires = (datetime.fromisoformat(quote.pop(name)) for name in ("created_at", "expires_at"))
    assert expires - created == timedelta(minutes=15)
    assert quote.pop("rate_effective_at")
    shown = {
        "object": "fx_quote",
        "livemode": False,
        "status": "open",
        "from_currency": "USD",
        "to_currency": "EUR",
        "rate": "0.792",
        "mid_rate": "0.8",
        "spread_basis_points": 100,
        "rate_source": "ecb",
        "amount": 10_000,
        "settlement_amount": 7_920,
        "payment": None,
    }
    assert {name: value for name, value in quote.items() if name != "id"} == shown
    again = body_of(await shop.get(f"{QUOTES}/{quote['id']}"), 200)
    assert {name: again[name] for name in quote} == quote


async def test_a_quote_for_any_amount(shop):
    quote = await quoted(shop, from_currency="JPY")
    assert (quote["amount"], quote["settlement_amount"], quote["mid_rate"]) == (None, None, "0.00615877317238")


@pytest.mark.parametrize(
    ("body", "code", "pointer"),
    [
        ({}, "validation_failed", "/from_currency"),
        ({"from_currency": "XAU"}, "validation_failed", "/from_currency"),
        ({"from_currency": "EUR"}, "validation_failed", "/from_currency"),
        ({"from_currency": "USD", "to_currency": "JPY"}, "validation_failed", "/to_currency"),
        ({"from_currency": "USD", "amount": 0}, "validation_failed", "/amount"),
        ({"from_currency": "USD", "amount": "100"}, "validation_failed", "/amount"),
        ({"from_currency": "VND", "amount": 100}, "amount_too_small", "/amount"),
        ({"from_currency": "USD", "rate": "1"}, "validation_failed", "/rate"),
    ],
)
async def test_what_cannot_be_quoted(shop, body, code, pointer):
    problem_of(await shop.post(QUOTES, body, key=None), 422, code, pointer)


async def test_no_rate_no_quote(shop, put):
    problem_of(await shop.post(QUOTES, {"from_currency": "KWD"}, key=None), 422, "rate_missing")
    await put("EUR/BHD 0.43", at=datetime.now(UTC) - timedelta(hours=97))
    problem = problem_of(await shop.post(QUOTES, {"from_currency": "BHD"}, key=None), 422, "rate_stale")
    assert "PUT /v1/fx/rates" in problem["detail"]


async def test_a_merchant_sees_its_own_quotes_per_mode(platform, shop):
    path = f"{QUOTES}/{(await quoted(shop))['id']}"
    other = await platform.shop()
    for stranger in (other, shop.but(livemode=True)):
        problem_of(await stranger.get(path), 404, "not_found")
    problem_of(await shop.get(f"{QUOTES}/fxq_1"), 404, "not_found")
    for scope, method in (("fx:write", "POST"), ("fx:read", "GET")):
        without = shop.but(scopes=frozenset(SCOPES) - {scope})
        target = QUOTES if method == "POST" else path
        body = {"json": {"from_currency": "USD"}} if method == "POST" else {}
        problem_of(await without.request(method, target, **body), 403, "forbidden")
    problem_of(await platform.admin.get(path), 403, "forbidden")


async def test_a_payment_takes_the_quotes_rate_and_uses_it_up(shop, put):
    quote = await quoted(shop)
    await put("EUR/USD 2")
    payment = await shop.pay(currency="USD", settlement_quote=quote["id"])
    assert payment["settlement"]["mid_rate"] == "0.8"
    assert payment["settlement"]["quote"] == quote["id"]
    assert payment["settlement"]["net"] == 7_920
    used = body_of(await shop.get(f"{QUOTES}/{quote['id']}"), 200)
    assert (used["status"], used["payment"]) == ("used", payment["id"])
    second = await shop.post("/v1/payments", await shop.payment(currency="USD", settlement_quote=quote["id"]))
    problem = problem_of(second, 409, "fx_quote_used")
    assert payment["id"] in problem["detail"]
    assert (await shop.pay(currency="USD"))["settlement"]["mid_rate"] == "0.5"


async def test_repeating_a_request_finds_its_payment_whatever_became_of_the_quote(platform, shop):
    quote = await quoted(shop)
    body = await shop.payment(currency="USD", settlement_quote=quote["id"])
    first = body_of(await shop.post("/v1/payments", body, key="again"), 201)
    let_expire(platform, quote)
    second = await shop.post("/v1/payments", body, key="again")
    assert body_of(second, 201) == first
    assert second.headers["idempotent-replayed"] == "true"


async def test_a_declined_payment_has_used_its_quote(shop):
    quote = await quoted(shop)
    payment = await shop.pay("4000000000000002", currency="USD", settlement_quote=quote["id"])
    assert payment["status"] == "declined"
    assert body_of(await shop.get(f"{QUOTES}/{quote['id']}"), 200)["payment"] == payment["id"]


async def test_an_expired_quote_is_refused(platform, shop):
    quote = await quoted(shop)
    let_expire(platform, quote)
    assert body_of(await shop.get(f"{QUOTES}/{quote['id']}"), 200)["status"] == "expired"
    body = await shop.payment(currency="USD", settlement_quote=quote["id"])
    problem_of(await shop.post("/v1/payments", body), 409, "fx_quote_expired")
    assert platform.rows("SELECT 1 FROM payments.payments WHERE fx_quote_id = %s::uuid", quote["id"][4:]) == []


async def test_a_quote_of_something_else_is_refused(platform, shop):
    quote = await quoted(shop)
    other = await quoted(await platform.shop())
    for currency in ("JPY", "EUR"):
        body = await shop.payment(currency=currency, settlement_quote=quote["id"])
        problem_of(await shop.post("/v1/payments", body), 422, "validation_failed", "/settlement_quote")
    body = await shop.payment(currency="USD", settlement_quote=other["id"])
    problem_of(await shop.post("/v1/payments", body), 404, "not_found")
    body = await shop.payment(currency="USD", settlement_quote="fxq_1")
    problem_of(await shop.post("/v1/payments", body), 422, "validation_failed", "/settlement_quote")
    assert body_of(await shop.get(f"{QUOTES}/{quote['id']}"), 200)["status"] == "open"


async def test_a_quote_does_not_outlive_the_settlement_currency(platform, shop, admin):
    quote = await quoted(shop, from_currency="JPY")
    change = {"settlement_currency": "USD", "fee": {"basis_points": 0, "fixed": 0}}
    merchant = f"/v1/merchants/mer_{shop.identity.merchant_id.hex}"
    body_of(await admin.request("PATCH", merchant, key=None, json=change), 200)
    body = await shop.payment(currency="JPY", settlement_quote=quote["id"])
    problem_of(await shop.post("/v1/payments", body), 422, "validation_failed", "/settlement_quote")


async def test_of_many_payments_at_once_one_gets_the_quote(platform, shop):
    """All pass the first look; whoever is first in a commit has it, in the same batch or another."""
    quote = await quoted(shop)
    body = await shop.payment(currency="USD", settlement_quote=quote["id"])
    plain = await shop.payment()
    requests = [shop.post("/v1/payments", body if number % 2 else plain) for number in range(80)]
    answers = await asyncio.gather(*requests)
    paid = [answer for answer in answers[1::2] if answer.status_code == 201]
    assert len(paid) == 1
    for answer in answers[1::2]:
        if answer is not paid[0]:
            problem_of(answer, 409, "fx_quote_used")
    # A neighbour without the quote never suffers.
    assert [answer.status_code for answer in answers[0::2]] == [201] * 40
    used = body_of(await shop.get(f"{QUOTES}/{quote['id']}"), 200)
    assert used["payment"] == paid[0].json()["id"]
    rows = platform.rows("SELECT id FROM payments.payments WHERE fx_quote_id = %s::uuid", quote["id"][4:])
    assert [row[0].hex for row in rows] == [paid[0].json()["id"][4:]]


async def test_many_quotes_at_once_are_each_used_once(shop):
    quotes = [await quoted(shop) for _ in range(10)]
    body = await shop.payment(currency="USD")
    requests = [shop.post("/v1/payments", body | {"settlement_quote": quote["id"]}) for quote in quotes * 4]
    answers = await asyncio.gather(*requests)
    paid = [answer.json()["settlement"]["quote"] for answer in answers if answer.status_code == 201]
    assert sorted(paid) == sorted(quote["id"] for quote in quotes)


async def test_a_payment_that_is_not_stored_leaves_its_quote_open(platform, shop):
    quote = await quoted(shop)
    card = await shop.card("5555555555554444")
    fx, seen = platform.container.fx, []

    async def terms(*arguments, **named):
        # The card goes after the service has looked and before the commit.
        found = await type(fx).terms(fx, *arguments, **named)
        with platform.sql() as connection:
            connection.execute("UPDATE vault.payment_methods SET deleted_at = now() WHERE id = %s::uuid", [card[3:]])
        seen.append(found)
        return found

    fx.terms = terms
    body = {"amount": 100, "currency": "USD", "payment_method": card, "settlement_quote": quote["id"]}
    response = await shop.post("/v1/payments", body)
    assert seen
    assert response.status_code in (404, 409)
    assert body_of(await shop.get(f"{QUOTES}/{quote['id']}"), 200)["status"] == "open"


@pytest.mark.parametrize("meanwhile", ["used", "expired", "neither"])
async def test_what_counts_is_the_quote_after_the_wait_for_it(platform, shop, meanwhile):
    """Somebody else holds the quote while a payment commits: used by then, or just grown too old, it is not taken."""
    quote = await quoted(shop)
    key = {"id": quote["id"][4:]}
    body = await shop.payment(currency="USD", settlement_quote=quote["id"])
    with platform.sql() as connection, platform.sql() as observer:
        if meanwhile == "expired":
            soon = (
                "UPDATE payments.fx_quotes SET expires_at = clock_timestamp() + interval '3 s' WHERE id = %(id)s::uuid"
            )
            connection.execute(soon, key)
        with connection.transaction():
            connection.execute("SELECT 1 FROM payments.fx_quotes WHERE id = %(id)s::uuid FOR UPDATE", key)
            paying = asyncio.create_task(shop.post("/v1/payments", body))
            waiting = "SELECT 1 FROM pg_locks WHERE NOT granted"
            # Polled, because only the database knows who waits.
            while not paying.done() and observer.execute(waiting).fetchone() is None:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            assert not paying.done()
            if meanwhile == "used":
                use = "UPDATE payments.fx_quotes SET consumed_by = id, consumed_at = now() WHERE id = %(id)s::uuid"
                connection.execute(use, key)
            elif meanwhile == "expired":
                left = "SELECT pg_sleep_until(expires_at) FROM payments.fx_quotes WHERE id = %(id)s::uuid"
                connection.execute(left, key)
        response = await paying
    assert response.status_code == (201 if meanwhile == "neither" else 409)
    status = body_of(await shop.get(f"{QUOTES}/{quote['id']}"), 200)["status"]
    assert status == ("expired" if meanwhile == "expired" else "used")
    stored = platform.rows("SELECT 1 FROM payments.payments WHERE fx_quote_id = %s::uuid", key["id"])
    assert len(stored) == (meanwhile == "neither")


async def test_expiry_counts_in_the_commit(platform, shop):
    quote = await quoted(shop)
    fx = platform.container.fx

    async def terms(*arguments, **named):
        found = await type(fx).terms(fx, *arguments, **named)
        let_expire(platform, quote)
        return found

    body = await shop.payment(currency="USD", settlement_quote=quote["id"])
    fx.terms = terms
    response = await shop.post("/v1/payments", body)
    assert (response.status_code, response.json()["code"]) in ((409, "fx_quote_expired"), (409, "fx_quote_used"))
    assert body_of(await shop.get(f"{QUOTES}/{quote['id']}"), 200)["status"] == "expired"


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE payments.fx_quotes SET rate_mid = 1",
        "UPDATE payments.fx_quotes SET spread_basis_points = 0",
        "UPDATE payments.fx_quotes SET expires_at = now()",
        "UPDATE payments.fx_quotes SET merchant_id = id",
    ],
)
async def test_the_application_can_use_a_quote_but_never_change_it(platform, shop, change):
    await quoted(shop)
    with platform.sql("app") as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(change)


async def test_unused_quotes_are_thrown_away_after_a_while(platform, shop):
    used, expired, fresh = [await quoted(shop) for _ in range(3)]
    await shop.pay(currency="USD", settlement_quote=used["id"])
    for quote in (used, expired):
        let_expire(platform, quote)
    assert await platform.container.fx.prune_quotes(timedelta(days=1)) == 0
    assert await platform.container.fx.prune_quotes(timedelta(0)) >= 1
    statuses = [(await shop.get(f"{QUOTES}/{quote['id']}")).status_code for quote in (used, expired, fresh)]
    assert statuses == [200, 404, 200]
