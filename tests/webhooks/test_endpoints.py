"""Endpoints as their merchants manage them."""

import pytest

from payments.keyring import Keyring
from tests.support import Caller, Platform, body_of, problem_of
from tests.webhooks.support import endpoint

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATH = "/v1/webhook_endpoints"
LOCAL = "http://127.0.0.1:9/hook"


async def test_the_life_of_an_endpoint(merchant: Caller):
    made = await endpoint(merchant, LOCAL, description="Orders", event_types=["payment.captured"])
    secret = made.pop("secret")
    assert secret.startswith("whsec_")
    path = f"{PATH}/{made['id']}"
    assert body_of(await merchant.get(path), 200) == made
    assert body_of(await merchant.get(PATH), 200)["data"] == [made]
    change = {"description": None, "event_types": None, "url": "http://localhost:9/other"}
    changed = body_of(await merchant.request("PATCH", path, json=change, key=None), 200)
    assert {name: changed[name] for name in change} == change
    assert (await merchant.request("DELETE", path, key=None)).status_code == 204
    problem_of(await merchant.get(path), 404, "not_found")
    assert body_of(await merchant.get(PATH), 200)["data"] == []


async def test_others_endpoints_do_not_exist(service: Platform, merchant: Caller):
    made = await endpoint(merchant, LOCAL)
    path = f"{PATH}/{made['id']}"
    for stranger in (await service.shop(), merchant.but(livemode=True)):
        problem_of(await stranger.get(path), 404, "not_found")
        problem_of(await stranger.request("PATCH", path, json={"description": "x"}, key=None), 404, "not_found")
        problem_of(await stranger.request("DELETE", path, key=None), 404, "not_found")
        problem_of(await stranger.post(f"{path}/rotate_secret", key=None), 404, "not_found")
        problem_of(await stranger.get(f"{path}/deliveries"), 404, "not_found")
        problem_of(await stranger.post(f"{path}/replay", {"created_from": "2026-01-01T00:00:00Z"}), 404, "not_found")
    reader = merchant.but(scopes=frozenset({"webhooks:read"}))
    problem_of(await reader.post(PATH, {"url": LOCAL}, key=None), 403, "forbidden")


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("https://10.0.0.1/hook", "public"),
        ("https://192.168.1.1/", "public"),
        ("https://169.254.169.254/latest/meta-data", "public"),
        ("https://[fd00:ec2::254]/", "public"),
        ("https://[::ffff:10.0.0.1]/", "public"),
        ("https://[64:ff9b::a00:1]/", "public"),
        ("https://0.0.0.0/", "public"),
        ("https://100.64.0.1/", "public"),
        ("https://224.0.0.1/", "public"),
        ("https://nowhere.invalid/", "resolve"),
        ("http://93.184.215.14/", "https"),
        ("ftp://93.184.215.14/", "https://host"),
        ("https:///path", "https://host"),
        ("https://user:secret@93.184.215.14/", "passwords"),
        ("https://93.184.215.14/#part", "fragments"),
        ("https://93.184.215.14:99999/", "not a URL"),
        ("https://93.184.215.14/a b", "https://host"),
        ("https://müller.example/", "ASCII"),
    ],
)
async def test_a_url_we_do_not_send_to_is_refused(merchant: Caller, url, why):
    problem = problem_of(await merchant.post(PATH, {"url": url}, key=None), 422, "validation_failed", "/url")
    assert why in problem["errors"][0]["detail"]


async def test_a_type_that_does_not_exist_is_named(merchant: Caller):
    body = {"url": LOCAL, "event_types": ["payment.captured", "payment.paid"]}
    problem = problem_of(await merchant.post(PATH, body, key=None), 422, "validation_failed", "/event_types")
    assert "payment.paid" in problem["errors"][0]["detail"]


async def test_there_is_a_bound(merchant: Caller, monkeypatch):
    monkeypatch.setattr("payments.webhooks.service._MAX_ENDPOINTS", 1)
    await endpoint(merchant, LOCAL)
    problem_of(await merchant.post(PATH, {"url": LOCAL}, key=None), 422, "too_many_endpoints")


async def test_nothing_is_sent_again_while_it_is_off(merchant: Caller):
    path = f"{PATH}/{(await endpoint(merchant, LOCAL))['id']}"
    off = body_of(await merchant.request("PATCH", path, json={"status": "disabled"}, key=None), 200)
    assert off["disabled_reason"] == "requested"
    body = {"created_from": "2026-01-01T00:00:00Z"}
    problem_of(await merchant.post(f"{path}/replay", body, key=None), 409, "endpoint_disabled")


async def test_a_secret_is_shown_once_and_sealed_at_rest(service: Platform, merchant: Caller):
    secret = (await endpoint(merchant, LOCAL))["secret"]
    query = "SELECT key_id, sealed, endpoint_id FROM payments.webhook_secrets ORDER BY id DESC LIMIT 1"
    [stored] = service.rows(query)
    assert secret.encode() not in stored[1]
    keyring: Keyring = service.container.keyring
    assert keyring.open(stored[0], "webhook secret", stored[1], stored[2].bytes).decode() == secret
