"""What clients get wrong, and what they are told."""

from typing import Any

from tests.contract.client import VISA, Client

CARD = {"number": VISA, "exp_month": 12, "exp_year": 2040, "cvc": "123"}
BAD_FIELDS: tuple[dict[str, Any], ...] = (
    {"amount": 10.5},
    {"amount": "100"},
    {"amount": -1},
    {"amount": 0},
    {"amount": True},
    {"amount": None},
    {"amount": 10**30},
    {"amount": 10.0},
    {"currency": "usd"},
    {"currency": "XXX"},
    {"currency": "\uff35\uff33\uff24"},
    {"currency": 840},
    {"currency": ""},
    {"payment_method": "pm_1"},
    {"payment_method": "pm_" + "0" * 32},
    {"payment_method": None},
    {"capture_method": "later"},
    {"metadata": {"a": 1}},
    {"metadata": []},
    {"metadata": {str(number): "x" for number in range(100)}},
    {"description": "x" * 10_000},
    {"description": "card " + VISA},
    {"reference": "a\0b"},
    {"statement_descriptor": "💳" * 30},
    {"customer_ip": "1.2.3"},
    {"card_country": "Germany"},
    {"settlement_quote": "fxq_" + "0" * 32},
    {"cvc": "12"},
    {"unheard_of": 1},
)
BAD_CARDS: tuple[dict[str, Any], ...] = (
    {"number": "4242424242424241"},
    {"number": "42"},
    {"number": 4242424242424242},
    {"number": "4242 4242 4242 4242 4242"},
    {"number": "4242-4242-4242-4242"},
    {"exp_month": 13},
    {"exp_month": 0},
    {"exp_year": 2020},
    {"exp_year": 99999},
    {"exp_year": "2040"},
    {"cvc": "12"},
    {"cvc": "12345"},
    {"cvc": "abc"},
    {"cvc": 123},
    {"name": "x" * 1000},
    {"name": ""},
    {"brand": "visa"},
)
BROKEN_BODIES = (
    b"",
    b"{",
    b"null",
    b"[]",
    b'"text"',
    b'{"amount": NaN}',
    b'{"amount": Infinity}',
    b'{"amount": 1, "amount": 2}',
    b'{"amount": "\\ud800"}',
    b"\xff\xfe",
    b"[" * 5_000,
    b'{"a":' * 2_000,
)


def fields_of_a_payment(client: Client) -> None:
    merchant = client.merchant()
    good = {"amount": 2500, "currency": "USD", "payment_method": merchant.card()}
    for bad in BAD_FIELDS:
        merchant.post("/v1/payments", {**good, **bad})
    for missing in good:
        merchant.post("/v1/payments", {name: value for name, value in good.items() if name != missing})
    merchant.get("/v1/payments")


def fields_of_a_card(client: Client) -> None:
    merchant = client.merchant()
    for bad in BAD_CARDS:
        merchant.post("/v1/payment_methods", {**CARD, **bad}, key=None)
    for missing in CARD:
        merchant.post("/v1/payment_methods", {name: value for name, value in CARD.items() if name != missing}, key=None)
    merchant.get("/v1/payment_methods")


def bodies_that_are_no_json(client: Client) -> None:
    merchant = client.merchant()
    for path in ("/v1/payments", "/v1/payment_methods"):
        for number, body in enumerate(BROKEN_BODIES):
            merchant.send("POST", path, raw=body, headers={"Idempotency-Key": f"broken-{number}"})


def other_content_types(client: Client) -> None:
    merchant = client.merchant()
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-8", "image/png"):
        headers = {"Content-Type": kind, "Idempotency-Key": "other-kinds"}
        merchant.send("POST", "/v1/payments", {"amount": 1}, headers=headers)


def a_body_that_is_too_large(client: Client) -> None:
    merchant = client.merchant()
    merchant.send("POST", "/v1/payments", raw=b'{"description": "' + b"x" * 1_000_000 + b'"}')


def paths_and_methods_that_are_not_there(client: Client) -> None:
    merchant = client.merchant()
    for target in (
        "/",
        "/v1",
        "/v2/payments",
        "/v1/nothing",
        "/v1/payments/",
        "/v1//payments",
        "/internal/api_keys/verify",
    ):
        merchant.get(target)
    for method, target in (
        ("DELETE", "/v1/payments"),
        ("PUT", "/v1/payments"),
        ("PATCH", "/v1/payments/pay_1"),
        ("DELETE", "/v1/balances"),
        ("POST", "/v1/balances"),
    ):
        merchant.send(method, target, {})


def ids_that_are_none(client: Client) -> None:
    merchant = client.merchant()
    for bad in ("pay_1", "pay_" + "f" * 32, "mer_" + "0" * 32, "1", "'", "pay_" + "0" * 31 + "g"):
        merchant.get(f"/v1/payments/{bad}")
        merchant.post(f"/v1/payments/{bad}/capture")
        merchant.get(f"/v1/refunds/{bad}")
        merchant.get(f"/v1/payment_methods/{bad}")


def queries_that_make_no_sense(client: Client) -> None:
    merchant = client.merchant()
    for query in (
        "limit=0",
        "limit=101",
        "limit=ten",
        "limit=1&limit=2",
        "starting_after=pay_1",
        "starting_after=pay_" + "0" * 32,
        f"starting_after=pay_{'0' * 32}&ending_before=pay_{'1' * 32}",
        "status=paid",
        "currency=usd",
        "created_from=yesterday",
        "created_from=2026-01-01",
        "unheard_of=1",
        "%ff=1",
    ):
        merchant.get(f"/v1/payments?{query}")
