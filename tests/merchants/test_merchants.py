"""Merchants over HTTP, on real PostgreSQL."""

from datetime import UTC, datetime, timedelta

import pytest

from payments.merchants.schemas import MerchantCreate, MerchantUpdate
from shared.ids import new_id, uuid_of


def pointers(response) -> list[str]:
    assert response.status_code == 422, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["code"] == "validation_failed"
    return [error["pointer"] for error in response.json()["errors"]]


async def test_a_merchant_is_created_and_shown(admin, body):
    before = datetime.now(UTC) - timedelta(seconds=1)
    created = await admin("POST", "/v1/merchants", json=body(risk_level="high"))

    merchant = created.json()
    assert created.status_code == 201
    assert {name: merchant[name] for name in body()} == body()
    assert (merchant["object"], merchant["risk_level"]) == ("merchant", "high")
    assert merchant["id"].startswith("mer_")
    assert merchant["created_at"] == merchant["updated_at"]
    assert merchant["created_at"].endswith("Z")
    assert before < datetime.fromisoformat(merchant["created_at"]) < datetime.now(UTC) + timedelta(seconds=1)
    assert (await admin("GET", f"/v1/merchants/{merchant['id']}")).json() == merchant


async def test_the_risk_is_normal_unless_told(admin, body):
    assert (await admin("POST", "/v1/merchants", json=body())).json()["risk_level"] == "normal"


_WIDEST = {"basis_points": 10_000, "fixed": 999_999_999_999, "dispute": 999_999_999_999}


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"settlement_currency": "EUX"}, "/settlement_currency"),
        ({"settlement_currency": "eur"}, "/settlement_currency"),
        ({"settlement_currency": 978}, "/settlement_currency"),
        ({"country": "de"}, "/country"),
        ({"country": "DEU"}, "/country"),
        ({"country": "ÄÖ"}, "/country"),
        ({"category_code": "594"}, "/category_code"),
        ({"category_code": "59420"}, "/category_code"),
        ({"category_code": "5942\n"}, "/category_code"),
        ({"category_code": "٥٩٤٢"}, "/category_code"),
        ({"category_code": 5942}, "/category_code"),
        ({"name": ""}, "/name"),
        ({"name": "a" * 256}, "/name"),
        ({"name": "a\x00b"}, "/name"),
        ({"name": "4242 4242 4242 4242"}, "/name"),
        ({"fee": {"basis_points": 10_001, "fixed": 0}}, "/fee/basis_points"),
        ({"fee": {"basis_points": -1, "fixed": 0}}, "/fee/basis_points"),
        ({"fee": {"basis_points": 2.9, "fixed": 0}}, "/fee/basis_points"),
        ({"fee": {"basis_points": True, "fixed": 0}}, "/fee/basis_points"),
        ({"fee": {"basis_points": 0, "fixed": -1}}, "/fee/fixed"),
        ({"fee": {"basis_points": 0, "fixed": 10**30}}, "/fee/fixed"),
        ({"fee": {"basis_points": 0, "fixed": "30"}}, "/fee/fixed"),
        ({"fee": {"basis_points": 0}}, "/fee/fixed"),
        ({"fee": None}, "/fee"),
        ({"risk_level": "extreme"}, "/risk_level"),
        ({"colour": "blue"}, "/colour"),
    ],
)
async def test_a_bad_field_is_pointed_at_and_nothing_is_written(admin, body, changes, pointer):
    before = (await admin("GET", "/v1/merchants", params={"limit": 1})).json()["data"]
    kept = (await admin("POST", "/v1/merchants", json=body())).json()

    assert pointers(await admin("POST", "/v1/merchants", json=body(**changes))) == [pointer]
    assert pointers(await admin("PATCH", f"/v1/merchants/{kept['id']}", json=changes)) == [pointer]

    newest = (await admin("GET", "/v1/merchants", params={"limit": 2})).json()["data"]
    assert newest == [kept, *before]


@pytest.mark.parametrize("fee", [dict.fromkeys(("basis_points", "fixed", "dispute"), 0), _WIDEST])
async def test_the_widest_fees_are_stored(admin, body, fee):
    assert (await admin("POST", "/v1/merchants", json=body(fee=fee))).json()["fee"] == fee


async def test_an_update_changes_what_was_sent_and_nothing_else(admin, body):
    merchant = (await admin("POST", "/v1/merchants", json=body())).json()

    changed = await admin("PATCH", f"/v1/merchants/{merchant['id']}", json={"name": "New", "risk_level": "low"})

    assert changed.status_code == 200
    expected = {**merchant, "name": "New", "risk_level": "low", "updated_at": changed.json()["updated_at"]}
    assert changed.json() == expected
    assert (await admin("GET", f"/v1/merchants/{merchant['id']}")).json() == expected
    assert (await admin("PATCH", f"/v1/merchants/{merchant['id']}", json={})).json() == expected


async def test_updated_at_moves_and_created_at_stays(merchants, body):
    merchant = await merchants.create(MerchantCreate(**body()))

    changed = await merchants.update(uuid_of("mer", merchant.id), MerchantUpdate(name="New"))

    assert changed.created_at == merchant.created_at
    assert changed.updated_at > merchant.updated_at


@pytest.mark.parametrize("field", ["name", "country", "category_code", "settlement_currency", "fee", "risk_level"])
async def test_null_is_not_a_way_to_leave_a_field_out(admin, body, field):
    merchant = (await admin("POST", "/v1/merchants", json=body())).json()

    assert pointers(await admin("PATCH", f"/v1/merchants/{merchant['id']}", json={field: None})) == [f"/{field}"]


async def test_a_new_currency_needs_a_fee_in_it(admin, body):
    merchant = (await admin("POST", "/v1/merchants", json=body())).json()
    path = f"/v1/merchants/{merchant['id']}"

    assert pointers(await admin("PATCH", path, json={"settlement_currency": "JPY"})) == ["/fee"]
    assert (await admin("GET", path)).json() == merchant

    change = {"settlement_currency": "JPY", "fee": {"basis_points": 290, "fixed": 40, "dispute": 1_500}}
    assert (await admin("PATCH", path, json=change)).json().items() >= change.items()


async def test_pages_follow_each_other_both_ways(admin, body):
    made = [(await admin("POST", "/v1/merchants", json=body(name=f"m{n}"))).json() for n in range(5)][::-1]

    async def page(**query) -> tuple[list, bool]:
        answer = (await admin("GET", "/v1/merchants", params=query)).json()
        assert (answer["object"], answer["url"]) == ("list", "/v1/merchants")
        return answer["data"], answer["has_more"]

    assert (await page(limit=2))[0] == made[:2]
    assert await page(limit=2, starting_after=made[1]["id"]) == (made[2:4], True)
    assert await page(limit=2, ending_before=made[4]["id"]) == (made[2:4], True)
    assert await page(limit=4, ending_before=made[4]["id"]) == (made[:4], False)
    assert await page(ending_before=made[0]["id"]) == ([], False)


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"limit": 0}, "/limit"),
        ({"limit": 101}, "/limit"),
        ({"starting_after": "key_" + "1" * 32}, "/starting_after"),
        ({"ending_before": "mer_1"}, "/ending_before"),
        ({"starting_after": "mer_" + "1" * 32, "ending_before": "mer_" + "2" * 32}, "/ending_before"),
    ],
)
async def test_a_page_that_cannot_be_is_refused(admin, query, pointer):
    assert pointers(await admin("GET", "/v1/merchants", params=query)) == [pointer]


@pytest.mark.parametrize("merchant_id", ["mer_" + "1" * 32, "pay_" + "1" * 32, "mer_1", "MER_" + "0" * 32, "%00"])
@pytest.mark.parametrize(
    ("method", "path", "json"),
    [
        ("GET", "", None),
        ("PATCH", "", {"name": "New"}),
        ("PATCH", "", {}),
        ("GET", "/api_keys", None),
        ("POST", "/api_keys", {"name": "shop", "livemode": False}),
        ("DELETE", "/api_keys/key_" + "1" * 32, None),
    ],
)
async def test_an_unknown_merchant_is_not_found(admin, merchant_id, method, path, json):
    response = await admin(method, f"/v1/merchants/{merchant_id}{path}", json=json)

    assert (response.status_code, response.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/merchants"),
        ("GET", "/v1/merchants"),
        ("GET", "/v1/merchants/{id}"),
        ("PATCH", "/v1/merchants/{id}"),
        ("POST", "/v1/merchants/{id}/api_keys"),
        ("GET", "/v1/merchants/{id}/api_keys"),
        ("DELETE", "/v1/merchants/{id}/api_keys/{key_id}"),
    ],
)
async def test_only_people_with_a_role_come_in(client, method, path):
    path = path.format(id=new_id("mer"), key_id=new_id("key"))
    callers = [client.api_key(), client.gateway(), client.signed("person", "eve", "nobody")]
    # A role on anything but a person is worth nothing.
    callers += [client.signed("service", "gateway", "admin"), client.signed("api_key", "key_1", "admin")]

    answers = [await caller(method, path, json={} if method in ("POST", "PATCH") else None) for caller in callers]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(403, "forbidden")] * 5
    assert (await client(method, path)).status_code == 401
