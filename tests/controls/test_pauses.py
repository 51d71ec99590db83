"""A pause stops money within seconds, and only what it is meant to stop."""

from typing import Any

import pytest

from payments.fresh import FRESH_SECONDS
from shared.ids import show
from tests.support import body_of, problem_of

PAUSES = "/v1/admin/pauses"


async def paused(platform, kind, subject, reason="fire drill"):
    return body_of(
        await platform.admin.request("PUT", f"{PAUSES}/{kind}/{subject}", key=None, json={"reason": reason}), 200
    )


async def resumed(platform, kind, subject):
    return body_of(await platform.admin.request("DELETE", f"{PAUSES}/{kind}/{subject}", key=None), 200)


def subject_of(kind, shop):
    return {"merchant": show("mer", shop.identity.merchant_id), "acquirer": "sandbox", "mode": "test"}[kind]


@pytest.mark.parametrize("kind", ["merchant", "acquirer", "mode"])
async def test_no_money_begins_to_move(platform, shop, kind):
    held, taken = await shop.authorize(), await shop.pay()
    answered = await shop.post("/v1/payments", await shop.payment(), key="before")
    subject = subject_of(kind, shop)
    await paused(platform, kind, subject)
    refused: tuple[tuple[str, dict[str, Any]], ...] = (
        ("/v1/payments", await shop.payment()),
        (f"/v1/payments/{held['id']}/capture", {}),
        (f"/v1/payments/{taken['id']}/refunds", {}),
    )
    for path, body in refused:
        assert problem_of(await shop.post(path, body), 403, "paused")["retryable"] is True
    # What was answered stays answered, reading goes on, and money that is held may be let go.
    again = await shop.post("/v1/payments", await shop.payment(), key="before")
    assert (again.status_code, again.content) == (201, answered.content)
    await shop.show(taken["id"])
    body_of(await shop.post(f"/v1/payments/{held['id']}/void", {}), 200)
    await resumed(platform, kind, subject)
    await shop.pay()


async def test_another_merchant_goes_on(platform, shop):
    await paused(platform, "merchant", subject_of("merchant", await platform.shop()))
    await shop.pay()


async def test_the_other_mode_goes_on(platform, shop):
    await paused(platform, "mode", "live")
    await shop.pay()
    await resumed(platform, "mode", "live")


async def test_other_replicas_follow_within_two_seconds(platform, shop):
    from payments.controls.service import Controls

    now = [100.0]
    container = platform.container
    other = Controls(container.database, container.merchants, frozenset(("sandbox",)), clock=lambda: now[0])
    await other.pauses()
    await paused(platform, "acquirer", "sandbox")
    assert FRESH_SECONDS <= 5
    now[0] += FRESH_SECONDS
    assert ("acquirer", "sandbox") in (await other.pauses())._paused
    await resumed(platform, "acquirer", "sandbox")


async def test_pauses_are_listed_and_repeating_one_changes_nothing(platform):
    first = await paused(platform, "mode", "live", "first")
    assert await paused(platform, "mode", "live", "second") == first
    assert first["reason"] == "first"
    assert first in body_of(await platform.admin.get(PAUSES), 200)["data"]
    assert await resumed(platform, "mode", "live") == first
    problem_of(await platform.admin.request("DELETE", f"{PAUSES}/mode/live", key=None), 404, "not_found")


@pytest.mark.parametrize("place", ["mode/other", "acquirer/nobody", "merchant/mer_1", "merchant/mer_" + "0" * 32])
async def test_what_does_not_exist_cannot_be_paused(platform, place):
    problem_of(
        await platform.admin.request("PUT", f"{PAUSES}/{place}", key=None, json={"reason": "x"}), 404, "not_found"
    )


async def test_quotas_of_a_merchant(platform):
    merchant = show("mer", (await platform.shop()).identity.merchant_id)
    made = await platform.admin.post(f"/v1/merchants/{merchant}/api_keys", {"name": "k", "livemode": False}, key=None)
    key = body_of(made, 201)["secret"]
    path = f"/v1/admin/rate_limits/{merchant}"
    quotas = {"write": {"limit": 900, "seconds": 3}, "read": None}
    shown = body_of(await platform.admin.request("PUT", path, key=None, json=quotas), 200)
    assert shown == {"object": "rate_limits", "merchant": merchant, **quotas}
    assert shown in body_of(await platform.admin.get("/v1/admin/rate_limits"), 200)["data"]
    verified = await platform.container.merchants.verify(key)
    assert verified is not None
    assert verified.rate_limits == {"write": "900/3"}
    body_of(await platform.admin.request("PUT", path, key=None, json={}), 200)
    assert shown not in body_of(await platform.admin.get("/v1/admin/rate_limits"), 200)["data"]
    wrong = {"write": {"limit": 0, "seconds": 1}}
    problem_of(
        await platform.admin.request("PUT", path, key=None, json=wrong), 422, "validation_failed", "/write/limit"
    )
