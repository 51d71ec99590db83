"""Payment methods over HTTP: shapes, errors that point at fields, scopes, and silence about what was sent."""

import base64
import json
import re

import httpx2
import pytest
from fastapi import Depends, FastAPI

from payments.access import authorize, identity
from payments.http import problems
from payments.http.entry import Entry
from payments.vault.routes import build_router
from shared.identity import Identity
from tests.support import unmeasured
from tests.vault.support import AMEX, DECLINED, VISA

PATH = "/v1/payment_methods"
SCOPES = frozenset(("payment_methods:read", "payment_methods:write"))
CARD = {"number": VISA, "exp_month": 12, "exp_year": 2034, "cvc": "907", "name": "Jane Doe"}
VALUES = (VISA, DECLINED, AMEX, "4242424242424241", "907", "4242")


class Door:
    """A client whose identity a test may change."""

    def __init__(self, vault, merchant):
        self.merchant, self.livemode, self.scopes = merchant, False, SCOPES
        app = FastAPI(dependencies=[Depends(authorize)])
        app.include_router(build_router(vault))
        problems.install(app)
        app.dependency_overrides[identity] = self.identity
        entry = Entry(app, access=None, hot={}, requests=unmeasured())  # type: ignore[arg-type]  # there is no hot route here
        self.http = httpx2.AsyncClient(transport=httpx2.ASGITransport(entry), base_url="http://payments")

    def identity(self):
        return Identity("key_1", "api_key", self.merchant, self.livemode, frozenset(self.scopes), frozenset())

    async def post(self, **changes):
        return await self.http.post(PATH, json={**CARD, **changes})


@pytest.fixture
async def door(vault, merchant):
    door = Door(vault, merchant)
    yield door
    await door.http.aclose()


def pointers(response):
    assert response.status_code == 422, response.text
    assert response.headers["content-type"] == "application/problem+json"
    document = response.json()
    assert document["code"] == "validation_failed"
    return sorted({error["pointer"] for error in document["errors"]})


def repeated(response):
    """The values of the request that stand in the response, other than by chance inside an id."""
    return [value for value in VALUES if re.search(rf"(?<!\w){value}(?!\w)", response.text)]


async def test_a_card_is_created_shown_listed_and_deleted(door):
    created = await door.post()
    assert created.status_code == 201
    method = created.json()
    assert method["id"].startswith("pm_")
    assert method["card"]["last4"] == "4242"
    assert set(method) == {"id", "object", "livemode", "type", "card", "created_at"}
    assert VISA not in created.text
    assert "cvc" not in created.text

    one = f"{PATH}/{method['id']}"
    assert (await door.http.get(one)).json() == method
    listed = (await door.http.get(PATH)).json()
    assert listed == {"object": "list", "url": PATH, "has_more": False, "data": [method]}

    deleted = await door.http.delete(one)
    assert deleted.status_code == 200
    assert deleted.json() == {"id": method["id"], "object": "payment_method", "deleted": True}
    for response in (await door.http.get(one), await door.http.delete(one)):
        assert response.status_code == 404
    assert (await door.http.get(PATH)).json()["data"] == []


async def test_pages(door):
    ids = [(await door.post()).json()["id"] for _ in range(3)][::-1]
    first = (await door.http.get(PATH, params={"limit": 2})).json()
    assert ([one["id"] for one in first["data"]], first["has_more"]) == (ids[:2], True)
    rest = (await door.http.get(PATH, params={"limit": 2, "starting_after": ids[1]})).json()
    assert ([one["id"] for one in rest["data"]], rest["has_more"]) == (ids[2:], False)
    back = (await door.http.get(PATH, params={"limit": 1, "ending_before": ids[2]})).json()
    assert ([one["id"] for one in back["data"]], back["has_more"]) == (ids[1:2], True)


async def test_the_name_is_optional(door):
    created = await door.http.post(PATH, json={key: value for key, value in CARD.items() if key != "name"})
    assert created.status_code == 201
    assert created.json()["card"]["name"] is None


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"number": "4242424242424241"}, ["/number"]),
        ({"number": int(VISA)}, ["/number"]),
        ({"number": None}, ["/number"]),
        ({"number": [VISA]}, ["/number"]),
        ({"number": {"value": VISA}}, ["/number"]),
        ({"number": VISA + "\x00"}, ["/number"]),
        ({"cvc": 907}, ["/cvc"]),
        ({"cvc": "90"}, ["/cvc"]),
        ({"cvc": None}, ["/cvc"]),
        ({"exp_month": "12"}, ["/exp_month"]),
        ({"exp_month": 12.0}, ["/exp_month"]),
        ({"exp_month": True}, ["/exp_month"]),
        ({"exp_month": 13}, ["/exp_month"]),
        ({"exp_year": 34}, ["/exp_year"]),
        ({"exp_year": 2029}, ["/exp_year"]),
        ({"exp_year": 10**40}, ["/exp_year"]),
        ({"exp_year": VISA}, ["/exp_year"]),
        ({"name": ""}, ["/name"]),
        ({"name": "x" * 201}, ["/name"]),
        ({"name": "Jane\x00"}, ["/name"]),
        ({"name": f"Jane {VISA}"}, ["/name"]),
        ({"number": "4242424242424241", "cvc": "9", "exp_year": 2001}, ["/cvc", "/exp_year", "/number"]),
        ({"pan": VISA}, ["/pan"]),
        ({VISA: "907"}, ["/(name withheld)"]),
    ],
)
async def test_errors_point_at_fields_and_repeat_nothing(door, changes, expected):
    response = await door.post(**changes)
    assert pointers(response) == expected
    assert repeated(response) == []


@pytest.mark.parametrize("field", ["number", "exp_month", "exp_year", "cvc"])
async def test_required_fields(door, field):
    response = await door.http.post(PATH, json={key: value for key, value in CARD.items() if key != field})
    assert pointers(response) == [f"/{field}"]


@pytest.mark.parametrize(
    ("content", "status", "media_type"),
    [
        (json.dumps(CARD)[:-1], 400, "application/json"),
        (json.dumps(CARD).replace("}", ",}"), 400, "application/json"),
        (VISA, 422, "application/json"),
        (f'"{VISA}"', 422, "application/json"),
        (f"[{VISA}]", 422, "application/json"),
        (f'{{"number": {VISA}', 400, "application/json"),
        ("[" * 100_000 + VISA, 400, "application/json"),
        (f"number={VISA}&cvc=907", 415, "application/x-www-form-urlencoded"),
        (json.dumps(CARD), 415, "text/plain"),
        ("", 422, "application/json"),
        (VISA * 100_000, 413, "application/json"),
    ],
)
async def test_bodies_that_are_no_card(door, content, status, media_type):
    response = await door.http.post(PATH, content=content, headers={"content-type": media_type})
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert repeated(response) == []


async def test_test_cards_need_a_test_key(door):
    door.livemode = True
    response = await door.post()
    assert pointers(response) == ["/number"]
    assert "test key" in response.json()["detail"]


async def test_another_merchant_and_the_other_mode_get_404(door, new_merchant):
    one = f"{PATH}/{(await door.post()).json()['id']}"
    mine = door.merchant
    for merchant, livemode in ((new_merchant(), False), (mine, True)):
        door.merchant, door.livemode = merchant, livemode
        assert (await door.http.get(one)).status_code == 404
        assert (await door.http.delete(one)).status_code == 404
        assert (await door.http.get(PATH)).json()["data"] == []
    door.merchant, door.livemode = mine, False
    assert (await door.http.get(one)).status_code == 200


@pytest.mark.parametrize("text", ["pm_1", "pay_" + "1" * 32, "pm_" + "g" * 32, "%00", "pm_" + "0" * 32])
async def test_ids_that_name_nothing(door, text):
    response = await door.http.get(f"{PATH}/{text}")
    assert response.status_code == 404
    assert response.json()["code"] == "not_found"


@pytest.mark.parametrize(
    ("method", "path", "needed"),
    [
        ("POST", PATH, "payment_methods:write"),
        ("GET", PATH, "payment_methods:read"),
        ("GET", f"{PATH}/pm_{'1' * 32}", "payment_methods:read"),
        ("DELETE", f"{PATH}/pm_{'1' * 32}", "payment_methods:write"),
    ],
)
async def test_scopes(door, method, path, needed):
    door.scopes = SCOPES - {needed}
    response = await door.http.request(method, path, json=CARD if method == "POST" else None)
    assert response.status_code == 403
    assert needed in response.text


async def test_nothing_of_a_card_is_logged(door, caplog):
    caplog.set_level(0)
    for changes in ({}, {"number": "4242424242424241"}, {"cvc": 907}, {"name": VISA}, {VISA: 1}):
        await door.post(**changes)
    logged = "\n".join(str(vars(record)) + record.getMessage() for record in caplog.records)
    for form in (VISA, "4242 4242", "4242-4242", VISA.encode().hex(), base64.b64encode(VISA.encode()).decode()):
        assert form not in logged
    assert '"907"' not in logged


async def test_openapi_hides_what_is_written_only(door):
    schema = (await door.http.get("/openapi.json")).json()["components"]["schemas"]
    request = schema["PaymentMethodCreate"]
    assert request["required"] == ["number", "exp_month", "exp_year", "cvc"]
    assert request["additionalProperties"] is False
    for field in ("number", "cvc"):
        assert (request["properties"][field]["format"], request["properties"][field]["writeOnly"]) == ("password", True)
    assert not {"number", "cvc"} & set(schema["CardShown"]["properties"])
