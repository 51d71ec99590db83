"""The same key again: replayed, refused, looked up."""

from tests.contract.client import Client


def replayed(client: Client) -> None:
    merchant = client.merchant()
    body = {"amount": 1250, "currency": "USD", "payment_method": merchant.card()}
    first = merchant.post("/v1/payments", body, key="once").json
    merchant.post("/v1/payments", body, key="once")
    merchant.post("/v1/payments", dict(reversed(body.items())), key="once")
    merchant.post("/v1/payments", {**body, "capture_method": "automatic"}, key="once")
    merchant.post("/v1/payments", {**body, "cvc": "123"}, key="once")
    merchant.post("/v1/payments", body, key='"once"')
    merchant.post("/v1/payments", {**body, "amount": 1251}, key="once")
    merchant.post(f"/v1/payments/{first['id']}/refunds", {"amount": 250}, key="once")
    merchant.post(f"/v1/payments/{first['id']}/refunds", {"amount": 250}, key="once")
    merchant.post(f"/v1/payments/{first['id']}/refunds", {"amount": 251}, key="once")
    merchant.get("/v1/idempotency_keys/once")
    merchant.get("/v1/idempotency_keys/never")
    merchant.get("/v1/payments")
    merchant.get("/v1/refunds")


def a_decline_is_replayed_too(client: Client) -> None:
    merchant = client.merchant()
    body = {"amount": 1250, "currency": "USD", "payment_method": merchant.card("4000000000009995")}
    for _ in range(2):
        merchant.post("/v1/payments", body, key="declined")
    merchant.get("/v1/idempotency_keys/declined")


def a_refusal_stores_nothing(client: Client) -> None:
    merchant = client.merchant()
    body = {"amount": 0, "currency": "USD", "payment_method": merchant.card()}
    merchant.post("/v1/payments", body, key="mended")
    merchant.get("/v1/idempotency_keys/mended")
    merchant.post("/v1/payments", {**body, "amount": 100}, key="mended")
    merchant.get("/v1/idempotency_keys/mended")


def keys_that_are_none(client: Client) -> None:
    merchant = client.merchant()
    body = {"amount": 1250, "currency": "USD", "payment_method": merchant.card()}
    merchant.post("/v1/payments", body, key=None)
    for key in ("x" * 256, '"', '"open', '""', '"a"b"', "tab\there", "4242424242424242", "caf\u00e9"):
        merchant.post("/v1/payments", body, key=key)
    for key in ("x" * 255, '"quoted \\" and \\\\"', "!#$%&'()*+-./:;<=>?@[]^_`{|}~"):
        merchant.post("/v1/payments", body, key=key)


def keys_belong_to_a_merchant_and_a_path(client: Client) -> None:
    first, second = client.merchant(), client.merchant()
    for merchant in (first, second):
        body = {"amount": 1250, "currency": "USD", "payment_method": merchant.card(), "capture_method": "manual"}
        payment = merchant.post("/v1/payments", body, key="shared").json["id"]
        merchant.post(f"/v1/payments/{payment}/capture", key="shared")
        merchant.get("/v1/idempotency_keys/shared")


def captures_and_voids_are_replayed(client: Client) -> None:
    merchant = client.merchant()
    captured, voided = (merchant.pay(capture_method="manual")["id"] for _ in range(2))
    for _ in range(2):
        merchant.post(f"/v1/payments/{captured}/capture", {"amount": 100, "final": False}, key="part")
        merchant.post(f"/v1/payments/{voided}/void", key="void")
    merchant.post(f"/v1/payments/{captured}/capture", {"amount": 101, "final": False}, key="part")
