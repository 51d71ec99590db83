"""People come with a JWT of their issuer; everything that only looks like one stays outside."""

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import jwt
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from gateway.clock import Clock
from gateway.container import build
from gateway.jwks import FixedKeys
from gateway.people import People
from tests.gateway.support import exchange, served

ISSUER = "https://people.example"
KEYS: dict[str, tuple[Any, Any]] = {
    "EdDSA": (Ed25519PrivateKey.generate(), OKPAlgorithm),
    "RS256": (rsa.generate_private_key(65537, 2048), RSAAlgorithm),
    "ES256": (ec.generate_private_key(ec.SECP256R1()), ECAlgorithm),
}
JWKS = {
    "keys": [
        {**json.loads(kind.to_jwk(key.public_key())), "kid": name, "alg": name, "use": "sig"}
        for name, (key, kind) in KEYS.items()
    ]
}


def claims(**changes):
    now = time.time()
    complete = {
        "iss": ISSUER,
        "aud": "payment-platform",
        "sub": "ada@example.com",
        "nbf": int(now) - 1,
        "exp": int(now) + 60,
        "roles": ["admin", "risk"],
    }
    return {name: value for name, value in (complete | changes).items() if value is not None}


def token(algorithm="EdDSA", key=None, header=None, **changes):
    headers = {"kid": algorithm} if header is None else header
    return jwt.encode(claims(**changes), key or KEYS[algorithm][0], algorithm, headers)


def unsigned(header, payload, signature=b""):
    parts = (json.dumps(header).encode(), json.dumps(payload).encode(), signature)
    return b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts).decode()


def confused(algorithm="HS256"):
    """An HMAC with the public RSA key as its secret."""
    public = KEYS["RS256"][0].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    start = unsigned({"alg": algorithm, "kid": "RS256", "typ": "JWT"}, claims()).rpartition(".")[0]
    signature = hmac.new(public, start.encode(), hashlib.sha256).digest()
    return start + "." + base64.urlsafe_b64encode(signature).rstrip(b"=").decode()


def tampered():
    head, _, signature = token().split(".")
    payload = base64.urlsafe_b64encode(json.dumps(claims(sub="eve")).encode()).rstrip(b"=").decode()
    return f"{head}.{payload}.{signature}"


@pytest.fixture
def people():
    return People(FixedKeys(jwt.PyJWKSet.from_dict(JWKS).keys), ISSUER, "payment-platform")


@pytest.mark.parametrize("algorithm", KEYS)
async def test_a_genuine_token(people, algorithm):
    verified = await people.verify(token(algorithm))
    assert verified.identity.subject == "ada@example.com"
    assert verified.identity.kind == "person"
    assert verified.identity.roles == {"admin", "risk"}
    assert verified.identity.scopes == frozenset()
    assert verified.identity.merchant_id is None
    assert not verified.identity.livemode
    assert verified.expires == pytest.approx(time.time() + 60, abs=2)


async def test_several_audiences_and_no_roles(people):
    verified = await people.verify(token(aud=["other", "payment-platform"], roles=None))
    assert verified.identity.roles == frozenset()


FOREIGN = Ed25519PrivateKey.generate()
FOREIGN_JWK = json.loads(OKPAlgorithm.to_jwk(FOREIGN.public_key()))


async def test_one_that_does_not_say_when_it_begins(people):
    # RFC 7519 leaves it to the issuer, and several say nothing.
    assert await people.verify(token(nbf=None)) is not None


FORGED = {
    "no algorithm": lambda: unsigned({"alg": "none", "kid": "EdDSA"}, claims()),
    "no algorithm, other case": lambda: unsigned({"alg": "nOnE", "kid": "RS256"}, claims()),
    "no signature": lambda: token().rpartition(".")[0] + ".",
    "RSA key as HMAC secret": confused,
    "RSA key as HMAC secret, called RS256": lambda: confused("RS256"),
    "changed payload": tampered,
    "another key": lambda: token(key=FOREIGN),
    "another key inside": lambda: token(key=FOREIGN, header={"kid": "EdDSA", "jwk": FOREIGN_JWK}),
    "keys from elsewhere": lambda: token(key=FOREIGN, header={"kid": "x", "jku": "http://127.0.0.1/keys"}),
    "certificate from elsewhere": lambda: token(key=FOREIGN, header={"kid": "EdDSA", "x5u": "http://127.0.0.1/"}),
    "no key id": lambda: token(header={}),
    "unknown key id": lambda: token(header={"kid": "nobody"}),
    "path as key id": lambda: token(header={"kid": "../../../dev/null"}),
    "the algorithm of another key": lambda: token("ES256", header={"kid": "EdDSA"}),
    "a weaker algorithm with the right key": lambda: token("RS512", key=KEYS["RS256"][0], header={"kid": "RS256"}),
    "critical header that is unknown": lambda: token(header={"kid": "EdDSA", "crit": ["x"], "x": 1}),
    "expired": lambda: token(exp=int(time.time()) - 1),
    "not yet valid": lambda: token(nbf=int(time.time()) + 60),
    "from the future": lambda: token(iat=int(time.time()) + 60),
    "another issuer": lambda: token(iss="https://evil.example"),
    "issuer with a slash more": lambda: token(iss=ISSUER + "/"),
    "another audience": lambda: token(aud="other"),
    "our own audience": lambda: token(aud="payments"),
    "no issuer": lambda: token(iss=None),
    "no audience": lambda: token(aud=None),
    "no expiry": lambda: token(exp=None),
    "no subject": lambda: token(sub=None),
    "empty subject": lambda: token(sub=""),
    "long subject": lambda: token(sub="a" * 256),
    "expiry in words": lambda: token(exp="tomorrow"),
    "roles as text": lambda: token(roles="admin"),
    "roles of numbers": lambda: token(roles=[1]),
    "one role that would become two": lambda: token(roles=["x admin"]),
    "no JSON": lambda: "eyJ.eyJ.eyJ",
    "nothing": lambda: "..",
    "deep JSON": lambda: unsigned({"alg": "EdDSA"}, {}).replace(".", "." + "W" * 4000, 1),
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED.keys())
async def test_a_forged_one(people, forge):
    assert await people.verify(forge()) is None


@pytest.mark.parametrize("key", [{"kty": "oct", "k": "c2VjcmV0", "kid": "x"}, "weak"])
def test_keys_that_prove_nothing_are_errors_at_the_start(key):
    if key == "weak":
        weak = rsa.generate_private_key(65537, 1024)  # noqa: S505 - that is what is refused
        key = {**json.loads(RSAAlgorithm.to_jwk(weak.public_key())), "kid": "x"}
    with pytest.raises(ValueError, match="key x"):
        FixedKeys([jwt.PyJWK(key)])


async def test_a_single_key_needs_no_name():
    people = People(FixedKeys([jwt.PyJWK(JWKS["keys"][0])]), ISSUER, "payment-platform")
    assert await people.verify(token(header={})) is not None


class TestThroughTheGateway:
    @pytest_asyncio.fixture
    async def port(self, settings, tmp_path, clock):
        jwks = tmp_path / "people.jwks.json"
        jwks.write_text(json.dumps(JWKS))
        settings = settings.model_copy(update={"people_jwks_file": jwks, "people_issuer": ISSUER})
        async with served(build(settings, clock=Clock(steady=clock))) as port:
            yield port

    async def call(self, port, credential):
        head = f"GET /v1/merchants HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {credential}\r\n\r\n"
        return await exchange(port, head.encode())

    async def test_payments_learns_the_roles(self, port, payments, identity_key):
        assert (await self.call(port, token())).startswith(b"HTTP/1.1 200 ")
        sent = payments.seen[0].one("authorization").removeprefix("Bearer ")
        seen = jwt.decode(sent, identity_key.public_key(), ["EdDSA"], audience="payments", issuer="gateway")
        assert (seen["sub"], seen["kind"], seen["rol"], seen["scp"]) == ("ada@example.com", "person", "admin risk", "")
        assert "mer" not in seen
        assert payments.verifications == []  # payments is not asked about people

    @pytest.mark.parametrize("name", ["no algorithm", "RSA key as HMAC secret", "expired", "another audience"])
    async def test_a_forged_one_is_401(self, port, payments, name):
        answer = await self.call(port, FORGED[name]())
        assert answer.startswith(b"HTTP/1.1 401 ")
        assert b'www-authenticate: Bearer realm="payments", error="invalid_token"' in answer
        assert payments.seen == []

    async def test_a_gateways_own_token_is_no_credential(self, port, payments, identity_key):
        own = jwt.encode(claims(iss="gateway", aud="payments"), identity_key, "EdDSA", {"kid": "EdDSA"})
        assert (await self.call(port, own)).startswith(b"HTTP/1.1 401 ")

    async def test_without_an_issuer_there_are_no_people(self, gateway, payments):
        response = await gateway.http.get("/v1/merchants", headers={"authorization": f"Bearer {token()}"})
        assert response.status_code == 401
        assert payments.seen == payments.verifications == []
