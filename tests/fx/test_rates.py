"""PUT and GET /v1/fx/rates: history, corrections, who may, what is refused."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from payments.fx.service import Fx
from payments.merchants.scopes import SCOPES
from tests.support import body_of, problem_of

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = timedelta(days=1)


async def in_force(caller, at=None, **currencies):
    arguments = {**currencies, **({"at": at.isoformat()} if at else {})}
    listed = body_of(await caller.get("/v1/fx/rates", params=arguments), 200)
    assert (listed["object"], listed["url"], listed["has_more"]) == ("list", "/v1/fx/rates", False)
    return {f"{rate['base']}/{rate['quote']}": rate for rate in listed["data"]}


async def test_one_rate_or_many(admin, put):
    body = {"base": "EUR", "quote": "USD", "rate": "1.0842"}
    listed = body_of(await admin.request("PUT", "/v1/fx/rates", key=None, json=body), 200)
    rate = listed["data"][0]
    assert rate.pop("effective_at") <= rate.pop("created_at")
    assert rate == {"object": "fx_rate", **body, "source": "manual", "stale": False}
    many = await put("EUR/GBP 0.85", "EUR/JPY 162.370")
    assert [rate["rate"] for rate in many] == ["0.85", "162.37"]


async def test_history(put, admin):
    await put("EUR/SEK 11", at=NOON)
    await put("EUR/SEK 11.5", at=NOON + DAY)
    rates = [await in_force(admin, NOON + days * DAY) for days in (-1, 0, 0.5, 1, 2)]
    assert [rate.get("EUR/SEK", {}).get("rate") for rate in rates] == [None, "11", "11", "11.5", "11.5"]
    late = (await in_force(admin, NOON + 6 * DAY))["EUR/SEK"]
    assert late["stale"]
    assert late["effective_at"] == "2026-11-21T12:00:00.000Z"


async def test_putting_again_changes_nothing_and_another_rate_corrects(put, admin, platform):
    first = await put("EUR/NOK 11.7", at=NOON)
    assert await put("EUR/NOK 11.70", at=NOON) == first
    query = "SELECT rate::text, created_by FROM payments.fx_rates WHERE quote = 'NOK' ORDER BY id"
    assert platform.rows(query) == [("11.7", "somebody")]
    for corrected in ("11.8", "11.7"):
        await put(f"EUR/NOK {corrected}", at=NOON)
        assert (await in_force(admin, NOON))["EUR/NOK"]["rate"] == corrected
    assert [rate for rate, _ in platform.rows(query)] == ["11.7", "11.8", "11.7"]
    await put("EUR/NOK 11.7", at=NOON, source="another")
    assert len(platform.rows(query)) == 4


async def test_a_rate_for_later_waits(put, platform):
    now = datetime.now(UTC)
    await put("EUR/DKK 7.46", at=now)
    await put("EUR/DKK 7.5", at=now + DAY)
    book = await platform.container.fx.book()
    assert [str(book.mid("EUR", "DKK", now + days * DAY).mid) for days in (0, 0.9, 1)] == ["7.46", "7.46", "7.5"]


async def test_derived_rates_are_listed_for_a_currency(put, admin):
    await put("EUR/CHF 0.95", "EUR/CAD 1.5", at=NOON)
    assert set(await in_force(admin, NOON)) >= {"EUR/CHF", "EUR/CAD"}
    cross = (await in_force(admin, NOON, base="CHF", quote="CAD"))["CHF/CAD"]
    assert (cross["rate"], cross["source"]) == ("1.57894736842", "desk via EUR")
    assert (await in_force(admin, NOON, base="CHF"))["CHF/EUR"]["rate"] == "1.05263157895"
    assert set(await in_force(admin, NOON, quote="CAD")) >= {"EUR/CAD", "CHF/CAD"}
    assert await in_force(admin, NOON, base="XOF", quote="CAD") == {}
    assert await in_force(admin, NOON - DAY, base="CHF", quote="CAD") == {}


async def test_a_process_knows_of_anothers_rates_within_two_seconds(put, platform):
    now = 1000.0
    fx = Fx(
        platform.container.database,
        platform.container.merchants,
        base_currency="EUR",
        max_age=4 * DAY,
        quote_life=DAY,
        clock=lambda: now,
    )

    async def known():
        return (await fx.book()).find("EUR", "PLN", datetime.now(UTC))

    assert await known() is None
    await put("EUR/PLN 4.2")
    assert await known() is None
    now += 2
    rate = await known()
    assert rate is not None
    assert str(rate.mid) == "4.2"


async def test_what_an_amount_is_worth_for_comparison(put, platform):
    now = datetime.now(UTC)
    await put("EUR/KES 150", at=now)
    await put("EUR/TND 3.3", at=now - 5 * DAY)
    fx = platform.container.fx
    assert await fx.worth(1_999, "EUR", "EUR", now) == 1_999
    assert await fx.worth(1_999, "EUR", "KES", now) == 299_850
    assert await fx.worth(1_000, "TND", "EUR", now) is None, "stale"
    assert await fx.worth(1_000, "XPF", "EUR", now) is None, "missing"


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"base": "EURO"}, "/base"),
        ({"base": "XAU"}, "/base"),
        ({"quote": "EUR"}, "/quote"),
        ({"rate": 1.08}, "/rate"),
        ({"rate": 1}, "/rate"),
        ({"rate": "1,08"}, "/rate"),
        ({"rate": "-1.08"}, "/rate"),
        ({"rate": "0"}, "/rate"),
        ({"rate": "1e3"}, "/rate"),
        ({"rate": "NaN"}, "/rate"),
        ({"rate": "1.0842000000001"}, "/rate"),
        ({"rate": "10000000000"}, "/rate"),
        ({"rate": "0.0000000001"}, "/rate"),
        ({"rate": "\u0661"}, "/rate"),
        ({"effective_at": "2026-11-20T12:00:00"}, "/effective_at"),
        ({"effective_at": "2026-11-20"}, "/effective_at"),
        ({"effective_at": "9999-12-31T23:59:59-12:00"}, "/effective_at"),
        ({"effective_at": "0001-01-01T00:00:00+12:00"}, "/effective_at"),
        ({"effective_at": 1_763_640_000}, "/effective_at"),
        ({"source": ""}, "/source"),
        ({"source": "x" * 65}, "/source"),
        ({"source": "e\x00cb"}, "/source"),
        ({"spread": 5}, "/spread"),
    ],
)
async def test_what_is_not_a_rate_is_refused(admin, changes, pointer):
    good = {"base": "EUR", "quote": "USD", "rate": "1.0842", "effective_at": "2026-11-20T12:00:00Z", "source": "ecb"}
    bad = {**good, **changes}
    problem_of(await admin.request("PUT", "/v1/fx/rates", json=bad), 422, "validation_failed", pointer)
    problem_of(await admin.request("PUT", "/v1/fx/rates", json=[good, bad]), 422, "validation_failed", f"/1{pointer}")


@pytest.mark.parametrize(("body", "pointer"), [([], ""), ({}, None), ("EUR", ""), ([[]], "/0"), (None, "")])
async def test_other_shapes_are_refused(admin, body, pointer):
    response = await admin.request("PUT", "/v1/fx/rates", json=body)
    pointers = ("/base", "/quote", "/rate") if pointer is None else (pointer,)
    problem_of(response, 422, "validation_failed", *pointers)


async def test_a_list_that_contradicts_itself_is_refused_whole(admin, platform):
    rates = [{"base": "EUR", "quote": "CZK", "rate": rate, "effective_at": NOON.isoformat()} for rate in ("24", "25")]
    problem_of(await admin.request("PUT", "/v1/fx/rates", json=rates), 422, "validation_failed", "/1")
    assert platform.rows("SELECT 1 FROM payments.fx_rates WHERE quote = 'CZK'") == []


async def test_who_may(platform, shop, admin):
    rate = {"base": "EUR", "quote": "USD", "rate": "1.0842"}
    for caller in (shop, platform.caller("person", None, "risk")):
        problem_of(await caller.request("PUT", "/v1/fx/rates", json=rate), 403, "forbidden")
        body_of(await caller.get("/v1/fx/rates"), 200)
    without = shop.but(scopes=frozenset(SCOPES) - {"fx:read"})
    problem_of(await without.get("/v1/fx/rates"), 403, "forbidden")


@pytest.mark.parametrize("query", ["at=yesterday", "at=2026-11-20T12:00:00", "base=EURO", "quote=XXX"])
async def test_a_wrong_query_is_refused(admin, query):
    name = query.partition("=")[0]
    problem_of(await admin.get(f"/v1/fx/rates?{query}"), 422, "validation_failed", f"/{name}")


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
async def test_the_ends_of_time(admin, put, at):
    await put("EUR/USD 1.1")
    listed = body_of(await admin.get("/v1/fx/rates", params={"at": at}), 200)["data"]
    assert all(rate["stale"] for rate in listed)
    assert bool(listed) == at.startswith("9")


@pytest.mark.parametrize("role", ["owner", "app"])
@pytest.mark.parametrize(
    "change", ["UPDATE payments.fx_rates SET rate = 1", "DELETE FROM payments.fx_rates", "TRUNCATE payments.fx_rates"]
)
async def test_history_cannot_be_changed(platform, put, role, change):
    await put("EUR/HUF 384.2")
    expected = psycopg.errors.RestrictViolation if role == "owner" else psycopg.errors.InsufficientPrivilege
    with platform.sql(role) as connection, pytest.raises(expected):
        connection.execute(change)
