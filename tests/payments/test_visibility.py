"""Who may see and do what: a merchant sees only its own, per mode, and a key does only what its scopes say."""

import pytest

from payments.merchants.scopes import SCOPES
from shared.ids import new_id
from tests.support import Caller, Platform, body_of, problem_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

NEEDS = {
    ("POST", "/v1/payments"): "payments:write",
    ("GET", "/v1/payments"): "payments:read",
    ("GET", "/v1/payments/{payment}"): "payments:read",
    ("GET", "/v1/payments/{payment}/timeline"): "payments:read",
    ("POST", "/v1/payments/{payment}/capture"): "payments:write",
    ("POST", "/v1/payments/{payment}/void"): "payments:write",
    ("POST", "/v1/payments/{payment}/refunds"): "refunds:write",
    ("GET", "/v1/refunds"): "refunds:read",
    ("GET", "/v1/refunds/{refund}"): "refunds:read",
    ("GET", "/v1/idempotency_keys/{key}"): "payments:read",
    ("GET", "/v1/balances"): "balances:read",
    ("GET", "/v1/ledger/transactions"): "ledger:read",
}
SEEN_BY_PEOPLE = {
    ("GET", "/v1/payments"),
    ("GET", "/v1/payments/{payment}"),
    ("GET", "/v1/payments/{payment}/timeline"),
    ("GET", "/v1/ledger/transactions"),
}


class Belongings:
    """One of everything a merchant can own."""

    payment: str
    refund: str
    key = "a-key"

    async def make(self, owner: Caller) -> None:
        body = await owner.payment(capture_method="manual")
        self.payment = body_of(await owner.post("/v1/payments", body, key=self.key), 201)["id"]
        part = {"amount": 6_000, "final": False}
        body_of(await owner.post(f"/v1/payments/{self.payment}/capture", part), 200)
        self.refund = body_of(await owner.post(f"/v1/payments/{self.payment}/refunds", {"amount": 1}), 201)["id"]

    def path(self, template: str) -> str:
        return template.format(payment=self.payment, refund=self.refund, key=self.key)


async def test_what_belongs_to_others_does_not_exist(service: Platform, merchant: Caller):
    owned = Belongings()
    await owned.make(merchant)
    strangers = (await service.shop(), merchant.but(livemode=True))
    before = service.contents()
    for stranger in strangers:
        for method, template in NEEDS:
            if "{" not in template:
                continue
            path = owned.path(template)
            theirs = problem_of(
                await stranger.request(method, path, json={} if method == "POST" else None), 404, "not_found"
            )
            nobodys = Belongings()
            nobodys.payment, nobodys.refund, nobodys.key = new_id("pay"), new_id("ref"), "no-key"
            response = await stranger.request(method, nobodys.path(template), json={} if method == "POST" else None)
            # Nothing tells the one from the other.
            assert theirs["detail"] == problem_of(response, 404, "not_found")["detail"]
    assert service.contents() == before


async def test_lists_and_balances_show_only_ones_own(service: Platform, merchant: Caller):
    owned = Belongings()
    await owned.make(merchant)
    for stranger in (await service.shop(), merchant.but(livemode=True)):
        for path in ("/v1/payments", "/v1/refunds", "/v1/ledger/transactions"):
            assert body_of(await stranger.get(path), 200)["data"] == []
            assert body_of(await merchant.get(path), 200)["data"] != []
        narrowed = {"payment": owned.payment}
        assert body_of(await stranger.get("/v1/refunds", params=narrowed), 200)["data"] == []
        assert body_of(await stranger.get("/v1/ledger/transactions", params=narrowed), 200)["data"] == []
        assert body_of(await stranger.get("/v1/balances"), 200)["data"] == []


async def test_a_card_of_another_merchant_or_mode_cannot_be_charged(service: Platform, merchant: Caller):
    body = await merchant.payment()
    other = await service.shop()
    before = service.contents()
    for stranger in (other, merchant.but(livemode=True)):
        problem_of(await stranger.post("/v1/payments", body), 404, "not_found")
    assert service.contents() == before


async def test_a_key_of_anothers_request_is_free(service: Platform, merchant: Caller):
    other = await service.shop()
    mine = body_of(await merchant.post("/v1/payments", await merchant.payment(), key="same"), 201)
    response = await other.post("/v1/payments", await other.payment(amount=1), key="same")
    assert "idempotent-replayed" not in response.headers
    assert body_of(response, 201)["id"] != mine["id"]


@pytest.mark.parametrize(
    "shape", ["pay_1", "ref_{0}", "PAY_{0}", "{0}", "pay_{0}0", "pay-{0}", "%00", "pay_%F0%9F%92%B3"]
)
async def test_an_id_of_another_shape_names_nothing(merchant: Caller, shape):
    text = shape.format("0199c1d27f3a7e5d8c7b8a9f0e1d2c3b")
    for method, path in (
        ("GET", ""),
        ("GET", "/timeline"),
        ("POST", "/capture"),
        ("POST", "/void"),
        ("POST", "/refunds"),
    ):
        problem_of(await merchant.request(method, f"/v1/payments/{text}{path}"), 404, "not_found")
    if not text.startswith("ref_"):
        problem_of(await merchant.get(f"/v1/refunds/{text}"), 404, "not_found")


async def test_every_route_needs_its_scope_and_no_other(merchant: Caller):
    owned = Belongings()
    await owned.make(merchant)
    for (method, template), scope in NEEDS.items():
        path = owned.path(template)
        without = merchant.but(scopes=frozenset(SCOPES) - {scope})
        problem = problem_of(
            await without.request(method, path, json={} if method == "POST" else None), 403, "forbidden"
        )
        assert scope in problem["detail"]
        only = merchant.but(scopes=frozenset({scope}))
        # An amount that cannot be, so that nothing but the scope makes the difference; a void takes no body.
        response = await only.request(method, path, json={"amount": -1} if method == "POST" else None)
        assert response.status_code == (422 if method == "POST" and not path.endswith("void") else 200), response.text


async def test_people_and_services_own_no_payments(service: Platform):
    for caller in (service.admin, service.caller("service")):
        everything = caller.but(scopes=frozenset(SCOPES))
        for method, template in NEEDS:
            if caller.identity.kind == "person" and (method, template) in SEEN_BY_PEOPLE:
                continue
            path = template.format(payment=new_id("pay"), refund=new_id("ref"), key="k")
            response = await everything.request(method, path, json={} if method == "POST" else None)
            problem_of(response, 403, "forbidden")


async def test_the_trial_balance_is_for_admins(service: Platform, merchant: Caller):
    path = "/v1/ledger/trial_balance"
    assert body_of(await service.admin.get(path), 200)["balanced"] is True
    for caller in (merchant, service.caller("person"), service.caller("service", None, "admin")):
        problem_of(await caller.get(path), 403, "forbidden")


async def test_live_payments_are_refused_while_no_acquirer_serves_them(service: Platform, merchant: Caller):
    live = merchant.but(livemode=True)
    body = await live.payment("4111111111111111")
    before = service.contents()
    problem_of(await live.post("/v1/payments", body), 422, "no_acquirer")
    assert service.contents() == before
