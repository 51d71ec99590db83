"""A payment's life: captured in parts, voided, refunded, declined; what may not happen, and what was written down."""

from tests.contract.client import Client

DECLINING = (
    "4000000000000002",
    "4000000000009995",
    "4000000000009987",
    "4000000000009979",
    "4000000000000069",
    "4000000000000127",
    "4000000000000119",
    "4000000000006975",
    "4000000000000341",
    "4100000000000019",
    "4000002760003184",
)
BRANDS = (
    "5555555555554444",
    "2223003122003222",
    "378282246310005",
    "6011111111111117",
    "36227206271667",
    "3566002020360505",
    "6200000000000005",
)


def automatic_capture(client: Client) -> None:
    merchant = client.merchant()
    payment = merchant.pay(reference="order-1", description="Two books", metadata={"basket": "7"})
    merchant.get(f"/v1/payments/{payment['id']}")
    merchant.get(f"/v1/payments/{payment['id']}/timeline")
    merchant.get("/v1/balances")
    merchant.get(f"/v1/ledger/transactions?payment={payment['id']}")


def captured_in_parts_and_refunded_in_parts(client: Client) -> None:
    merchant = client.merchant()
    payment = merchant.pay(capture_method="manual", amount=10_000)["id"]
    merchant.get("/v1/balances")
    for amount, final in ((2_000, False), (3_000, False), (1_000, True)):
        merchant.post(f"/v1/payments/{payment}/capture", {"amount": amount, "final": final})
    merchant.post(f"/v1/payments/{payment}/capture", {"amount": 1})
    for amount in (1_500, 2_500, 2_000, 1):
        refund = merchant.post(f"/v1/payments/{payment}/refunds", {"amount": amount})
        if refund.status == 201:
            merchant.get(f"/v1/refunds/{refund.json['id']}")
    merchant.get(f"/v1/refunds?payment={payment}")
    merchant.get(f"/v1/payments/{payment}/timeline")
    merchant.get(f"/v1/ledger/transactions?payment={payment}&limit=100")
    merchant.get("/v1/balances")


def voided(client: Client) -> None:
    merchant = client.merchant()
    payment = merchant.pay(capture_method="manual")["id"]
    merchant.post(f"/v1/payments/{payment}/void")
    merchant.post(f"/v1/payments/{payment}/void")
    merchant.post(f"/v1/payments/{payment}/capture")
    merchant.post(f"/v1/payments/{payment}/refunds")
    merchant.get(f"/v1/payments/{payment}")


def voided_after_a_part_was_captured(client: Client) -> None:
    merchant = client.merchant()
    payment = merchant.pay(capture_method="manual")["id"]
    merchant.post(f"/v1/payments/{payment}/capture", {"amount": 1000, "final": False})
    merchant.post(f"/v1/payments/{payment}/void")
    merchant.get(f"/v1/payments/{payment}")


def captured_above_what_is_authorized(client: Client) -> None:
    merchant = client.merchant()
    payment = merchant.pay(capture_method="manual")["id"]
    for body in (
        {"amount": 2501},
        {"amount": 0},
        {"amount": -1},
        {"amount": 10**13},
        {"final": "yes"},
        {"whole": True},
    ):
        merchant.post(f"/v1/payments/{payment}/capture", body)
    merchant.post(f"/v1/payments/{payment}/capture")
    merchant.post(f"/v1/payments/{payment}/refunds", {"amount": 2501})
    merchant.post(f"/v1/payments/{payment}/void")


def declined(client: Client) -> None:
    merchant = client.merchant()
    for number in DECLINING:
        payment = merchant.pay(number)
        merchant.get(f"/v1/payments/{payment['id']}/timeline")
        merchant.post(f"/v1/payments/{payment['id']}/capture")
    merchant.get("/v1/payments?status=declined&limit=3")
    merchant.get("/v1/balances")


def every_brand(client: Client) -> None:
    merchant = client.merchant()
    for number in BRANDS:
        merchant.pay(number)


def refunds_that_fail(client: Client) -> None:
    merchant = client.merchant()
    payment = merchant.pay("4000000000005126")["id"]
    merchant.post(f"/v1/payments/{payment}/refunds", {"amount": 500})
    merchant.get(f"/v1/payments/{payment}")
    merchant.get("/v1/balances")
