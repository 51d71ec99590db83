"""Pages and filters."""

from tests.contract.client import Client


def pages(client: Client) -> None:
    merchant = client.merchant()
    card = merchant.card()
    for number in range(7):
        body = {"amount": 100 + number, "currency": "USD", "payment_method": card, "reference": f"order-{number % 2}"}
        merchant.post("/v1/payments", body)
    page = merchant.get("/v1/payments?limit=3").json
    while page["has_more"]:
        page = merchant.get(f"/v1/payments?limit=3&starting_after={page['data'][-1]['id']}").json
    merchant.get(f"/v1/payments?limit=2&ending_before={page['data'][0]['id']}")
    merchant.get("/v1/payments?reference=order-1&limit=2")
    merchant.get("/v1/payments?status=captured&currency=USD&limit=1")
    merchant.get("/v1/payments?status=voided")
    merchant.get("/v1/payments?currency=EUR")
    merchant.get("/v1/ledger/transactions?limit=2")


def empty_lists(client: Client) -> None:
    merchant = client.merchant()
    for name in ("payments", "refunds", "payment_methods", "ledger/transactions", "fraud/reviews", "balances"):
        merchant.get(f"/v1/{name}")


def payment_methods(client: Client) -> None:
    merchant = client.merchant()
    cards = [merchant.card(number) for number in ("4242424242424242", "5555555555554444", "378282246310005")]
    merchant.get("/v1/payment_methods?limit=2")
    merchant.get(f"/v1/payment_methods/{cards[0]}")
    merchant.send("DELETE", f"/v1/payment_methods/{cards[0]}")
    merchant.get(f"/v1/payment_methods/{cards[0]}")
    merchant.send("DELETE", f"/v1/payment_methods/{cards[0]}")
    merchant.post("/v1/payments", {"amount": 100, "currency": "USD", "payment_method": cards[0]})
    merchant.get("/v1/payment_methods")
