"""Lists: keyset pages in both directions, filters."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.support import Caller, body_of, problem_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

DECLINED = "4000000000000002"


async def page(caller: Caller, path: str, **query: Any) -> dict[str, Any]:
    found = body_of(await caller.get(path, params=query), 200)
    assert (found["object"], found["url"]) == ("list", path)
    return found


async def ids(caller: Caller, path: str, **query: Any) -> list[str]:
    return [row["id"] for row in (await page(caller, path, limit=100, **query))["data"]]


async def walk(caller: Caller, path: str, limit: int, **query: Any) -> list[str]:
    """Every id, newest first, going from page to page."""
    found: list[str] = []
    place: dict[str, str] = {}
    while True:
        this = await page(caller, path, limit=limit, **place, **query)
        assert len(this["data"]) <= limit
        assert this["data"] or not this["has_more"]
        found += [row["id"] for row in this["data"]]
        if not this["has_more"]:
            return found
        place = {"starting_after": found[-1]}


async def walk_back(caller: Caller, path: str, limit: int, oldest: str, **query: Any) -> list[str]:
    """Every id newer than the oldest, newest first, going back from page to page."""
    found = [oldest]
    while True:
        this = await page(caller, path, limit=limit, ending_before=found[0], **query)
        found = [row["id"] for row in this["data"]] + found
        if not this["has_more"]:
            return found


async def make(caller: Caller, count: int, number: str = "4242424242424242", **changes: Any) -> None:
    await caller.card(number)
    await asyncio.gather(*(caller.pay(number, **changes) for _ in range(count)))


async def assert_walks(caller: Caller, path: str, count: int, **query: Any) -> None:
    everything = await ids(caller, path, **query)
    assert len(everything) == count
    assert everything == sorted(everything, reverse=True)
    for limit in {1, 2, 3, count - 1, count, count + 1}:
        assert await walk(caller, path, limit, **query) == everything
        assert await walk_back(caller, path, limit, everything[-1], **query) == everything


async def test_walking_payments_either_way_yields_each_once_whatever_the_page_size(merchant: Caller):
    await make(merchant, 7)
    await assert_walks(merchant, "/v1/payments", 7)


async def test_walking_a_filtered_list_yields_what_fits_once(merchant: Caller):
    for number in range(4):
        await merchant.pay(amount=number + 1)
        await merchant.pay(DECLINED, amount=number + 1)
    await assert_walks(merchant, "/v1/payments", 4, status="declined")


async def test_walking_refunds_and_ledger_transactions_yields_each_once(merchant: Caller):
    payment, other = await merchant.pay(), await merchant.pay()
    for amount in range(1, 5):
        body_of(await merchant.post(f"/v1/payments/{payment['id']}/refunds", {"amount": amount}), 201)
    body_of(await merchant.post(f"/v1/payments/{other['id']}/refunds", {"amount": 1}), 201)
    await assert_walks(merchant, "/v1/refunds", 5)
    await assert_walks(merchant, "/v1/refunds", 4, payment=payment["id"])
    await assert_walks(merchant, "/v1/ledger/transactions", 7)
    await assert_walks(merchant, "/v1/ledger/transactions", 5, payment=payment["id"])


async def test_payments_made_meanwhile_do_not_disturb_a_walk(merchant: Caller):
    await make(merchant, 4)
    before = await ids(merchant, "/v1/payments")
    first = await page(merchant, "/v1/payments", limit=2)
    newer = await merchant.pay()
    second = await page(merchant, "/v1/payments", limit=2, starting_after=first["data"][-1]["id"])
    assert [row["id"] for row in first["data"] + second["data"]] == before
    fresh = await page(merchant, "/v1/payments", ending_before=before[0])
    assert ([row["id"] for row in fresh["data"]], fresh["has_more"]) == ([newer["id"]], False)


async def test_a_page_holds_ten_unless_told(merchant: Caller):
    await make(merchant, 11)
    found = await page(merchant, "/v1/payments")
    assert (len(found["data"]), found["has_more"]) == (10, True)
    assert found["data"][0] == await merchant.show(found["data"][0]["id"])


async def test_payments_are_filtered_by_status_currency_and_reference(merchant: Caller):
    plain = (await merchant.pay())["id"]
    dollars = (await merchant.pay(currency="USD", reference="order 1"))["id"]
    declined = (await merchant.pay(DECLINED, reference="order 1"))["id"]
    held = (await merchant.authorize(reference="order 2"))["id"]
    path = "/v1/payments"
    assert await ids(merchant, path, status="captured") == [dollars, plain]
    assert await ids(merchant, path, status="authorized") == [held]
    assert await ids(merchant, path, currency="USD") == [dollars]
    assert await ids(merchant, path, reference="order 1") == [declined, dollars]
    assert await ids(merchant, path, reference="order 1", status="declined", currency="EUR") == [declined]
    assert await ids(merchant, path, reference="order") == []
    assert await ids(merchant, path, status="review") == []


async def test_payments_are_filtered_by_when_they_were_made(merchant: Caller):
    payments = [await merchant.pay() for _ in range(3)]
    path, moment = "/v1/payments", payments[1]["created_at"]
    newest, middle, oldest = (payment["id"] for payment in reversed(payments))
    assert {newest, middle} <= set(await ids(merchant, path, created_from=moment))  # inclusive
    assert middle not in await ids(merchant, path, created_until=moment)  # exclusive
    after = (datetime.fromisoformat(moment) + timedelta(hours=1)).isoformat()
    before = (datetime.fromisoformat(moment) - timedelta(hours=1)).isoformat()
    assert await ids(merchant, path, created_from=before, created_until=after) == [newest, middle, oldest]
    assert await ids(merchant, path, created_from=after) == []
    assert await ids(merchant, path, created_until=before) == []


async def test_refunds_are_filtered_by_status(merchant: Caller):
    good, bad = await merchant.pay(), await merchant.pay("4000000000005126")
    done = body_of(await merchant.post(f"/v1/payments/{good['id']}/refunds"), 201)["id"]
    failed = body_of(await merchant.post(f"/v1/payments/{bad['id']}/refunds"), 201)["id"]
    assert await ids(merchant, "/v1/refunds", status="succeeded") == [done]
    assert await ids(merchant, "/v1/refunds", status="failed") == [failed]


@pytest.mark.parametrize("path", ["/v1/payments", "/v1/refunds", "/v1/ledger/transactions"])
@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"limit": 0}, "/limit"),
        ({"limit": 101}, "/limit"),
        ({"limit": "ten"}, "/limit"),
        ({"limit": "1.5"}, "/limit"),
        ({"starting_after": "pay_123"}, "/starting_after"),
        ({"starting_after": "xyz_" + "0" * 32}, "/starting_after"),
        ({"ending_before": "\x00"}, "/ending_before"),
        ({"ending_before": ""}, "/ending_before"),
    ],
)
async def test_a_place_that_cannot_be_is_refused(merchant: Caller, path, query, pointer):
    problem_of(await merchant.get(path, params=query), 422, "validation_failed", pointer)


@pytest.mark.parametrize(("path", "prefix"), [("/v1/payments", "pay"), ("/v1/refunds", "ref")])
async def test_a_page_starts_at_one_place_only(merchant: Caller, path, prefix):
    place = f"{prefix}_{'0' * 32}"
    query = {"starting_after": place, "ending_before": place}
    problem_of(await merchant.get(path, params=query), 422, "validation_failed", "/ending_before")


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"status": "CAPTURED"}, "/status"),
        ({"currency": "eur"}, "/currency"),
        ({"currency": "XXX"}, "/currency"),
        ({"reference": "a\x00b"}, "/reference"),
        ({"reference": "x" * 256}, "/reference"),
        ({"reference": "4242 4242 4242 4242"}, "/reference"),
        ({"created_from": "yesterday"}, "/created_from"),
        ({"created_from": "1764000000"}, "/created_from"),
        ({"created_until": "2030-01-01T00:00:00"}, "/created_until"),
    ],
)
async def test_a_filter_that_cannot_match_is_refused(merchant: Caller, query, pointer):
    problem_of(await merchant.get("/v1/payments", params=query), 422, "validation_failed", pointer)


@pytest.mark.parametrize("path", ["/v1/payments", "/v1/balances"])
async def test_a_filter_that_nobody_knows_is_refused_and_shows_nothing(merchant: Caller, path):
    problem = problem_of(await merchant.get(path, params={"statu$": "failed"}), 422, "validation_failed")
    assert "statu$" not in str(problem)
    assert "starting_after" in problem["detail"] or "no query parameters" in problem["detail"]


async def test_moments_at_the_edges_of_the_calendar_are_only_moments(merchant: Caller):
    await merchant.pay()
    for moment in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"):
        for name in ("created_from", "created_until"):
            body_of(await merchant.get("/v1/payments", params={name: moment}), 200)
