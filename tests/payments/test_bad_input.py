"""Bad input: a precise problem on the short path and on the framework's, and nothing written."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from payments.http.entry import Entry
from payments.money import MAX_AMOUNT
from tests.support import VISA, Caller, Platform, body_of, client_of, problem_of, unmeasured

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATH = "/v1/payments"
AS_JSON = {"content-type": "application/json"}
LEFT_OUT = object()
INVALID = (422, "validation_failed")

AMOUNTS = [
    0,
    -1,
    -(10**30),
    MAX_AMOUNT + 1,
    10**30,
    1.0,
    19.99,
    1e300,
    "100",
    "1e3",
    "",
    True,
    False,
    [100],
    {"value": 1},
]
CURRENCIES = [
    "eur",
    "Eur",
    "EURO",
    "EU",
    "",
    " EUR",
    "XXX",
    "XTS",
    "ABC",
    "BTC",
    "\uff25\uff35\uff32",
    "\u0395UR",
    "€€€",
    "EUR\x00",
    978,
    None,
    True,
]

FIELDS: list[tuple[str, list[Any]]] = [
    ("amount", [LEFT_OUT, None, *AMOUNTS]),
    ("currency", [LEFT_OUT, *CURRENCIES]),
    ("payment_method", [LEFT_OUT, None, "", "pm_1", "pay_" + "0" * 32, "pm_" + "G" * 32, "pm_" + "0" * 33, VISA, 1]),
    ("capture_method", [None, "", "AUTOMATIC", "later", True]),
    ("cvc", ["12", "12345", "12a", "", 123, "١٢٣", "123\n"]),
    ("reference", ["", "x" * 256, "a\x00b", 7, f"order {VISA}", "4242 4242 4242 4242"]),
    ("description", ["x" * 1001, "\x00", f"card {VISA}"]),
    ("statement_descriptor", ["", "x" * 23, "BÜCHER", "A\x00", "<script>"]),
    ("customer_ip", ["", "999.1.1.1", "1.2.3", "::g", "localhost", 1]),
    ("device_id", ["", "x" * 256, "\x00"]),
    ("card_country", ["de", "DEU", "D", "", 49]),
    ("metadata", [None, [], "text", {f"k{n}": "" for n in range(51)}]),
]
METADATA: list[tuple[dict[str, Any], str]] = [
    ({"k": 1}, "/metadata/k"),
    ({"k": None}, "/metadata/k"),
    ({"k": "x" * 501}, "/metadata/k"),
    ({"k": "a\x00"}, "/metadata/k"),
    ({"k": f"paid with {VISA}"}, "/metadata/k"),
]
MALFORMED = [
    b"",
    b"{",
    b'{"amount": NaN}',
    b'{"amount": 1',
    b"\x00",
    b"[" * 100_000,
    b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def framework_only(service: Platform) -> AsyncIterator[Any]:
    """The same service without its short path, which nobody may be able to tell."""
    assert isinstance(service.app, Entry)
    async with client_of(Entry(service.app._app, service.container.access, {}, unmeasured())) as client:
        yield client


async def both(merchant: Caller, framework_only: Any, content: bytes, headers: dict[str, str] | None = None):
    """Post a payment on both paths, which must answer the same."""
    short = await merchant.request("POST", PATH, content=content, headers=AS_JSON | (headers or {}))
    authorization = {"authorization": merchant._authorization, "idempotency-key": "k"}
    long = await framework_only.post(PATH, content=content, headers=authorization | AS_JSON | (headers or {}))
    assert long.status_code == short.status_code, (long.text, short.text)
    unique = {"request_id": None}
    assert long.json() | unique == short.json() | unique
    return short


async def test_a_field_that_does_not_fit_is_pointed_at(
    service: Platform, merchant: Caller, framework_only, subtests: pytest.Subtests
):
    good = await merchant.payment()
    before = service.contents()
    for field, values in FIELDS:
        for value in values:
            with subtests.test(f"{field}: {value!r:.60}"):
                body = {name: one for name, one in (good | {field: value}).items() if one is not LEFT_OUT}
                response = await both(merchant, framework_only, json.dumps(body).encode())
                problem = problem_of(response, *INVALID, f"/{field}")
                assert (problem["effect"], problem["retryable"]) == ("none", False)
                assert VISA not in response.text
    assert service.contents() == before


async def test_metadata_that_does_not_fit_is_pointed_at(
    service: Platform, merchant: Caller, framework_only, subtests: pytest.Subtests
):
    good = await merchant.payment()
    before = service.contents()
    for metadata, pointer in METADATA:
        with subtests.test(f"{metadata!r:.60}"):
            response = await both(merchant, framework_only, json.dumps(good | {"metadata": metadata}).encode())
            problem_of(response, *INVALID, pointer)
    for name in ("", "x" * 41, "a\x00", VISA):
        with subtests.test(f"{name!r:.60}"):
            response = await both(merchant, framework_only, json.dumps(good | {"metadata": {name: ""}}).encode())
            assert response.status_code == 422
            assert response.json()["errors"][0]["pointer"].startswith("/metadata")
            assert VISA not in response.text
    assert service.contents() == before


async def test_every_wrong_field_is_named_at_once(merchant: Caller, framework_only):
    body = {"amount": "1", "currency": "eur", "metadata": {"a": 1, "b": "", "c": []}}
    response = await both(merchant, framework_only, json.dumps(body).encode())
    problem_of(response, *INVALID, "/amount", "/currency", "/payment_method", "/metadata/a", "/metadata/c")


async def test_a_field_that_does_not_exist_is_named_unless_it_could_be_card_data(merchant: Caller, framework_only):
    good = await merchant.payment()
    for name, pointer in {"amout": "/amout", VISA: "/(name withheld)", "a/b~c": "/(name withheld)"}.items():
        response = await both(merchant, framework_only, json.dumps(good | {name: VISA}).encode())
        problem = problem_of(response, *INVALID, pointer)
        assert "not known" in problem["errors"][0]["detail"]
        assert VISA not in response.text


async def test_a_fraction_is_explained_by_minor_units(merchant: Caller, framework_only):
    # 19.99 where 1999 was meant, and yen as if they had cents.
    for currency in ("USD", "JPY"):
        body = await merchant.payment(currency=currency, amount=19.99)
        response = await both(merchant, framework_only, json.dumps(body).encode())
        detail = problem_of(response, *INVALID, "/amount")["errors"][0]["detail"]
        assert "1999 is 19.99 USD, and 1999 JPY as the yen has no minor unit" in detail


async def test_what_cannot_be_read_writes_nothing(
    service: Platform, merchant: Caller, framework_only, subtests: pytest.Subtests
):
    payment = await merchant.authorize()
    await merchant.card()
    before = service.contents()
    for content in MALFORMED:
        with subtests.test(f"{content[:40]!r}"):
            if content:  # the framework tells an absent body from an unreadable one
                problem_of(await both(merchant, framework_only, content), 400, "malformed_json")
                for what in ("capture", "void", "refunds"):
                    path = f"{PATH}/{payment['id']}/{what}"
                    response = await merchant.request("POST", path, content=content, headers=AS_JSON)
                    problem_of(response, 400, "malformed_json")
            else:
                problem_of(await merchant.request("POST", PATH, headers=AS_JSON), 400, "malformed_json")
    wrong = {"content-type": "text/plain"}
    problem_of(await both(merchant, framework_only, b"{}", wrong), 415, "unsupported_media_type")
    large = b'{"description": "' + b"x" * 10_000_000 + b'"}'
    problem_of(await both(merchant, framework_only, large), 413, "body_too_large")
    assert service.contents() == before


async def test_operations_point_at_the_field_that_does_not_fit(
    service: Platform, merchant: Caller, subtests: pytest.Subtests
):
    held, taken = await merchant.authorize(), await merchant.pay()
    capture, refund = f"{PATH}/{held['id']}/capture", f"{PATH}/{taken['id']}/refunds"
    cases: list[tuple[str, dict[str, Any], str]] = [
        *((path, {"amount": amount}, "/amount") for path in (capture, refund) for amount in AMOUNTS),
        *((capture, {"final": value}, "/final") for value in (None, "false", 0, 1)),
        (capture, {"currency": "EUR"}, "/currency"),
        (refund, {"reason": "because"}, "/reason"),
        (refund, {"metadata": {"k": 1}}, "/metadata/k"),
        (refund, {"final": True}, "/final"),
    ]
    before = service.contents()
    for path, body, pointer in cases:
        with subtests.test(f"{path.rpartition('/')[2]} {body!r:.60}"):
            problem_of(await merchant.post(path, body), *INVALID, pointer)
    for path in (capture, refund):
        for content in (b"[]", b'"all"', b"1"):
            response = await merchant.request("POST", path, content=content, headers=AS_JSON)
            problem_of(response, *INVALID, "")
    assert service.contents() == before


async def test_amounts_above_what_is_left_are_refused(service: Platform, merchant: Caller):
    held, part, taken = await merchant.authorize(), await merchant.authorize(), await merchant.pay()
    body_of(await merchant.post(f"{PATH}/{part['id']}/capture", {"amount": 4_000, "final": False}), 200)
    body_of(await merchant.post(f"{PATH}/{taken['id']}/refunds", {"amount": 9_999}), 201)
    before = service.contents()
    for payment, what, amount, left in (
        (held, "capture", 10_001, "100.00 EUR"),
        (held, "capture", MAX_AMOUNT, "100.00 EUR"),
        (part, "capture", 6_001, "60.00 EUR"),
        (part, "refunds", 4_001, "40.00 EUR"),
        (taken, "refunds", 2, "0.01 EUR"),
    ):
        response = await merchant.post(f"{PATH}/{payment['id']}/{what}", {"amount": amount})
        assert left in problem_of(response, 422, "amount_too_large", "/amount")["detail"]
    assert service.contents() == before


async def test_what_the_state_does_not_allow_is_refused(service: Platform, merchant: Caller):
    voided, authorized = await merchant.authorize(), await merchant.authorize()
    body_of(await merchant.post(f"{PATH}/{voided['id']}/void"), 200)
    captured, declined = await merchant.pay(), await merchant.pay("4000000000000002")
    before = service.contents()
    for payment, *whats in (
        (voided, "capture", "void", "refunds"),
        (captured, "capture", "void"),
        (declined, "capture", "void", "refunds"),
        (authorized, "refunds"),
    ):
        status = (await merchant.show(payment["id"]))["status"]
        for what in whats:
            problem = problem_of(await merchant.post(f"{PATH}/{payment['id']}/{what}"), 409, "payment_state")
            assert status in problem["detail"]
            assert (problem["effect"], problem["retryable"]) == ("none", False)
    assert service.contents() == before


async def test_an_expired_card_is_not_taken(service: Platform, merchant: Caller):
    before = service.contents()
    card = {"number": VISA, "exp_month": 1, "exp_year": 2020, "cvc": "123"}
    response = await merchant.post("/v1/payment_methods", card)
    assert response.status_code == 422
    assert {error["pointer"] for error in response.json()["errors"]} <= {"/exp_month", "/exp_year"}
    assert service.contents() == before


@pytest.mark.parametrize("action", ["capture", "refunds", "void"])
async def test_null_is_no_body(merchant: Caller, action):
    payment = (await merchant.authorize())["id"]
    answer = await merchant.request("POST", f"/v1/payments/{payment}/{action}", content=b"null", headers=AS_JSON)
    problem = problem_of(answer, 422, "validation_failed", "")
    assert problem["errors"] == [{"detail": "Expected an object", "pointer": ""}]
    assert (await merchant.show(payment))["status"] == "authorized"
