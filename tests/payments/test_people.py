"""People of the platform read everybody's payments; keys still see nothing but their own."""

import pytest

from shared.ids import new_id, show
from shared.permissions import ROLES
from tests.support import Caller, Platform, body_of, problem_of

pytestmark = pytest.mark.asyncio(loop_scope="module")


def merchant_of(caller: Caller) -> str:
    assert caller.identity.merchant_id is not None
    return show("mer", caller.identity.merchant_id)


@pytest.mark.parametrize("role", ROLES)
async def test_people_of_every_role_see_a_payment_with_its_merchant(service: Platform, merchant: Caller, role):
    paid, person = await merchant.pay(), service.caller("person", None, role)
    seen = body_of(await person.get(f"/v1/payments/{paid['id']}"), 200)
    assert seen == paid | {"merchant": merchant_of(merchant)}
    timeline = body_of(await person.get(f"/v1/payments/{paid['id']}/timeline"), 200)
    assert timeline == body_of(await merchant.get(f"/v1/payments/{paid['id']}/timeline"), 200)
    narrowed = {"payment": paid["id"]}
    ledger = body_of(await person.get("/v1/ledger/transactions", params=narrowed), 200)
    assert ledger == body_of(await merchant.get("/v1/ledger/transactions", params=narrowed), 200)
    assert ledger["data"] != []


async def test_people_list_everybodys_in_one_mode(service: Platform, merchant: Caller):
    other = await service.shop()
    mine, theirs = await merchant.pay(), await other.pay()
    for params in ({}, {"status": "captured"}, {"livemode": "false"}):
        page = body_of(await service.admin.get("/v1/payments", params={"limit": 2, **params}), 200)
        assert [(each["id"], each["merchant"]) for each in page["data"]] == [
            (theirs["id"], merchant_of(other)),
            (mine["id"], merchant_of(merchant)),
        ]
    assert body_of(await service.admin.get("/v1/payments", params={"livemode": "true"}), 200)["data"] == []


@pytest.mark.parametrize("path", ["/v1/payments", "/v1/fraud/reviews"])
async def test_a_key_asks_for_its_own_mode_or_for_none(merchant: Caller, path: str):
    own, other = {"livemode": "false"}, {"livemode": "true"}
    assert body_of(await merchant.get(path, params=own), 200) == body_of(await merchant.get(path), 200)
    problem_of(await merchant.get(path, params=other), 422, "validation_failed", "/livemode")


async def test_people_search_within_a_merchant(service: Platform, merchant: Caller):
    paid = await merchant.pay(reference="order-1")
    await merchant.pay(reference="order-2")
    known = {"merchant": merchant_of(merchant)}
    for params in ({"reference": "order-1"}, {"reference": "order-1", "currency": "EUR"}):
        page = body_of(await service.admin.get("/v1/payments", params=known | params), 200)
        assert [each["id"] for each in page["data"]] == [paid["id"]]
    problem_of(await service.admin.get("/v1/payments", params={"merchant": "mer_1"}), 404, "not_found")


@pytest.mark.parametrize(
    "narrowed", [{"reference": "x"}, {"currency": "EUR"}, {"created_from": "2026-01-01T00:00:00Z"}]
)
async def test_what_would_look_at_every_payment_asks_for_a_merchant(service: Platform, narrowed):
    response = await service.admin.get("/v1/payments", params=narrowed)
    problem_of(response, 422, "validation_failed", "/merchant")
    problem_of(await service.admin.get("/v1/ledger/transactions"), 422, "validation_failed", "/payment")


async def test_a_key_gains_nothing_by_the_parameters_of_people(service: Platform, merchant: Caller):
    other = await service.shop()
    mine, _ = await merchant.pay(), await other.pay()
    page = body_of(await merchant.get("/v1/payments", params={"merchant": merchant_of(merchant)}), 200)
    assert [each["id"] for each in page["data"]] == [mine["id"]]
    assert "merchant" not in mine
    for params in ({"merchant": merchant_of(other)}, {"merchant": new_id("mer")}):
        assert body_of(await merchant.get("/v1/payments", params=params), 200)["data"] == []


async def test_people_move_no_money_here(service: Platform, merchant: Caller):
    paid = await merchant.pay()
    for path in ("/v1/payments", f"/v1/payments/{paid['id']}/refunds", f"/v1/payments/{paid['id']}/capture"):
        problem_of(await service.admin.post(path, {}), 403, "forbidden")
