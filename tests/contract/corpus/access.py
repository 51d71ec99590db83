"""Who may what: credentials, scopes, roles, and objects of others."""

from tests.contract.client import BOOKSHOP, Caller, Client

READS = (
    "/v1/payments",
    "/v1/refunds",
    "/v1/payment_methods",
    "/v1/balances",
    "/v1/ledger/transactions",
    "/v1/fraud/reviews",
    "/v1/fx/rates",
)
ADMINISTRATION = (
    "/v1/merchants",
    "/v1/ledger/trial_balance",
    "/v1/fraud/rules",
    "/v1/fraud/lists",
    "/v1/risk/alerts",
    "/v1/risk/positions",
    "/v1/risk/portfolio",
)


def credentials_that_are_none(client: Client) -> None:
    wrong = (
        "Bearer",
        "Bearer ",
        "Bearer sk_test_wrong",
        "Bearer sk_test_" + "A" * 43,
        "Basic dXNlcjpwYXNz",
        "bearer sk_live_" + "b" * 43,
        "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.",
        "Bearer a.b.c",
        "Token x",
        "Bearer " + "x" * 5000,
    )
    client.nobody.get("/v1/payments")
    for authorization in wrong:
        client.nobody.get("/v1/payments", Authorization=authorization)


def merchants_administer_nothing(client: Client) -> None:
    merchant = client.merchant()
    for target in ADMINISTRATION:
        merchant.get(target)
        client.nobody.get(target)
    merchant.post("/v1/merchants", BOOKSHOP, key=None)


def people_make_no_payments(client: Client) -> None:
    for target in ("/v1/payments", "/v1/payment_methods", "/v1/balances"):
        client.admin.get(target)
    client.admin.post("/v1/payments", {"amount": 1, "currency": "USD", "payment_method": "pm_" + "0" * 32})


def a_key_does_what_its_scopes_say(client: Client) -> None:
    whole = client.merchant()
    payment = whole.pay()["id"]
    reader = client.with_key(whole.id, scopes=["payments:read"])
    for target in READS:
        reader.get(target)
    reader.get(f"/v1/payments/{payment}")
    reader.post(f"/v1/payments/{payment}/refunds")
    reader.post("/v1/payment_methods", {}, key=None)
    client.admin.post(
        f"/v1/merchants/{whole.id}/api_keys", {"name": "x", "livemode": False, "scopes": ["all"]}, key=None
    )
    client.admin.get(f"/v1/merchants/{whole.id}/api_keys")


def what_belongs_to_others_is_not_there(client: Client) -> None:
    owner, other = client.merchant(), client.merchant()
    card = owner.card()
    payment = owner.pay()["id"]
    refund = owner.post(f"/v1/payments/{payment}/refunds", {"amount": 100}).json["id"]
    live = client.with_key(owner.id, livemode=True)
    for stranger in (other, live):
        for target in (
            f"/v1/payments/{payment}",
            f"/v1/payments/{payment}/timeline",
            f"/v1/refunds/{refund}",
            f"/v1/payment_methods/{card}",
            f"/v1/ledger/transactions?payment={payment}",
            f"/v1/fraud/links?payment={payment}",
        ):
            stranger.get(target)
        stranger.post(f"/v1/payments/{payment}/refunds", {"amount": 1})
        stranger.post(f"/v1/payments/{payment}/capture")
        stranger.post("/v1/payments", {"amount": 100, "currency": "USD", "payment_method": card})
        stranger.send("DELETE", f"/v1/payment_methods/{card}")
        for target in READS:
            if target != "/v1/fx/rates":
                stranger.get(target)


def live_mode(client: Client) -> None:
    live = client.merchant(livemode=True)
    live.post("/v1/payments", {"amount": 100, "currency": "USD", "payment_method": live.card("4111111111111111")})


def a_revoked_key(client: Client) -> None:
    merchant = client.merchant()
    keys = client.admin.get(f"/v1/merchants/{merchant.id}/api_keys").json["data"]
    # Not used before, so nobody remembers it.
    client.admin.send("DELETE", f"/v1/merchants/{merchant.id}/api_keys/{keys[0]['id']}")
    merchant.get("/v1/payments")
    client.admin.send("DELETE", f"/v1/merchants/{merchant.id}/api_keys/{keys[0]['id']}")
    client.admin.send("DELETE", f"/v1/merchants/{merchant.id}/api_keys/key_{'0' * 32}")


def merchants_are_changed(client: Client) -> None:
    merchant = client.merchant()
    for body in (
        {"name": "Harbor Books & Co"},
        {"name": ""},
        {"country": "USA"},
        {"time_zone": "Europe/Berlin"},
        {"time_zone": "Berlin"},
        {"fee": {"basis_points": 10_001, "fixed": 0}},
        {"fee": None},
        {"unheard_of": 1},
    ):
        client.admin.send("PATCH", f"/v1/merchants/{merchant.id}", body)
    client.admin.get(f"/v1/merchants/{merchant.id}")
    client.admin.get(f"/v1/merchants/mer_{'0' * 32}")


def the_gateways_own_answers(client: Client) -> None:
    for target in ("/health/live", "/health/ready", "/docs/nothing", "/nothing"):
        client.nobody.get(target)
    Caller(client, "odd", "x").send("OPTIONS", "/v1/payments")
