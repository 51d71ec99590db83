"""Who gets in with an API key, for how long the answer is remembered, and what payments is told."""

import asyncio
import json

import jwt
import pytest
from jwt.types import Options
from pydantic import HttpUrl

from gateway.api_keys import ApiKeys
from gateway.auth import AHEAD_SECONDS, REMEMBER_SECONDS, Authenticator, Verified
from gateway.container import build
from gateway.identity_tokens import Passport, Signer
from gateway.upstream import Response
from shared.identity import AUDIENCE, ISSUER, LEEWAY_SECONDS, LIFETIME_SECONDS, Identity
from shared.ids import uuid_of
from shared.problems import Problem
from shared.signing_keys import key_id
from tests.gateway.support import KEY, KEY_ENTRY, KEY_ID, MERCHANT, exchange, raw, reply, served, silence

OTHER_KEY = "sk_live_" + "b" * 43
IDENTITY = Identity("key_x", "api_key", uuid_of("mer", MERCHANT), livemode=False, scopes=frozenset(), roles=frozenset())


def refused(response):
    assert response.status_code == 401
    assert response.json()["code"] == "unauthenticated"
    return response.headers["www-authenticate"]


def claims(token: str, key):
    options: Options = {"verify_exp": False, "verify_iat": False}  # the clock is the test's own
    return jwt.decode(token, key.public_key(), ["EdDSA"], options, audience=AUDIENCE, issuer=ISSUER)


class TestTheDoor:
    async def test_payments_is_told_who_calls(self, gateway, payments, identity_key):
        await gateway.http.get("/v1/payments")
        token = payments.seen[0].one("authorization").removeprefix("Bearer ")
        assert jwt.get_unverified_header(token)["kid"] == key_id(identity_key.public_key())
        now = int(gateway.clock.now)
        assert claims(token, identity_key) == {
            "iss": "gateway",
            "aud": "payments",
            "iat": now,
            "exp": now + 2,
            "sub": KEY_ID,
            "kind": "api_key",
            "mer": MERCHANT,
            "live": False,
            "scp": "payments:read payments:write",
            "rol": "",
        }

    async def test_the_question_comes_from_the_gateway_itself(self, gateway, payments, identity_key):
        await gateway.http.get("/v1/payments")
        (asked,) = payments.verifications
        token = asked.one("authorization").removeprefix("Bearer ")
        asking = Identity.from_claims(claims(token, identity_key))
        assert asking == Identity("gateway", "service", None, livemode=False, scopes=frozenset(), roles=frozenset())
        assert (asked.method, json.loads(asked.body)) == ("POST", {"key": KEY})

    async def test_without_a_credential(self, gateway, payments):
        del gateway.http.headers["authorization"]
        assert refused(await gateway.http.get("/v1/payments")) == 'Bearer realm="payments"'
        assert payments.seen == payments.verifications == []

    @pytest.mark.parametrize(
        "value",
        [
            "",
            "Bearer",
            f"Basic {KEY}",
            KEY,
            f"Bearer {KEY} {KEY}",
            f"Bearer {KEY},",
            "Bearer sk_test_short",
            f"Bearer {KEY}x",
            f"Bearer sk_prod_{'a' * 43}",
            f"Bearer rk_test_{'a' * 43}",
            f"Bearer sk_test_{'/' * 43}",
            "Bearer caf\u00e9",
            f"Bearer {'x' * 9000}",
        ],
    )
    async def test_what_cannot_be_a_key_is_refused_without_asking(self, gateway, payments, value):
        assert refused(await gateway.http.get("/v1/payments", headers={"authorization": value.encode("latin-1")}))
        assert payments.seen == payments.verifications == []

    async def test_two_credentials_are_none(self, gateway, payments):
        headers = f"Authorization: Bearer {KEY}\r\n" * 2
        answer = await exchange(gateway.port, f"GET /v1/payments HTTP/1.1\r\nHost: x\r\n{headers}\r\n".encode())
        assert answer.startswith(b"HTTP/1.1 401 ")
        assert payments.seen == []

    async def test_the_scheme_is_written_in_any_case(self, gateway):
        response = await gateway.http.get("/v1/payments", headers={"authorization": f"bEaReR  {KEY}"})
        assert response.status_code == 200

    async def test_an_unknown_key(self, gateway, payments):
        response = await gateway.http.get("/v1/payments", headers={"authorization": f"Bearer {OTHER_KEY}"})
        assert refused(response) == 'Bearer realm="payments", error="invalid_token"'
        assert payments.seen == []

    async def test_the_key_is_never_repeated(self, gateway, caplog):
        response = await gateway.http.get("/v1/payments", headers={"authorization": f"Bearer {OTHER_KEY}"})
        assert OTHER_KEY not in response.text + str(response.headers) + caplog.text

    @pytest.mark.parametrize(
        "answer",
        [
            pytest.param(silence, id="closed"),
            pytest.param(raw(reply(json.dumps(KEY_ENTRY).encode(), "500 Internal Server Error")), id="failed"),
            pytest.param(raw(reply(b"not json")), id="not JSON"),
            pytest.param(raw(reply(json.dumps({**KEY_ENTRY, "merchant_id": "mer_1"}).encode())), id="no merchant"),
            pytest.param(raw(reply(json.dumps({**KEY_ENTRY, "livemode": "no"}).encode())), id="no mode"),
        ],
    )
    async def test_when_it_cannot_be_found_out_nothing_is_done_or_remembered(self, gateway, payments, answer):
        payments.verify = answer
        response = await gateway.http.post("/v1/payments")
        assert (response.status_code, response.headers["retry-after"]) == (503, "1")
        document = response.json()
        assert (document["code"], document["effect"], document["retryable"]) == ("unavailable", "none", True)
        assert payments.seen == []
        payments.verify = None
        assert (await gateway.http.post("/v1/payments")).status_code == 200


class TestMemory:
    async def test_a_key_is_asked_about_every_two_seconds(self, gateway, payments):
        for _ in range(3):
            await gateway.http.get("/v1/payments")
        gateway.clock.now += REMEMBER_SECONDS - AHEAD_SECONDS
        await gateway.http.get("/v1/payments")
        assert len(payments.verifications) == 1
        gateway.clock.now += AHEAD_SECONDS
        await gateway.http.get("/v1/payments")
        assert len(payments.verifications) == 2

    async def test_one_that_is_used_is_asked_about_shortly_before_and_nobody_waits(self, gateway, payments):
        await gateway.http.get("/v1/payments")
        asked, go_on = asyncio.Event(), asyncio.Event()

        async def held(_, writer):
            asked.set()
            await go_on.wait()
            writer.write(reply(json.dumps(KEY_ENTRY).encode()))

        payments.verify = held
        gateway.clock.now += REMEMBER_SECONDS - 0.1
        for _ in range(3):
            assert (await gateway.http.get("/v1/payments")).status_code == 200
        await asked.wait()
        go_on.set()
        gateway.clock.now += 0.1
        assert (await gateway.http.get("/v1/payments")).status_code == 200
        assert len(payments.verifications) == 2

    async def test_when_that_fails_the_answer_holds_until_its_end(self, gateway, payments):
        await gateway.http.get("/v1/payments")
        payments.verify = silence
        gateway.clock.now += REMEMBER_SECONDS - 0.1
        for _ in range(2):
            assert (await gateway.http.get("/v1/payments")).status_code == 200
        gateway.clock.now += 0.1
        assert (await gateway.http.get("/v1/payments")).status_code == 503

    async def test_a_revoked_key_stops_within_two_seconds(self, gateway, payments):
        await gateway.http.get("/v1/payments")
        payments.keys.clear()
        assert (await gateway.http.get("/v1/payments")).status_code == 200
        gateway.clock.now += REMEMBER_SECONDS
        assert (await gateway.http.get("/v1/payments")).status_code == 401

    async def test_so_is_a_wrong_one(self, gateway, payments):
        payments.keys.clear()
        for _ in range(3):
            refused(await gateway.http.get("/v1/payments"))
        assert len(payments.verifications) == 1
        payments.keys[KEY] = KEY_ENTRY
        gateway.clock.now += REMEMBER_SECONDS
        assert (await gateway.http.get("/v1/payments")).status_code == 200

    async def test_it_counts_from_the_question_not_from_the_answer(self, gateway, payments):
        async def slowly(_, writer):
            gateway.clock.now += 1.5
            writer.write(reply(json.dumps(KEY_ENTRY).encode()))

        payments.verify = slowly
        await gateway.http.get("/v1/payments")
        gateway.clock.now += 0.5
        await gateway.http.get("/v1/payments")
        assert len(payments.verifications) == 2

    async def test_a_burst_asks_once(self, gateway, payments):
        hold = asyncio.Event()

        async def held(_, writer):
            await hold.wait()
            writer.write(reply(json.dumps(KEY_ENTRY).encode()))

        payments.verify = held
        burst = [asyncio.create_task(gateway.http.get("/v1/payments")) for _ in range(50)]
        other = asyncio.create_task(gateway.http.get("/v1/x", headers={"authorization": f"Bearer {OTHER_KEY}"}))
        async with asyncio.timeout(60):
            while len(payments.verifications) < 2:  # noqa: ASYNC110 - both questions are on their way
                await asyncio.sleep(0)
        hold.set()
        assert {response.status_code for response in await asyncio.gather(*burst, other)} == {200}
        assert sorted(json.loads(asked.body)["key"] for asked in payments.verifications) == sorted((KEY, OTHER_KEY))

    async def test_a_burst_of_a_failing_question_gets_one_answer_each(self, gateway, payments):
        payments.verify = silence
        responses = await asyncio.gather(*(gateway.http.get("/v1/payments") for _ in range(20)))
        assert {response.status_code for response in responses} == {503}
        assert len({response.json()["request_id"] for response in responses}) == 20


class Verifier:
    """Knows every credential that starts with ``good``, and counts how often it is asked."""

    def __init__(self):
        self.asked: list[str] = []
        self.hold: asyncio.Event | None = None
        self.revoked: set[str] = set()

    def recognizes(self, credential):
        return True

    async def verify(self, credential):
        self.asked.append(credential)
        if self.hold is not None:
            await self.hold.wait()
        return Verified(IDENTITY) if credential.startswith("good") and credential not in self.revoked else None


class TestAuthenticator:
    @pytest.fixture
    def verifier(self):
        return Verifier()

    @pytest.fixture
    def signer(self, identity_key, clock):
        return Signer(identity_key, clock.clock())

    @pytest.fixture
    def authenticator(self, verifier, signer, clock):
        return Authenticator([verifier], signer, clock.clock())

    async def test_a_flood_of_wrong_keys_does_not_push_out_right_ones(self, authenticator, verifier):
        await authenticator.authenticate(b"Bearer good")
        for number in range(10_050):
            with pytest.raises(Problem):
                await authenticator.authenticate(b"Bearer bad%d" % number)
        assert len(authenticator._refused._values) == 10_000
        await authenticator.authenticate(b"Bearer good")
        assert verifier.asked.count("good") == 1

    async def test_what_turns_out_to_be_revoked_is_refused_from_then_on(self, authenticator, verifier, clock):
        await authenticator.authenticate(b"Bearer good")
        verifier.revoked.add("good")
        clock.now += REMEMBER_SECONDS - 0.1
        await authenticator.authenticate(b"Bearer good")
        await asyncio.gather(*authenticator._asking.values())
        with pytest.raises(Problem):
            await authenticator.authenticate(b"Bearer good")

    async def test_what_is_remembered_is_bounded_and_the_oldest_goes(self, authenticator, verifier, monkeypatch):
        authenticator._known._size = 2
        for credential in (b"good1", b"good2", b"good3", b"good3", b"good2", b"good1"):
            await authenticator.authenticate(b"Bearer " + credential)
        assert verifier.asked == ["good1", "good2", "good3", "good1"]

    async def test_no_secret_stays_in_memory(self, authenticator):
        await authenticator.authenticate(b"Bearer good-secret")
        assert all(b"good" not in key and len(key) == 16 for key in authenticator._known._values)

    async def test_one_that_leaves_takes_nobody_along(self, authenticator, verifier):
        verifier.hold = asyncio.Event()
        first, second = (asyncio.create_task(authenticator.authenticate(b"Bearer good")) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.wait([first])
        verifier.hold.set()
        assert (await second).identity == IDENTITY
        assert verifier.asked == ["good"]

    async def test_a_credential_is_not_remembered_beyond_its_own_end(self, authenticator, verifier, clock, monkeypatch):
        async def verify(credential):
            verifier.asked.append(credential)
            return Verified(IDENTITY, expires=clock.now + 0.5)

        monkeypatch.setattr(verifier, "verify", verify)
        await authenticator.authenticate(b"Bearer good")
        clock.now += 0.49
        await authenticator.authenticate(b"Bearer good")
        assert len(verifier.asked) == 1
        clock.now += 0.01
        await authenticator.authenticate(b"Bearer good")
        assert len(verifier.asked) == 2


class TestIdentityTokens:
    @pytest.fixture
    def passport(self, identity_key, clock):
        return Passport(IDENTITY, Signer(identity_key, clock.clock()))

    def test_one_is_reused_for_a_second(self, passport, clock):
        first = passport.authorization()
        clock.now += 0.99
        assert passport.authorization() is first
        clock.now += 0.02
        assert passport.authorization() != first

    @pytest.mark.parametrize("fraction", [0.0, 0.25, 0.5, 0.75, 0.9, 0.999])
    def test_payments_never_sees_an_expired_one(self, passport, clock, identity_key, fraction):
        clock.now += fraction
        for _ in range(400):
            token = passport.authorization().decode().removeprefix("Bearer ")
            assert claims(token, identity_key)["exp"] - clock.now >= 0.24
            clock.now += 0.01

    def test_a_clock_set_back_does_not_prolong_one(self, passport, clock):
        first = passport.authorization()
        clock.now -= 3600
        assert passport.authorization() != first

    def test_with_the_memory_a_key_is_dead_within_five_seconds(self):
        assert REMEMBER_SECONDS + LIFETIME_SECONDS + LEEWAY_SECONDS <= 5


async def test_any_upstream_will_do(settings, identity_key, clock):
    # As on Lambda, where payments runs in the same process and there is no HTTP between them.
    requests = []

    class InProcess:
        async def send(self, request):
            requests.append(request)
            found = request.path.startswith(b"/internal/")
            return Response(200, [], json.dumps(KEY_ENTRY).encode() if found else b'{"in":"process"}')

        async def aclose(self):
            """Nothing is open."""

    unreachable = settings.model_copy(update={"payments_url": HttpUrl("http://127.0.0.1:1")})
    async with served(build(unreachable, upstream=InProcess(), clock=clock.clock())) as port:
        head = (
            f"GET /v1/payments?limit=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {KEY}\r\n\r\n"
        )
        answer = await exchange(port, head.encode(), until_closed=True)
    assert b'{"in":"process"}' in answer
    assert [(request.path, request.query) for request in requests] == [
        (b"/internal/api_keys/verify", b""),
        (b"/v1/payments", b"limit=1"),
    ]


def test_keys_and_tokens_are_told_apart(identity_key, clock):
    keys = ApiKeys(None, Signer(identity_key, clock.clock()))  # type: ignore[arg-type] # it is not asked
    assert keys.recognizes(KEY)
    assert not keys.recognizes("eyJ.eyJ.x")
