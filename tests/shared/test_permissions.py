"""The table of permissions knows every route, and each route obeys it."""

from collections.abc import Iterator
from typing import Any
from unittest.mock import MagicMock
from uuid import UUID

import pytest
from fastapi import FastAPI

from gateway import admin
from payments.access import Access
from payments.http.entry import Entry
from payments.main import create_app
from payments.merchants.scopes import SCOPES
from payments.metrics import CATALOGUE
from shared.identity import Identity, Kind
from shared.metrics import Registry
from shared.permissions import PERMISSIONS, ROLES, Permission, key, people
from tests.support import client_of

MERCHANT = UUID(int=1)
CALLER = Identity("somebody", "service", None, False, frozenset(), frozenset())


def caller(kind: Kind, *, scopes: tuple[str, ...] = (), roles: tuple[str, ...] = (), subject="somebody") -> Identity:
    merchant = MERCHANT if kind == "api_key" else None
    return Identity(subject, kind, merchant, False, frozenset(scopes), frozenset(roles))


def routes_of(app: Any) -> Iterator[Any]:
    for route in app.routes:
        # The framework puts a path together only where a router is included.
        yield from route.effective_route_contexts() if hasattr(route, "effective_route_contexts") else [route]


class Callers(Access):
    """Takes the test's word for who is calling."""

    def __init__(self):
        super().__init__({})
        self.caller = CALLER

    def identify(self, authorization):
        return self.caller


@pytest.fixture(scope="module")
def callers() -> Callers:
    return Callers()


@pytest.fixture(scope="module")
def entry(callers) -> Entry:
    container = MagicMock()
    container.access = callers
    container.telemetry.registry = Registry(CATALOGUE)
    entry = create_app(container)
    assert isinstance(entry, Entry)
    return entry


def guarded(app: Any) -> set[str]:
    routes = [route for route in routes_of(app) if hasattr(route, "dependant")]
    return {f"{method} {route.path}" for route in routes for method in route.methods}


@pytest.fixture(scope="module")
def served(entry) -> set[str]:
    """The routes of payments."""
    found = guarded(entry._app)
    assert len(found) > 40
    return found


@pytest.fixture(scope="module")
def administered() -> set[str]:
    """The routes that the gateway serves itself."""
    app = FastAPI()
    app.include_router(admin.build_router(MagicMock()))
    found = guarded(app)
    assert len(found) == 3
    return found


def test_every_route_is_in_the_table(served, administered):
    missing = sorted((served | administered) - PERMISSIONS.keys())
    lines = [f'    "{route}": key("…") or people("…"),' for route in missing]
    assert not lines, "add to PERMISSIONS in src/shared/permissions.py:\n" + "\n".join(lines)


def test_the_table_has_no_other_routes(served, administered):
    gone = sorted(PERMISSIONS.keys() - served - administered)
    assert not gone, f"remove from PERMISSIONS in src/shared/permissions.py: {gone}"


def test_hot_routes_are_in_it_too(entry):
    assert entry._hot
    assert {f"{method} {path}" for method, path in entry._hot} <= PERMISSIONS.keys()


def test_scopes_and_roles_exist():
    used = {permission.scope for permission in PERMISSIONS.values()} - {None}
    assert used <= set(SCOPES), "a key cannot be given such a scope: add it to payments/merchants/scopes.py"
    assert {role for permission in PERMISSIONS.values() for role in permission.roles} <= set(ROLES)


def test_only_our_own_services_reach_internal_routes():
    """And callbacks, which the gateway passes on in its own name."""
    for route, permission in PERMISSIONS.items():
        assert (permission.service is not None) == (" /internal/" in route or " /v1/callbacks/" in route), route


def test_a_reader_changes_nothing():
    changing = {route for route, permission in PERMISSIONS.items() if "read_only" in permission.roles}
    assert {route.split()[0] for route in changing} == {"GET"}


STRANGERS = [
    caller("api_key"),
    caller("person"),
    caller("person", roles=("superuser",)),
    caller("person", scopes=SCOPES),
    caller("api_key", roles=ROLES),
    caller("service", scopes=SCOPES, roles=ROLES),
    Identity("somebody", "api_key", None, False, frozenset(SCOPES), frozenset()),
]


def everybody(permission: Permission) -> Iterator[tuple[Identity, bool]]:
    """Every kind of caller, and whether the permission lets it through."""
    for stranger in STRANGERS:
        yield stranger, False
    for scope in SCOPES:
        yield caller("api_key", scopes=(scope,)), scope == permission.scope
    for role in ROLES:
        yield caller("person", roles=(role,)), role in permission.roles
    yield caller("service", subject="gateway"), permission.service == "gateway"


@pytest.mark.parametrize("route", PERMISSIONS)
async def test_a_route_lets_in_whom_the_table_names(entry, callers, served, route):
    if route not in served:
        pytest.skip("served by the gateway")
    method, path = route.split()
    async with client_of(entry) as client:
        for who, may in everybody(PERMISSIONS[route]):
            callers.caller = who
            response = await client.request(method, path, headers={"authorization": "x"})
            forbidden = response.status_code == 403 and "This needs" in response.json()["detail"]
            assert forbidden != may, (who, response.text)


async def test_a_route_that_is_not_in_the_table_refuses_everybody(entry, callers, monkeypatch):
    monkeypatch.delitem(PERMISSIONS, "GET /v1/merchants")
    callers.caller = caller("person", roles=ROLES)
    async with client_of(entry) as client:
        assert (await client.get("/v1/merchants")).status_code == 403


def test_words():
    assert key("a:b").needs == "an API key with the scope a:b"
    assert (
        key("a:b") | people("risk")
    ).needs == "an API key with the scope a:b or a person with the role admin or risk"
