"""Quotas of a merchant's own."""

from tests.contract.client import Client


def a_quota_that_is_used_up(client: Client) -> None:
    merchant = client.merchant()
    target = f"/v1/admin/rate_limits/{merchant.id}"
    client.admin.send("PUT", target, {"write": {"limit": 0, "seconds": 60}})
    client.admin.send("PUT", target, {"write": {"limit": 2, "seconds": 3600}, "read": {"limit": 3, "seconds": 3600}})
    # Not used before, so it is known with its quotas from its first request on.
    key = client.with_key(merchant.id)
    card = key.card()
    for number in range(3):
        key.post("/v1/payments", {"amount": 100 + number, "currency": "USD", "payment_method": card})
    for _ in range(4):
        key.get("/v1/payments?limit=1")
    client.admin.get("/v1/admin/rate_limits")
