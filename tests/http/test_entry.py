"""The way in: bodies, request ids, and the answers that come before and after every route."""

import asyncio
import json
from collections.abc import AsyncIterator
from time import time

import jwt
import pytest

from payments.http.entry import Entry
from shared.asgi import MAX_BODY_BYTES
from shared.identity import ALGORITHM
from tests.support import Caller, Platform, body_of, client_of, problem_of, unmeasured

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOT, COLD = "/v1/payments", "/v1/payment_methods"
BOTH = pytest.mark.parametrize("path", [HOT, COLD])
AS_JSON = {"content-type": "application/json"}


def nested(depth: int) -> bytes:
    return b'{"metadata":' + b"[" * depth + b"]" * depth + b"}"


async def pieces(count: int, size: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b" " * size


@BOTH
async def test_a_body_that_says_it_is_too_large_is_refused_unread(merchant: Caller, path):
    async def never() -> AsyncIterator[bytes]:
        for _ in range(1):
            yield pytest.fail("the body was read")

    for size in (MAX_BODY_BYTES + 1, 10_000_000, 10**30):
        headers = AS_JSON | {"content-length": str(size)}
        problem_of(await merchant.request("POST", path, content=never(), headers=headers), 413, "body_too_large")


@BOTH
async def test_a_body_that_grows_too_large_is_refused(merchant: Caller, path):
    content = pieces(11, 100_000)
    problem_of(await merchant.request("POST", path, content=content, headers=AS_JSON), 413, "body_too_large")


@BOTH
async def test_a_body_of_the_largest_size_is_read(merchant: Caller, path):
    content = b"{" + b" " * (MAX_BODY_BYTES - 2) + b"}"
    response = await merchant.request("POST", path, content=content, headers=AS_JSON)
    assert problem_of(response, 422, "validation_failed", *_required(response))


def _required(response) -> list[str]:
    found = [error["pointer"] for error in response.json()["errors"]]
    assert len(found) >= 3
    return found


async def test_a_body_that_comes_in_pieces_is_put_together(merchant: Caller):
    content = json.dumps(await merchant.payment()).encode()

    async def letters() -> AsyncIterator[bytes]:
        for letter in content:
            yield bytes([letter])

    body_of(await merchant.request("POST", HOT, content=letters(), headers=AS_JSON), 201)


@BOTH
@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "", None]
)
async def test_a_body_must_say_that_it_is_json(merchant: Caller, path, content_type):
    headers = {} if content_type is None else {"content-type": content_type}
    response = await merchant.request("POST", path, content=b"{}", headers=headers)
    problem_of(response, 415, "unsupported_media_type")


@BOTH
@pytest.mark.parametrize("content_type", ["application/json", "Application/JSON", "application/json; charset=utf-8"])
async def test_json_may_be_spelled_in_several_ways(merchant: Caller, path, content_type):
    response = await merchant.request("POST", path, content=b"{}", headers={"content-type": content_type})
    assert problem_of(response, 422, "validation_failed", *_required(response))


@BOTH
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b'{"amount": 1,}',
        b"{'amount': 1}",
        b'{"amount": Infinity}',
        b'{"amount": NaN}',
        b"\xff\xfe{\x00}\x00",
        b'{"reference": "\xff"}',
        b'{"reference": "\\ud800"}',
        b"null null",
        nested(100_000),
        b'{"amount": ' + b"9" * 100_000 + b"}",
    ],
    ids=lambda content: repr(content[:24]),
)
async def test_what_is_not_json_is_called_so(merchant: Caller, path, content):
    response = await merchant.request("POST", path, content=content, headers=AS_JSON)
    if content == b"" and path == COLD:
        problem_of(response, 422, "validation_failed", "")  # no body at all, where one is required
    else:
        problem_of(response, 400, "malformed_json")


@BOTH
@pytest.mark.parametrize("content", [b"[]", b'"text"', b"17", b"null", b"true"])
async def test_json_that_is_no_object_is_refused(merchant: Caller, path, content):
    response = await merchant.request("POST", path, content=content, headers=AS_JSON)
    problem_of(response, 422, "validation_failed", "")


@pytest.mark.parametrize("path", [HOT, COLD, "/v1/nothing"])
async def test_a_request_id_comes_back(merchant: Caller, path):
    response = await merchant.request("POST", path, json={}, headers={"x-request-id": "req_from_the_gateway"})
    assert response.headers.get_list("x-request-id") == ["req_from_the_gateway"]
    assert response.json()["request_id"] == "req_from_the_gateway"


async def test_a_request_without_an_id_gets_one(merchant: Caller):
    ids = [(await merchant.get(HOT)).headers["x-request-id"] for _ in range(2)]
    assert len(set(ids)) == 2
    assert all(name.startswith("req_") for name in ids)


@pytest.mark.parametrize(
    "path", ["/", "/v2/payments", "/v1/payments/x/y", "/v1/payments/..%2F..%2Fetc/capture", "/%00"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_a_path_with_nothing_at_it_is_a_problem(merchant: Caller, method, path):
    problem_of(await merchant.request(method, path), 404, "not_found")


async def test_a_slash_too_many_is_not_redirected_past_the_gateway(merchant: Caller):
    problem_of(await merchant.post("/v1/payments/", await merchant.payment()), 404, "not_found")
    problem_of(await merchant.get("/v1/balances/"), 404, "not_found")


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_a_method_that_a_path_does_not_take_is_a_problem(merchant: Caller, method):
    response = await merchant.request(method, HOT)
    problem_of(response, 405, "method_not_allowed")
    assert sorted(response.headers["allow"].split(", ")) == ["GET", "POST"]


@pytest.mark.parametrize(("method", "path"), [("POST", HOT), ("POST", COLD), ("GET", HOT), ("GET", "/v1/balances")])
async def test_a_caller_without_a_good_token_is_nobody(service: Platform, merchant: Caller, method, path):
    now, identity = int(time()), merchant.identity
    good = identity.claims(now)
    tokens = {
        "missing": "",
        "not a token": "Bearer nonsense",
        "an API key": "Bearer sk_test_" + "A" * 43,
        "expired": _sign(service, good | {"iat": now - 60, "exp": now - 58}),
        "for somebody else": _sign(service, good | {"aud": "gateway"}),
        "by somebody else": _sign(service, good | {"iss": "payments"}),
        "without an end": _sign(service, {name: value for name, value in good.items() if name != "exp"}),
        "without a mode": _sign(service, {name: value for name, value in good.items() if name != "live"}),
        "unsigned": "Bearer " + jwt.encode(good, "", algorithm="none"),
        "signed with a word": "Bearer "
        + jwt.encode(good, "w" * 32, algorithm="HS256", headers={"kid": service.key_id}),
        "of an unknown key": "Bearer " + jwt.encode(good, service.signing_key, ALGORITHM, headers={"kid": "another"}),
        "without a key": "Bearer " + jwt.encode(good, service.signing_key, ALGORITHM),
    }
    for what, authorization in tokens.items():
        content = b"{}" if method == "POST" else None
        headers = AS_JSON | {"authorization": authorization}
        response = await merchant.request(method, path, content=content, headers=headers)
        assert response.status_code == 401, what
        problem_of(response, 401, "unauthenticated")
        assert response.headers["www-authenticate"] == "Bearer"


def _sign(service: Platform, claims: dict) -> str:
    return "Bearer " + jwt.encode(claims, service.signing_key, ALGORITHM, headers={"kid": service.key_id})


async def test_a_defect_is_answered_with_a_problem_that_tells_nothing(service: Platform, merchant: Caller, caplog):
    async def broken(scope, receive, send) -> None:
        raise RuntimeError("the secret is 4242")

    async with client_of(Entry(broken, service.container.access, {}, unmeasured())) as client:
        response = await client.get("/v1/payments")
    problem = problem_of(response, 500, "internal")
    assert (problem["effect"], problem["retryable"]) == ("unknown", True)
    assert "4242" not in response.text
    assert any(problem["request_id"] == getattr(record, "request_id", None) for record in caplog.records)


async def test_a_client_that_leaves_within_its_body_is_not_answered(service: Platform):
    messages = asyncio.Queue[dict]()
    messages.put_nowait({"type": "http.request", "body": b"{", "more_body": True})
    messages.put_nowait({"type": "http.disconnect"})
    sent: list[dict] = []

    async def send(message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": HOT, "headers": [(b"content-type", b"application/json")]}
    await service.app(scope, messages.get, send)
    assert sent == []


async def test_health_needs_no_identity(service: Platform):
    for path in ("/health/live", "/health/ready"):
        assert (await service.client.get(path)).status_code == 200
