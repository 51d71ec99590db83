"""Administrators look after the gateway itself: by role, and every change is written down first."""

import json

import httpx2
import pytest
import pytest_asyncio

from gateway.clock import Clock
from gateway.container import build
from shared.permissions import PERMISSIONS, ROLES
from tests.gateway.support import KEY, raw, reply, served
from tests.gateway.test_people import ISSUER, JWKS, token

STATS, CIRCUITS = "/v1/admin/stats", "/v1/admin/circuit_breakers"
WRITTEN = raw(b"HTTP/1.1 204 No Content\r\n\r\n")


@pytest_asyncio.fixture
async def http(settings, tmp_path, clock, payments):
    jwks = tmp_path / "people.jwks.json"
    jwks.write_text(json.dumps(JWKS))
    settings = settings.model_copy(update={"people_jwks_file": jwks, "people_issuer": ISSUER})
    payments.answer = WRITTEN
    async with (
        served(build(settings, clock=Clock(steady=clock))) as port,
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http,
    ):
        yield http


def person(*roles: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token(roles=list(roles))}"}


async def test_stats_say_what_a_replica_does(http):
    response = await http.get(STATS, headers=person("support"))
    assert response.status_code == 200
    found = response.json()
    assert found["under_way"] == {"write": 0, "read": 0, "admin": 0}
    assert found["limits"]["quotas"]["admin"] == {"limit": 100, "seconds": 5}
    assert [circuit["state"] for circuit in found["circuit_breakers"]] == ["closed"] * 3
    assert response.headers["ratelimit-policy"] == '"admin";q=100;w=5'
    assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "route", [route for route in PERMISSIONS if "/v1/admin/stats" in route or "/v1/admin/circuit" in route]
)
async def test_only_the_roles_of_the_table_come_in(http, route):
    method, path = route.replace("{name}", "read").split()
    body = {"state": "automatic"} if method == "PUT" else None
    for role in ROLES:
        response = await http.request(method, path, headers=person(role), json=body)
        assert response.status_code == (200 if role in PERMISSIONS[route].roles else 403), role
    for headers, status in (({}, 401), ({"authorization": f"Bearer {KEY}"}, 403), (person(), 403)):
        assert (await http.request(method, path, headers=headers, json=body)).status_code == status


async def test_forcing_a_circuit_is_written_down_first(http, payments):
    response = await http.put(f"{CIRCUITS}/write", headers=person("operations"), json={"state": "open"})
    assert response.json() | {"rejected": 0} == {
        "object": "circuit_breaker",
        "name": "write",
        "upstream": "payments",
        "state": "open",
        "forced": True,
        "rejected": 0,
        "shared": False,  # there is no Redis here
    }
    [entry] = payments.seen
    assert entry.target == "/internal/audit"
    written = json.loads(entry.body)
    assert (written["actor"], written["roles"], written["address"]) == ("ada@example.com", ["operations"], "127.0.0.1")
    assert written["request_id"] == response.headers["x-request-id"]
    assert (written["target"], written["before"], written["after"]) == ("write", {"forced": None}, {"forced": "open"})
    refused = await http.post("/v1/payments", headers={"authorization": f"Bearer {KEY}"})
    assert (refused.status_code, refused.json()["code"]) == (503, "circuit_open")
    await http.put(f"{CIRCUITS}/write", headers=person("admin"), json={"state": "automatic"})
    assert (await http.post("/v1/payments", headers={"authorization": f"Bearer {KEY}"})).status_code == 204


@pytest.mark.parametrize("answer", [raw(reply(b"{}", "500 Internal Server Error")), raw(b"nonsense", close=True)])
async def test_what_cannot_be_written_down_is_not_done(http, payments, answer):
    payments.answer = answer
    response = await http.put(f"{CIRCUITS}/write", headers=person("admin"), json={"state": "open"})
    assert (response.status_code, response.json()["code"]) == (503, "unavailable")
    shown = (await http.get(CIRCUITS, headers=person("admin"))).json()["data"]
    assert [circuit["state"] for circuit in shown] == ["closed"] * 3


@pytest.mark.parametrize(("name", "body"), [("write", {"state": "ajar"}), ("write", {}), ("write", [])])
async def test_nonsense_is_422(http, name, body):
    response = await http.put(f"{CIRCUITS}/{name}", headers=person("admin"), json=body)
    assert (response.status_code, response.json()["code"]) == (422, "validation_failed")
    assert response.headers["content-type"] == "application/problem+json"


async def test_other_mistakes(http, payments):
    async def put(name, content, kind="application/json"):
        headers = {**person("admin"), "content-type": kind}
        response = await http.put(f"{CIRCUITS}/{name}", headers=headers, content=content)
        return response.status_code, response.json()["code"]

    assert await put("other", b'{"state": "open"}') == (404, "not_found")
    assert await put("write", b'{"state": "open"}', "text/plain") == (415, "unsupported_media_type")
    assert await put("write", b"{") == (400, "malformed_json")
    assert await put("write", b"[" * 100) == (400, "malformed_json")
    assert await put("write", b" " * 1_000_001) == (413, "body_too_large")
    assert payments.seen == []


async def test_a_path_that_only_looks_like_one_is_nothing(http):
    for path in (f"{STATS}/x", f"{CIRCUITS}x", "/v1/admin/stats/"):
        assert (await http.get(path, headers=person("admin"))).status_code in (204, 404)
