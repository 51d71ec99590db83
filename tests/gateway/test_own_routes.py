"""What the gateway answers itself: its health and the reference of the API."""

import gzip
import hashlib
import json
import re
from pathlib import Path

import pytest
from openapi_spec_validator import validate

import gateway.documentation
from gateway.documentation import public_document
from tests.gateway.support import raw, reply, silence

ASSETS = Path(gateway.documentation.__file__).parent / "assets"
OPERATION = {
    "operationId": "create",
    "responses": {"201": {"description": "Created"}, "413": {"description": "Mine"}},
    "security": [{"api_key": ["payments:write"]}],
}
PAYMENTS = {
    "openapi": "3.1.0",
    "info": {"title": "Payments", "version": "1"},
    "servers": [{"url": "http://payments.internal:8001"}],
    "paths": {
        "/v1/payments": {"post": OPERATION, "parameters": []},
        "/internal/api_keys/verify": {"post": {"responses": {"200": {"description": "OK"}}}},
        "/health/ready": {"get": {"responses": {"200": {"description": "OK"}}}},
    },
    "components": {
        "schemas": {"Payment": {"type": "object"}},
        "securitySchemes": {"api_key": {"type": "http", "scheme": "bearer"}},
    },
}


class TestHealth:
    async def test_live_needs_nobody(self, gateway, payments):
        payments.stop()
        response = await gateway.http.get("/health/live", headers={"authorization": ""})
        assert (response.status_code, response.json()) == (200, {"status": "ok"})

    async def test_ready_when_payments_is(self, gateway, payments):
        assert (await gateway.http.get("/health/ready")).json() == {"status": "ok"}
        assert [seen.target for seen in payments.seen] == ["/health/ready"]

    @pytest.mark.parametrize("answer", [raw(reply(b"{}", "503 Service Unavailable")), silence])
    async def test_not_ready_when_payments_is_not(self, gateway, payments, answer):
        payments.answer = answer
        response = await gateway.http.get("/health/ready")
        assert response.status_code == 503
        assert response.headers["content-type"] == "application/problem+json"
        assert response.json()["code"] == "unavailable"

    async def test_not_ready_when_payments_says_nothing(self, gateway, payments, monkeypatch):
        monkeypatch.setattr("gateway.health._TIMEOUT_SECONDS", 0.05)

        async def never(*_):
            """Say nothing."""

        payments.answer = never
        assert (await gateway.http.get("/health/ready")).status_code == 503


class TestDocument:
    @pytest.fixture
    async def document(self, gateway, payments):
        payments.answer = raw(reply(json.dumps(PAYMENTS).encode()))
        response = await gateway.http.get("/openapi.json", headers={"authorization": ""})
        assert response.status_code == 200
        return response.json()

    def test_it_is_valid(self, document):
        validate(document)

    def test_only_what_can_be_reached_is_in_it(self, document):
        own = {"/health/live", "/health/ready", *(path for path in document["paths"] if path.startswith("/v1/admin/"))}
        assert len(own) == 5
        assert set(document["paths"]) == {"/v1/payments", *own}
        assert "/internal" not in json.dumps(document)

    def test_requests_go_to_this_gateway(self, document):
        assert [server["url"] for server in document["servers"]] == ["/"]

    def test_who_may_is_what_payments_says(self, document):
        assert list(document["components"]["securitySchemes"]) == ["api_key"]
        assert document["paths"]["/v1/payments"]["post"]["security"] == [{"api_key": ["payments:write"]}]
        stats = document["paths"]["/v1/admin/stats"]["get"]
        assert stats["security"] == [{"person": ["admin", "operations", "support", "read_only"]}]
        assert "security" not in document["paths"]["/health/live"]["get"]

    def test_the_gateways_own_answers_are_described(self, document):
        answers = document["paths"]["/v1/payments"]["post"]["responses"]
        assert set(answers) == {"201", "400", "401", "408", "413", "429", "500", "502", "503", "504"}
        assert answers["413"]["description"] == "Mine"
        assert list(answers["413"]["headers"]) == ["RateLimit", "RateLimit-Policy"]
        assert answers["504"] == {"$ref": "#/components/responses/GatewayTimeout"}
        timeout = document["components"]["responses"]["GatewayTimeout"]["content"]["application/problem+json"]
        assert timeout["schema"] == {"$ref": "#/components/schemas/Problem"}
        assert "timeout" in timeout["examples"]

    def test_what_payments_said_stays_as_it_was(self):
        before = json.dumps(PAYMENTS)
        public_document(PAYMENTS, {})
        assert json.dumps(PAYMENTS) == before

    @pytest.mark.parametrize("answer", [silence, raw(reply(b"{}", "500 Internal Server Error"))])
    async def test_without_payments_there_is_none(self, gateway, payments, answer):
        payments.answer = answer
        response = await gateway.http.get("/openapi.json")
        assert (response.status_code, response.json()["code"]) == (503, "unavailable")

    async def test_a_long_one_arrives_whole(self, gateway, payments):
        large = {**PAYMENTS, "x-filler": "x" * 2_000_000}
        payments.answer = raw(reply(json.dumps(large).encode()))
        assert (await gateway.http.get("/openapi.json")).json()["x-filler"] == large["x-filler"]


class TestPage:
    async def test_it_loads_nothing_from_elsewhere(self, gateway):
        response = await gateway.http.get("/docs")
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/html")
        assert re.findall(r'(?:src|href)="([^"]+)"', response.text) == ["data:,", "/docs/scalar.js"]
        assert "http" not in response.text
        policy = response.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "http" not in policy

    @pytest.mark.parametrize("encoding", ["gzip, br", "identity"])
    async def test_the_script_is_the_published_one(self, gateway, encoding):
        response = await gateway.http.get("/docs/scalar.js", headers={"accept-encoding": encoding})
        assert response.headers["content-type"].startswith("text/javascript")
        assert response.headers.get("content-encoding") == ("gzip" if "gzip" in encoding else None)
        stated = re.search("`([0-9a-f]{64})`", (ASSETS / "README.md").read_text())
        assert stated
        assert hashlib.sha256(response.content).hexdigest() == stated[1]

    def test_the_script_knows_no_other_server_for_itself(self):
        # Fonts and telemetry are the ones it would load unasked; the page turns them off.
        script = gzip.decompress((ASSETS / gateway.documentation.SCRIPT).read_bytes())
        assert b"withDefaultFonts" in script
        assert b"telemetry" in script
