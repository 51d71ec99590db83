"""API keys: made, listed, verified, revoked. Their secrets are shown once and kept nowhere."""

import logging
import re
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from payments.keyring import Keyring
from payments.merchants.schemas import ApiKeyCreate, ApiKeyCreated
from payments.merchants.scopes import SCOPES
from payments.merchants.service import Merchants
from shared.ids import uuid_of

VERIFY = "/internal/api_keys/verify"
NOBODYS = "sk_test_" + "A" * 43


@pytest.fixture
async def merchant(admin, body) -> Any:
    return (await admin("POST", "/v1/merchants", json=body())).json()["id"]


@pytest.fixture
def make(admin, merchant):
    """Make a key over HTTP and return what the administrator sees."""

    async def make(**changes) -> Any:
        response = await admin(
            "POST", f"/v1/merchants/{merchant}/api_keys", json={"name": "shop", "livemode": False, **changes}
        )
        assert response.status_code == 201, response.text
        return response.json()

    return make


@pytest.mark.parametrize(("livemode", "mode"), [(False, "test"), (True, "live")])
async def test_a_key_is_shown_with_its_secret(make, merchant, livemode, mode):
    key = await make(livemode=livemode)

    assert re.fullmatch(rf"sk_{mode}_[A-Za-z0-9_-]{{43}}", key["secret"])
    assert key["id"].startswith("key_")
    assert key["prefix"] == key["secret"][:12]
    assert {name: key[name] for name in ("object", "merchant", "livemode", "name", "scopes", "revoked_at")} == {
        "object": "api_key",
        "merchant": merchant,
        "livemode": livemode,
        "name": "shop",
        "scopes": list(SCOPES),
        "revoked_at": None,
    }
    assert key["created_at"].endswith("Z")


async def test_the_secret_is_shown_once_and_kept_nowhere(client, admin, make, merchant, database, caplog):
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="sqlalchemy.engine")
    key = await make()
    path = f"/v1/merchants/{merchant}/api_keys"
    secret = key.pop("secret")

    listed = await admin("GET", path)
    await client.gateway()("POST", VERIFY, json={"key": secret})
    # A near miss must not be repeated in an error either.
    refused = await client.gateway()("POST", VERIFY, json={"key": [secret]})
    revoked = await admin("DELETE", f"{path}/{key['id']}")

    assert listed.json()["data"] == [key]
    assert refused.status_code == 422
    random_part = secret.removeprefix(key["prefix"])
    for text in (listed.text, refused.text, revoked.text):
        assert random_part not in text
    assert "INSERT INTO payments.api_keys" in caplog.text  # the statements were logged, so they were searched
    assert random_part not in caplog.text
    with psycopg.connect(database.superuser_url) as connection:
        rows = connection.execute("SELECT api_keys::text, encode(hash, 'escape') FROM payments.api_keys").fetchall()
    assert key["prefix"] in str(rows)
    assert random_part not in str(rows)


def test_the_secret_is_not_in_what_a_debugger_prints():
    made = ApiKeyCreated(
        id="key_1",
        merchant="mer_1",
        livemode=False,
        name="shop",
        prefix="sk_test_aaaa",
        scopes=[],
        created_at=datetime.now(UTC),
        revoked_at=None,
        secret=NOBODYS,
    )

    assert NOBODYS not in repr(made)


@pytest.mark.parametrize("livemode", [False, True])
async def test_the_gateway_learns_whose_key_it_is(client, make, merchant, livemode):
    await make(name="another")
    key = await make(livemode=livemode, scopes=["payments:read", "payments:write"])

    found = await client.gateway()("POST", VERIFY, json={"key": key["secret"]})

    assert found.status_code == 200
    assert found.json() == {
        "key_id": key["id"],
        "merchant_id": merchant,
        "livemode": livemode,
        "scopes": ["payments:write", "payments:read"],
        "rate_limits": {},
    }


async def test_only_the_gateway_may_ask(client, make):
    secret = (await make())["secret"]
    callers = [client.admin(), client.api_key(), client.signed("service", "worker"), client.signed("person", "gateway")]

    answers = [await caller("POST", VERIFY, json={"key": secret}) for caller in callers]

    assert [answer.status_code for answer in answers] == [403] * 4


async def test_what_is_no_key_is_nobodys(client, make):
    secret = (await make())["secret"]
    swapped = secret.replace("sk_test_", "sk_live_")
    others = [NOBODYS, swapped, secret[:-1], f"{secret}A", f"{secret}\n", secret[3:], "", "sk_test_" + "é" * 43, "\x00"]

    answers = [await client.gateway()("POST", VERIFY, json={"key": key}) for key in others]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(404, "not_found")] * len(others)


async def test_a_revoked_key_is_nobodys_and_stays_revoked(client, admin, make, merchant):
    key, kept = await make(), await make()
    path = f"/v1/merchants/{merchant}/api_keys/{key['id']}"

    first = await admin("DELETE", path)
    second = await admin("DELETE", path)

    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json()["revoked_at"] is not None
    shown = {name: value for name, value in key.items() if name != "secret"}
    assert first.json() == second.json() == {**shown, "revoked_at": first.json()["revoked_at"]}
    verified = [await client.gateway()("POST", VERIFY, json={"key": each["secret"]}) for each in (key, kept)]
    assert [answer.status_code for answer in verified] == [404, 200]


async def test_a_key_is_revoked_by_its_own_merchant_only(client, admin, body, make):
    key = await make()
    other = (await admin("POST", "/v1/merchants", json=body())).json()["id"]

    foreign = await admin("DELETE", f"/v1/merchants/{other}/api_keys/{key['id']}")

    assert (foreign.status_code, foreign.json()["code"]) == (404, "not_found")
    assert (await client.gateway()("POST", VERIFY, json={"key": key["secret"]})).status_code == 200


@pytest.mark.parametrize("key_id", ["key_" + "1" * 32, "mer_" + "1" * 32, "key_1"])
async def test_an_unknown_key_is_not_found(admin, merchant, key_id):
    assert (await admin("DELETE", f"/v1/merchants/{merchant}/api_keys/{key_id}")).status_code == 404


async def test_scopes_are_kept_once_each_in_the_order_of_the_table(make):
    key = await make(scopes=["payouts:read", "payments:write", "payouts:read"])

    assert key["scopes"] == ["payments:write", "payouts:read"]


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"scopes": ["payments:write", "payments:everything"]}, "/scopes/1"),
        ({"scopes": ["payments:write", 1]}, "/scopes/1"),
        ({"scopes": []}, "/scopes"),
        ({"scopes": "payments:write"}, "/scopes"),
        ({"scopes": None}, "/scopes"),
        ({"livemode": "false"}, "/livemode"),
        ({"livemode": 0}, "/livemode"),
        ({"name": ""}, "/name"),
        ({"secret": NOBODYS}, "/secret"),
    ],
)
async def test_a_bad_field_is_pointed_at_and_no_key_is_made(admin, merchant, changes, pointer):
    path = f"/v1/merchants/{merchant}/api_keys"
    response = await admin("POST", path, json={"name": "shop", "livemode": False, **changes})

    assert response.status_code == 422
    assert [error["pointer"] for error in response.json()["errors"]] == [pointer]
    assert NOBODYS not in response.text
    assert (await admin("GET", path)).json()["data"] == []


async def test_the_mode_of_a_key_is_never_guessed(admin, merchant):
    response = await admin("POST", f"/v1/merchants/{merchant}/api_keys", json={"name": "shop"})

    assert [error["pointer"] for error in response.json()["errors"]] == ["/livemode"]


async def test_pages_hold_one_merchants_keys(admin, body, make, merchant):
    other = (await admin("POST", "/v1/merchants", json=body())).json()["id"]
    made = [await make(name=f"k{n}") for n in range(3)][::-1]
    await admin("POST", f"/v1/merchants/{other}/api_keys", json={"name": "other", "livemode": True})
    path = f"/v1/merchants/{merchant}/api_keys"

    first = (await admin("GET", path, params={"limit": 2})).json()
    second = (await admin("GET", path, params={"limit": 2, "starting_after": first["data"][-1]["id"]})).json()

    assert (first["url"], first["has_more"], second["has_more"]) == (path, True, False)
    assert [key["id"] for key in first["data"] + second["data"]] == [key["id"] for key in made]


async def test_keys_outlive_a_rotation_of_the_ring(payments_database, merchants, merchant):
    ring = {"k1": b"1" * 32, "k2": b"2" * 32}
    merchant_id = uuid_of("mer", merchant)
    rotating = Merchants(payments_database, Keyring("k2", ring))
    rotated = Merchants(payments_database, Keyring("k2", {"k2": ring["k2"]}))
    wanted = ApiKeyCreate(name="shop", livemode=False)

    old = await merchants.create_key(merchant_id, wanted)
    new = await rotating.create_key(merchant_id, wanted)

    async def known(service: Merchants) -> list[str | None]:
        found = [await service.verify(key.secret) for key in (old, new)]
        return [None if key is None else key.key_id for key in found]

    assert await known(rotating) == [old.id, new.id]
    assert await known(merchants) == [old.id, None]
    assert await known(rotated) == [None, new.id]
