"""Acquirers have no key: their callbacks pass unknown, in the gateway's own name, and with their signature."""

import jwt

from tests.gateway.support import KEY

PATH = "/v1/callbacks/stripe/test"


async def test_a_callback_passes_without_a_key(gateway, payments):
    headers = {"authorization": "", "stripe-signature": "t=1,v1=abc", "x-evil": "1"}
    response = await gateway.http.post(PATH, content=b'{"id":  "evt_1"}', headers=headers)
    assert response.status_code == 200
    [seen] = payments.seen
    assert seen.body == b'{"id":  "evt_1"}', "signed byte for byte"
    assert seen.one("stripe-signature") == "t=1,v1=abc"
    claims = jwt.decode(seen.one("authorization").removeprefix("Bearer "), options={"verify_signature": False})
    assert (claims["sub"], claims["kind"]) == ("gateway", "service")
    assert "mer" not in claims


async def test_whoever_presents_a_key_there_is_nobody_special(gateway, payments):
    await gateway.http.post(PATH, content=b"{}", headers={"authorization": f"Bearer {KEY}"})
    claims = jwt.decode(
        payments.seen[0].one("authorization").removeprefix("Bearer "), options={"verify_signature": False}
    )
    assert (claims["sub"], claims["scp"]) == ("gateway", "")
    assert payments.verifications == []


async def test_nothing_else_passes_that_way(gateway, payments):
    for method, path in (
        ("GET", PATH),
        ("POST", "/v1/callbacks"),
        ("POST", "/v1/payments"),
        ("POST", "/v1/callbacks/../payments"),
    ):
        response = await gateway.http.request(method, path, headers={"authorization": ""})
        assert response.status_code in (401, 404), path
    assert payments.seen == []
