"""What the edge adds and refuses: security headers, CORS, the reference in production, deep JSON, endless streams."""

import json

import httpx2
import pytest

from gateway.container import build
from gateway.json_depth import MOST_LEVELS, too_deep
from tests.gateway.support import KEY, served, until

ORIGIN = "https://console.example"


class TestHeaders:
    @pytest.mark.parametrize("path", ["/v1/payments", "/v1//", "/health/live", "/docs", "/nothing"])
    async def test_browsers_are_told_to_be_careful(self, gateway, path):
        headers = (await gateway.http.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["strict-transport-security"].startswith("max-age=31536000")
        assert "server" not in headers
        if path.startswith("/v1"):
            assert headers["cache-control"] == "no-store"
            assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"

    async def test_trace_context_goes_on(self, gateway, payments):
        trace = {"traceparent": f"00-{'a' * 32}-{'b' * 16}-01", "tracestate": "x=y"}
        await gateway.http.get("/v1/payments", headers=trace)
        # The trace goes on; whether it is recorded is not for a client to say.
        expected = trace | {"traceparent": f"00-{'a' * 32}-{'b' * 16}-00"}
        assert {name: payments.seen[0].one(name) for name in trace} == expected

    async def test_payments_cannot_speak_about_limits(self, gateway, payments):
        from tests.gateway.support import raw, reply

        payments.answer = raw(reply(headers=("ratelimit: forged", "ratelimit-policy: forged")))
        headers = (await gateway.http.get("/v1/payments")).headers
        assert "forged" not in headers["ratelimit"] + headers["ratelimit-policy"]


class TestCors:
    async def test_nobody_is_let_in_unless_named(self, gateway):
        response = await gateway.http.options("/v1/payments", headers={"origin": ORIGIN, "authorization": ""})
        assert response.status_code == 401
        assert not [name for name in response.headers if name.startswith("access-control")]

    async def test_a_named_origin_may_call(self, settings, clock, payments):
        settings = settings.model_copy(update={"cors_origins": (ORIGIN,)})
        async with served(build(settings, clock=clock.clock())) as port, httpx2.AsyncClient(trust_env=False) as http:
            url = f"http://127.0.0.1:{port}/v1/payments"
            preflight = await http.options(url, headers={"origin": ORIGIN, "access-control-request-method": "POST"})
            assert preflight.status_code == 204
            assert preflight.headers["access-control-allow-origin"] == ORIGIN
            assert "POST" in preflight.headers["access-control-allow-methods"]
            assert "idempotency-key" in preflight.headers["access-control-allow-headers"]
            assert "access-control-allow-credentials" not in preflight.headers
            good = await http.get(url, headers={"origin": ORIGIN, "authorization": f"Bearer {KEY}"})
            assert (good.headers["access-control-allow-origin"], good.headers["vary"]) == (ORIGIN, "origin")
            for other in ("https://evil.example", "null", ORIGIN + ".evil.example", "http://console.example"):
                refused = await http.get(url, headers={"origin": other, "authorization": f"Bearer {KEY}"})
                assert "access-control-allow-origin" not in refused.headers


@pytest.mark.parametrize(
    ("environment", "docs", "status"),
    [
        ("development", None, 200),
        ("staging", None, 200),
        ("production", None, 404),
        ("production", True, 200),
        ("staging", False, 404),
    ],
)
async def test_the_reference_is_not_served_in_production(settings, clock, environment, docs, status):
    settings = settings.model_copy(update={"environment": environment, "docs": docs})
    async with served(build(settings, clock=clock.clock())) as port, httpx2.AsyncClient(trust_env=False) as http:
        assert (await http.get(f"http://127.0.0.1:{port}/docs")).status_code == status
        # Nor is anything that belongs to the private port.
        for private in ("/metrics", "/health", "/debug", "/internal/api_keys/verify"):
            assert (await http.get(f"http://127.0.0.1:{port}{private}")).status_code == 404


class TestDepth:
    @pytest.mark.parametrize(
        ("body", "deep"),
        [
            (b"[" * MOST_LEVELS + b"]" * MOST_LEVELS, False),
            (b"[" * (MOST_LEVELS + 1), True),
            (b'{"a":' * (MOST_LEVELS + 1), True),
            (b"[{}]" * 100, False),
            (json.dumps(["[" * 100, '"[' * 50, "\\[" * 50]).encode(), False),
            (b'"\\' + b"[" * 100, False),
            (b'"' + b'\\"' * 400_000 + b"[" * 40, False),  # in time that grows with its length only
            (b"", False),
        ],
    )
    def test_levels_are_counted_outside_of_strings(self, body, deep):
        assert too_deep(body) is deep

    async def test_a_deep_body_stays_outside(self, gateway, payments):
        response = await gateway.http.post("/v1/payments", content=b"[" * 200)
        assert (response.status_code, response.json()["code"]) == (400, "malformed_json")
        assert payments.seen == []


class TestStreams:
    @pytest.fixture(autouse=True)
    def often(self, monkeypatch):
        monkeypatch.setattr("gateway.streams.RECHECK_SECONDS", 0.01)

    @pytest.fixture
    def streaming(self, payments):
        async def answer(_, writer):
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
            writer.write(b"6\r\n: hi\n\n\r\n")

        payments.answer = answer

    async def test_one_ends_with_its_key(self, gateway, payments, streaming):
        async with gateway.http.stream("GET", "/v1/events/stream") as response:
            pieces = response.aiter_raw()
            assert await anext(pieces) == b": hi\n\n"
            asked = len(payments.verifications)
            gateway.clock.now += 2
            await until(lambda: len(payments.verifications) > asked)  # still good: it goes on
            payments.keys.clear()
            gateway.clock.now += 2
            with pytest.raises(httpx2.RemoteProtocolError):
                await anext(pieces)
