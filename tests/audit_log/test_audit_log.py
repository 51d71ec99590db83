"""The audit log: who did what, in the commit of the change, in a chain that shows every touch."""

import asyncio
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner

from payments.cli import app
from shared.ids import new_id
from shared.permissions import PERMISSIONS, ROLES
from tests.support import Caller, Platform, body_of, problem_of

AUDIT = "/v1/admin/audit"
MERCHANT = {
    "name": "Blue Bottle Books",
    "country": "DE",
    "category_code": "5942",
    "settlement_currency": "EUR",
    "fee": {"basis_points": 290, "fixed": 30},
}
# Every route that lets people change something, and where that is written down: the watched table, or the code that
# records it. A new line in PERMISSIONS needs one here, and `SELECT payments.watch(…)` in the migration of its table.
AUDITED = {
    "PUT /v1/fx/rates": "fx_rates",
    "POST /v1/merchants": "merchants",
    "PATCH /v1/merchants/{id}": "merchants",
    "POST /v1/merchants/{id}/api_keys": "api_keys",
    "DELETE /v1/merchants/{id}/api_keys/{key_id}": "api_keys",
    "POST /v1/fraud/rules": "fraud_rules",
    "PATCH /v1/fraud/rules/{rule}": "fraud_rules",
    "POST /v1/fraud/backtest": None,  # changes nothing
    "POST /v1/fraud/lists": "fraud_list_entries",
    "DELETE /v1/fraud/lists/{entry}": "fraud_list_entries",
    "POST /v1/fraud/reviews/{payment}/approve": "payments.fraud.desk",
    "POST /v1/fraud/reviews/{payment}/decline": "payments.fraud.desk",
    "PUT /v1/merchants/{merchant}/limits": "risk_limits",
    "POST /v1/risk/alerts/{alert}/resolve": "risk_alerts",
    "PUT /v1/admin/pauses/{kind}/{subject}": "pauses",
    "DELETE /v1/admin/pauses/{kind}/{subject}": "pauses",
    "PUT /v1/admin/rate_limits/{merchant}": "merchants",
    "PUT /v1/admin/circuit_breakers/{name}": "gateway.admin",
    "POST /v1/adjustments": "adjustments",
    "POST /v1/adjustments/{adjustment}/approve": "adjustments",
    "POST /v1/adjustments/{adjustment}/reject": "adjustments",
    "PUT /v1/merchants/{merchant}/acquirer_routes": "acquirer_routes",
}


# Somebody changed an entry and knew how hashes are made.
REHASHED = """
UPDATE payments.audit_log SET entry = entry || ' ', hash = sha256(previous || convert_to(entry || ' ', 'UTF8'))
 WHERE seq = 2
"""


async def entries(platform: Platform, **query: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = body_of(await platform.admin.get(AUDIT, params={"limit": 100, **query}), 200)["data"]
    return found


async def taken_on(platform: Platform, who: Caller) -> str:
    return str(body_of(await who.request("POST", "/v1/merchants", key=None, json=MERCHANT), 201)["id"])


class TestWhatIsWritten:
    async def test_who_what_when_from_where_before_and_after(self, platform):
        ada = platform.admin.but(subject="ada@example.com", roles=frozenset(("operations", "support")))
        headers = {"x-client-address": "198.51.100.7", "x-request-id": "req_of_ada_1"}
        merchant = await taken_on(platform, ada)
        changed = await ada.request(
            "PATCH", f"/v1/merchants/{merchant}", key=None, json={"name": "Red"}, headers=headers
        )
        body_of(changed, 200)
        update, insert = await entries(platform, actor="ada@example.com")
        assert (insert["action"], insert["changed"], insert["before"]) == ("insert", "merchants", None)
        assert insert["target"].replace("-", "") == merchant.removeprefix("mer_")
        assert (update["action"], update["kind"], update["roles"]) == ("update", "person", ["operations", "support"])
        assert (update["address"], update["request_id"]) == ("198.51.100.7", "req_of_ada_1")
        assert update["route"] == "PATCH /v1/merchants/{id}"
        assert (update["before"]["name"], update["after"]["name"]) == ("Blue Bottle Books", "Red")
        assert update["sequence"] == insert["sequence"] + 1
        assert await entries(platform, target=insert["target"]) == [update, insert]

    async def test_keys_without_their_secrets(self, platform):
        merchant = await taken_on(platform, platform.admin)
        path = f"/v1/merchants/{merchant}/api_keys"
        key = body_of(await platform.admin.post(path, {"name": "shop", "livemode": False}, key=None), 201)
        body_of(await platform.admin.request("DELETE", f"{path}/{key['id']}", key=None), 200)
        revoked, made, *_ = await entries(platform)
        assert (made["action"], revoked["action"], made["changed"]) == ("insert", "update", "api_keys")
        assert revoked["before"]["revoked_at"] is None
        assert revoked["after"]["revoked_at"]
        assert {"hash", "hash_key_id"}.isdisjoint(made["after"])
        assert key["secret"] not in str(made)

    async def test_a_change_that_fails_leaves_nothing(self, platform):
        before = len(await entries(platform))
        problem_of(
            await platform.admin.post("/v1/merchants", {**MERCHANT, "country": "XXX"}, key=None),
            422,
            "validation_failed",
            "/country",
        )
        problem_of(
            await platform.admin.request("PATCH", f"/v1/merchants/{new_id('mer')}", key=None, json={"name": "x"}),
            404,
            "not_found",
        )
        assert len(await entries(platform)) == before

    async def test_a_change_behind_the_services_back(self, platform):
        merchant = await taken_on(platform, platform.admin)
        with platform.sql() as connection:
            connection.execute("UPDATE payments.merchants SET risk_level = 'low' WHERE id = %s", [merchant[4:]])
        [entry, *_] = await entries(platform)
        assert (entry["actor"], entry["kind"], entry["route"]) == ("payments_owner", "database_role", None)
        assert entry["after"]["risk_level"] == "low"

    async def test_what_the_gateway_does_for_a_person(self, platform):
        entry = {
            "actor": "ada@example.com",
            "roles": ["admin"],
            "address": "198.51.100.7",
            "request_id": "req_12345678",
            "route": "PUT /v1/admin/circuit_breakers/{name}",
            "action": "update",
            "changed": "circuit_breakers",
            "target": "write",
            "before": {"forced": None},
            "after": {"forced": "open"},
        }
        gateway = platform.caller("service").but(subject="gateway")
        assert (await gateway.post("/internal/audit", entry, key=None)).status_code == 204
        [written, *_] = await entries(platform)
        assert written["kind"] == "person"
        assert {name: written[name] for name in entry} == entry
        problem_of(await platform.admin.post("/internal/audit", entry, key=None), 403, "forbidden")

    async def test_pages(self, platform):
        for _ in range(3):
            await taken_on(platform, platform.admin)
        every = await entries(platform)
        first = body_of(await platform.admin.get(AUDIT, params={"limit": 2}), 200)
        after = {"limit": 2, "starting_after": first["data"][-1]["id"]}
        second = body_of(await platform.admin.get(AUDIT, params=after), 200)
        assert first["data"] + second["data"] == every[:4]
        back = {"limit": 2, "ending_before": second["data"][0]["id"]}
        assert body_of(await platform.admin.get(AUDIT, params=back), 200)["data"] == first["data"]


class TestChain:
    async def test_changes_at_once_make_one_chain(self, platform):
        await asyncio.gather(*(taken_on(platform, platform.admin) for _ in range(20)))
        found = await platform.container.audit.verify()
        assert found.fault is None
        [(rows, last)] = platform.rows("SELECT count(*), max(seq) FROM payments.audit_log")
        assert found.entries == rows == last

    @pytest.mark.parametrize(
        ("touch", "fault"),
        [
            (
                "UPDATE payments.audit_log SET entry = replace(entry, 'Blue', 'Green') WHERE seq = 2",
                "entry 2: its hash",
            ),
            ("UPDATE payments.audit_log SET actor = 'eve' WHERE seq = 2", "entry 2: its columns"),
            ("DELETE FROM payments.audit_log WHERE seq = 2", "entry 2: it is missing"),
            ("DELETE FROM payments.audit_log WHERE seq = 1", "entry 1: it is missing"),
            (REHASHED, "entry 3: it does not follow"),
        ],
    )
    async def test_every_touch_shows(self, databases, redis_url, key_folder, touch, fault):
        from tests.support import platform_on

        with databases.fresh() as database:
            async with platform_on(database, redis_url, key_folder) as platform:
                for _ in range(3):
                    await taken_on(platform, platform.admin)
                assert (await platform.container.audit.verify()).fault is None
                self.meddle(database, touch)
                found = await platform.container.audit.verify()
                assert found.fault is not None
                assert found.fault.startswith(fault)

    async def test_a_shortened_log_lacks_its_head(self, databases, redis_url, key_folder):
        from tests.support import platform_on

        with databases.fresh() as database:
            async with platform_on(database, redis_url, key_folder) as platform:
                for _ in range(3):
                    await taken_on(platform, platform.admin)
                head = (await platform.container.audit.verify()).head
                await taken_on(platform, platform.admin)
                assert (await platform.container.audit.verify(head)).fault is None
                self.meddle(database, "DELETE FROM payments.audit_log WHERE seq >= 3")
                assert (await platform.container.audit.verify()).fault is None  # a chain that ends earlier is a chain
                assert (await platform.container.audit.verify(head)).fault is not None

    @staticmethod
    def meddle(database, statement: str) -> None:
        with psycopg.connect(database.superuser_url, autocommit=True) as connection:
            connection.execute("SET session_replication_role = replica")  # no trigger fires
            connection.execute(statement.encode())

    @pytest.mark.parametrize("role", ["owner", "app"])
    @pytest.mark.parametrize(
        "statement",
        ["UPDATE payments.audit_log SET actor = 'x'", "DELETE FROM payments.audit_log", "TRUNCATE payments.audit_log"],
    )
    async def test_history_cannot_be_changed(self, platform, role, statement):
        await taken_on(platform, platform.admin)
        expected = psycopg.errors.RestrictViolation if role == "owner" else psycopg.errors.InsufficientPrivilege
        with platform.sql(role) as connection, pytest.raises(expected):
            connection.execute(statement.encode())

    async def test_the_application_adds_entries_through_the_function_only(self, platform):
        with platform.sql("app") as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("INSERT INTO payments.audit_log SELECT * FROM payments.audit_log LIMIT 0")

    async def test_the_command(self, platform, database):
        await taken_on(platform, platform.admin)
        run = CliRunner().invoke
        found = await asyncio.to_thread(run, app, ["audit", "verify", "--database-url", database.url])
        assert found.exit_code == 0
        assert "unbroken" in found.output
        wrong = ["audit", "verify", "--database-url", database.url, "--head", "00"]
        assert (await asyncio.to_thread(run, app, wrong)).exit_code == 1


def test_everything_people_change_is_written_down(owner_database_url):
    changing = {
        route
        for route, permission in PERMISSIONS.items()
        if permission.roles and set(permission.roles) <= set(ROLES) and not route.startswith("GET ")
    }
    missing = [f'    "{route}": "name_of_the_table",' for route in sorted(changing - AUDITED.keys())]
    assert not missing, "add to AUDITED in this file, and watch the table:\n" + "\n".join(missing)
    assert AUDITED.keys() <= changing
    with psycopg.connect(owner_database_url) as connection:
        query = "SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = 'audited' AND tgenabled = 'O'"
        watched = {name.removeprefix("payments.") for (name,) in connection.execute(query)}
    assert {table for table in AUDITED.values() if table and "." not in table} <= watched
