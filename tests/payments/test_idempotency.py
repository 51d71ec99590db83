"""Idempotency: one key, one effect, the same bytes."""

import json
from typing import Any
from urllib.parse import quote

import httpx2
import pytest

from tests.support import Caller, Platform, body_of, problem_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATH = "/v1/payments"


def replayed(response: httpx2.Response) -> bool:
    return response.headers.get("idempotent-replayed") == "true"


async def same(first: httpx2.Response, second: httpx2.Response) -> None:
    assert not replayed(first)
    assert replayed(second)
    assert (second.status_code, second.content) == (first.status_code, first.content)


async def every_write(merchant: Caller) -> list[tuple[str, dict[str, Any]]]:
    """Path and body of each request that needs a key: on the short path and on the framework's."""
    held, taken = await merchant.authorize(), await merchant.pay()
    return [
        (PATH, await merchant.payment()),
        (f"{PATH}/{held['id']}/capture", {"amount": 1, "final": False}),
        (f"{PATH}/{taken['id']}/refunds", {"amount": 1}),
        (f"{PATH}/{held['id']}/void", {}),
    ]


async def test_a_request_that_moves_money_needs_a_key(service: Platform, merchant: Caller):
    writes = await every_write(merchant)
    before = service.contents()
    for path, body in writes:
        problem_of(await merchant.post(path, body, key=None), 400, "idempotency_key_missing")
    assert service.contents() == before


@pytest.mark.parametrize(
    "key",
    [
        ["a", "a"],
        ["a", "b"],
        '"a", "b"',
        "",
        '""',
        " ",
        "x" * 256,
        f'"{"x" * 256}"',
        "caf\xe9",
        "caf\xc3\xa9",
        "a\x7fb",
        '"a',
        '"a"b"',
    ],
)
async def test_a_key_that_cannot_be_read_is_refused(service: Platform, merchant: Caller, key):
    writes = await every_write(merchant)
    before = service.contents()
    for path, body in writes:
        problem_of(await merchant.post(path, body, key=key), 400, "idempotency_key_invalid")
    assert service.contents() == before


@pytest.mark.parametrize(
    ("key", "again"),
    [
        ("plain", '"plain"'),
        ('"quoted"', "quoted"),
        (r'"with \"quotes\" and \\"', r'"with \"quotes\" and \\"'),
        ("x" * 255, f'"{"x" * 255}"'),
        ("  spaced ", "spaced"),
        ("a/b?c=d e", '"a/b?c=d e"'),
        ("1", "1"),
    ],
)
async def test_a_key_may_be_quoted_or_not(merchant: Caller, key, again):
    for path, body in await every_write(merchant):
        await same(await merchant.post(path, body, key=key), await merchant.post(path, body, key=again))


async def test_a_repeated_request_gets_the_same_bytes_and_does_nothing(service: Platform, merchant: Caller):
    for path, body in await every_write(merchant):
        first = await merchant.post(path, body, key="k")
        assert first.is_success
        before = service.contents()
        await same(first, await merchant.post(path, body, key="k"))
        assert service.contents() == before


async def test_a_reply_stays_as_it_was_while_the_payment_goes_on(merchant: Caller):
    body = await merchant.payment(capture_method="manual")
    first = await merchant.post(PATH, body, key="k")
    capture = f"{PATH}/{first.json()['id']}/capture"
    captured = await merchant.post(capture, key="k2")
    body_of(await merchant.post(capture.replace("capture", "refunds")), 201)
    await same(first, await merchant.post(PATH, body, key="k"))
    await same(captured, await merchant.post(capture, key="k2"))


@pytest.mark.parametrize("number", ["4000000000000002", "4000009000000052", "4000009000000060"])
async def test_declines_and_the_external_order_replay_as_well(merchant: Caller, number):
    body = await merchant.payment(number)
    await same(await merchant.post(PATH, body, key="k"), await merchant.post(PATH, body, key="k"))


async def test_a_key_belongs_to_one_body(service: Platform, merchant: Caller):
    for path, body in await every_write(merchant):
        first = await merchant.post(path, body, key="k")
        assert first.is_success
        if path.endswith("void"):
            continue  # it has no body
        before = service.contents()
        other = body | {"amount": body["amount"] + 1}
        problem = problem_of(await merchant.post(path, other, key="k"), 422, "idempotency_key_reused")
        assert (problem["effect"], problem["retryable"]) == ("none", False)
        assert service.contents() == before
        await same(first, await merchant.post(path, body, key="k"))


async def test_what_says_the_same_is_the_same_request(merchant: Caller):
    body = await merchant.payment(metadata={"a": "1", "bb": "2"}, cvc="123")
    first = await merchant.post(PATH, body, key="k")
    same_requests = [
        dict(reversed(body.items())),
        body | {"metadata": {"bb": "2", "a": "1"}},
        body | {"cvc": "999"},  # is not remembered, not even as a hash
        {name: value for name, value in body.items() if name != "cvc"},
        body | {"capture_method": "automatic"},  # the default, spelled out
        body | {"reference": None},
    ]
    for again in same_requests:
        await same(first, await merchant.post(PATH, again, key="k"))
    spaced = json.dumps(body, indent=4).encode()
    headers = {"content-type": "application/json"}
    await same(first, await merchant.request("POST", PATH, content=spaced, headers=headers, key="k"))


async def test_a_body_left_out_is_an_empty_one(merchant: Caller):
    path = f"{PATH}/{(await merchant.authorize())['id']}/capture"
    first = await merchant.request("POST", path, key="k")
    for again in ({}, {"amount": None}, {"final": True}):
        await same(first, await merchant.post(path, again, key="k"))


async def test_the_same_key_on_another_path_is_another_request(merchant: Caller):
    payment = body_of(await merchant.post(PATH, await merchant.payment(capture_method="manual"), key="k"), 201)
    path = f"{PATH}/{payment['id']}"
    for amount in (1, 2):
        body_of(await merchant.post(f"{path}/capture", {"amount": amount, "final": False}, key=f"k{amount}"), 200)
    refund = body_of(await merchant.post(f"{path}/refunds", {"amount": 1}, key="k"), 201)
    closed = body_of(await merchant.post(f"{path}/void", key="k"), 200)
    assert (closed["status"], closed["amount_captured"], closed["amount_refunded"]) == ("captured", 3, 1)
    uses = await merchant.key("k")
    assert [(use["method"], use["path"], use["status"], use["status_code"]) for use in uses] == [
        ("POST", PATH, "completed", 201),
        ("POST", f"{path}/refunds", "completed", 201),
        ("POST", f"{path}/void", "completed", 200),
    ]
    assert [use["resource"] for use in uses[:2]] == [payment["id"], refund["id"]]
    assert uses[2]["resource"].startswith("voi_")


@pytest.mark.parametrize("key", ["a/b", "a b", "50%", "k?x=1#y", "../payments", "//", "\\"])
async def test_any_key_can_be_looked_up(merchant: Caller, key):
    body_of(await merchant.post(PATH, await merchant.payment(), key=key), 201)
    found = await merchant.get(f"/v1/idempotency_keys/{quote(key, safe='')}")
    assert body_of(found, 200)["key"] == key


async def test_a_key_nobody_used_is_not_found(merchant: Caller):
    for key in ("never", "x" * 255, "%00", "%C3%A9", "%F0%9F%92%B3"):
        problem_of(await merchant.get(f"/v1/idempotency_keys/{key}"), 404, "not_found")
