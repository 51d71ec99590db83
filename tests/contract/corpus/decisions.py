"""Fraud, limits and currencies."""

from tests.contract.client import Client

SUSPICIOUS = {"review_threshold": 10, "decline_threshold": 90}


def a_payment_that_is_reviewed(client: Client) -> None:
    merchant = client.merchant(fraud=SUSPICIOUS)
    for decision in ("approve", "decline"):
        payment = merchant.pay(amount=600_000)["id"]
        merchant.get("/v1/fraud/reviews")
        merchant.post(f"/v1/payments/{payment}/capture")
        merchant.post(f"/v1/fraud/reviews/{payment}/{decision}", {"reason": "looked at it"}, key=None)
        merchant.post(f"/v1/fraud/reviews/{payment}/{decision}", {"reason": "twice"}, key=None)
        merchant.get(f"/v1/payments/{payment}/timeline")


def checked_without_paying(client: Client) -> None:
    merchant = client.merchant()
    body = {"amount": 600_000, "currency": "USD", "payment_method": merchant.card("5105105105105100")}
    for _ in range(2):
        merchant.post("/v1/fraud/check", body, key=None)
    merchant.get("/v1/payments")


def rules_that_cannot_be_used(client: Client) -> None:
    for condition in ("", "1", "payment.amount >", "payment.colour == 'red'", "signals.card_cout_1h > 3", "x" * 5000):
        body = {"name": "bad", "condition": condition, "score": 10, "shadow": True}
        client.admin.post("/v1/fraud/rules", body, key=None)
    for change in ({"score": 101}, {"score": "1"}, {"action": "explode"}, {"priority": -1}):
        body = {"name": "bad", "condition": "true", "score": 10, "shadow": True, **change}
        client.admin.post("/v1/fraud/rules", body, key=None)


def limits(client: Client) -> None:
    merchant = client.merchant()
    target = f"/v1/merchants/{merchant.id}/limits"
    client.admin.get(target)
    client.admin.send("PUT", target, {"single": 5_000, "daily_volume": 12_000, "daily_count": 3})
    client.admin.send("PUT", target, {"single_amount": 5_000, "daily_amount": 12_000, "daily_count": 3})
    client.admin.get(target)
    client.admin.send("PUT", target, {"single_amount": "many"})


def converted(client: Client) -> None:
    merchant = client.merchant()
    payment = merchant.pay(currency="EUR", amount=4_999)["id"]
    merchant.post(f"/v1/payments/{payment}/refunds", {"amount": 1_999})
    merchant.post(f"/v1/payments/{payment}/refunds")
    merchant.get(f"/v1/ledger/transactions?payment={payment}&limit=100")
    merchant.get("/v1/balances")


def without_decimals(client: Client) -> None:
    merchant = client.merchant(settlement_currency="JPY", country="JP", fee={"basis_points": 100, "fixed": 10})
    merchant.pay(currency="JPY", amount=1_999)
    merchant.pay(currency="KWD", amount=12_345)
    merchant.get("/v1/balances")


def quoted(client: Client) -> None:
    merchant = client.merchant()
    quote = merchant.post("/v1/fx/quotes", {"from": "EUR", "to": "USD"}, key=None).json
    quote = merchant.post("/v1/fx/quotes", {"currency": "EUR"}, key=None).json.get("id", quote.get("id"))
    for currency in ("GBP", "EUR", "EUR"):
        body = {"amount": 1000, "currency": currency, "payment_method": merchant.card(), "settlement_quote": quote}
        merchant.post("/v1/payments", body)
    merchant.get(f"/v1/fx/quotes/{quote}")
    merchant.post("/v1/fx/quotes", {"currency": "XXX"}, key=None)


def rates(client: Client) -> None:
    merchant = client.merchant()
    merchant.get("/v1/fx/rates?at=2020-01-01T00:00:00Z")
    merchant.get("/v1/fx/rates?at=now")
    for rate in ("0", "-1", "1,5", "abc", 1.5, None):
        body = {"base": "EUR", "quote": "USD", "rate": rate, "effective_at": "2020-01-01T00:00:00Z", "source": "test"}
        client.admin.send("PUT", "/v1/fx/rates", body)


def lists_of_the_risk_team(client: Client) -> None:
    for kind, value in (("ip", "not an address"), ("bin", "12"), ("country", "Germany"), ("nothing", "x")):
        client.admin.post("/v1/fraud/lists", {"list": "block", "kind": kind, "value": value, "reason": "x"}, key=None)


def portfolio(client: Client) -> None:
    merchant = client.merchant()
    merchant.pay()
    client.admin.get(f"/v1/merchants/{merchant.id}/summary?hours=24")
    client.admin.get(f"/v1/merchants/{merchant.id}/summary?hours=0")
    client.admin.get("/v1/risk/positions?date=yesterday")
