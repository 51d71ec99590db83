"""Keys of an OpenID provider: discovered, kept, fetched again when they rotate, and never by a token's own word."""

import json
import time
from dataclasses import dataclass, field
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import ValidationError

from gateway.clock import Clock
from gateway.jwks import LEAST_SECONDS, REFRESH_SECONDS, STALE_SECONDS, FetchedKeys
from gateway.people import People
from gateway.settings import Settings
from shared.problems import Problem
from shared.signing_keys import key_id, public_jwk
from tests.gateway.support import served, until


@dataclass
class Provider:
    """An OpenID provider, as an ASGI application."""

    keys: list[Ed25519PrivateKey] = field(default_factory=lambda: [Ed25519PrivateKey.generate()])
    asked: list[str] = field(default_factory=list)
    issuer: str = ""
    says: dict[str, Any] = field(default_factory=dict)
    status: int = 200
    headers: tuple[tuple[bytes, bytes], ...] = ()

    async def __call__(self, scope, receive, send):
        if scope["type"] == "lifespan":
            return
        self.asked.append(scope["path"])
        found = {"issuer": self.issuer, "jwks_uri": f"{self.issuer}/keys"} | self.says
        if scope["path"] == "/keys":
            rsa = {"kty": "oct", "k": "c2VjcmV0", "kid": "not for us", "alg": "HS256"}
            found = {"keys": [*(public_jwk(key.public_key()) for key in self.keys), rsa]} | self.says
        await send({"type": "http.response.start", "status": self.status, "headers": list(self.headers)})
        await send({"type": "http.response.body", "body": json.dumps(found).encode()})

    def token(self, key=None, **changes):
        key = key or self.keys[-1]
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": "a", "sub": "ada", "nbf": now - 1, "exp": now + 60, "roles": ["admin"]}
        return jwt.encode(claims | changes, key, "EdDSA", {"kid": key_id(key.public_key())})


@pytest.fixture
async def provider():
    provider = Provider()
    config = provider
    async with served(config) as port:
        provider.issuer = f"http://127.0.0.1:{port}"
        yield provider


@pytest.fixture
def people(provider, clock):
    return People(FetchedKeys(provider.issuer, None, Clock(steady=clock)), provider.issuer, "a")


async def test_they_are_found_by_discovery_and_kept(provider, people):
    for _ in range(3):
        assert (await people.verify(provider.token())).identity.roles == {"admin"}
    assert provider.asked == ["/.well-known/openid-configuration", "/keys"]


async def test_a_url_needs_no_discovery(provider, clock):
    keys = FetchedKeys(provider.issuer, f"{provider.issuer}/keys", Clock(steady=clock))
    assert await People(keys, provider.issuer, "a").verify(provider.token())
    assert provider.asked == ["/keys"]


async def test_a_rotated_key_is_fetched_at_once(provider, people, clock):
    await people.verify(provider.token())
    provider.keys.append(Ed25519PrivateKey.generate())
    clock.now += LEAST_SECONDS
    assert await people.verify(provider.token())
    assert provider.asked.count("/keys") == 2


async def test_unknown_keys_cannot_make_us_ask_without_end(provider, people, clock):
    await people.verify(provider.token())
    for _ in range(20):
        assert await people.verify(provider.token(Ed25519PrivateKey.generate())) is None
    assert provider.asked.count("/keys") == 1
    clock.now += LEAST_SECONDS
    for _ in range(20):
        assert await people.verify(provider.token(Ed25519PrivateKey.generate())) is None
    assert provider.asked.count("/keys") == 2


async def test_a_withdrawn_key_is_forgotten(provider, people, clock):
    gone = provider.keys[0]
    await people.verify(provider.token(gone))
    provider.keys[:] = [Ed25519PrivateKey.generate()]
    clock.now += REFRESH_SECONDS
    await people.verify(provider.token(gone))  # good once more, while they are fetched
    await until(people._keys._fetching.done)
    clock.now += LEAST_SECONDS
    assert await people.verify(provider.token(gone)) is None


async def test_an_outage_of_the_provider_is_survived_for_an_hour(provider, people, clock):
    await people.verify(provider.token())
    provider.status = 500
    clock.now += STALE_SECONDS - 1
    assert await people.verify(provider.token())
    clock.now += LEAST_SECONDS
    with pytest.raises(Problem) as caught:
        await people.verify(provider.token())
    assert (caught.value.status, caught.value.retryable) == (503, True)
    provider.status = 200
    clock.now += LEAST_SECONDS
    assert await people.verify(provider.token())


@pytest.mark.parametrize(
    "wrong",
    [
        {"status": 500},
        {"status": 302, "headers": ((b"location", b"http://127.0.0.1:1/keys"),)},
        {"says": {"issuer": "https://evil.example"}},
        {"says": {"jwks_uri": "http://127.0.0.1:1/"}},
        {"says": {"keys": "none"}},
        {"says": {"filler": "x" * 300_000}},
    ],
)
async def test_what_is_wrong_there_is_no_401(provider, people, wrong):
    for name, value in wrong.items():
        setattr(provider, name, value)
    with pytest.raises(Problem) as caught:
        await people.verify(provider.token())
    assert caught.value.status == 503


async def test_a_key_that_is_no_signature_key_is_never_used(provider, people):
    await people.verify(provider.token())
    shared = jwt.encode(
        {"iss": provider.issuer, "aud": "a", "sub": "eve"}, b"secret" * 8, "HS256", {"kid": "not for us"}
    )
    assert await people.verify(shared) is None


def test_settings_say_one_place_and_https_in_production(settings):
    known = settings.model_dump(exclude_none=True)
    issuer = {"people_issuer": "https://people.example"}
    Settings.model_validate(known | issuer)
    Settings.model_validate(known | issuer | {"environment": "production"})
    for wrong in (
        {"people_jwks_url": "https://people.example/keys"},
        {**issuer, "people_jwks_url": "https://x.example", "people_jwks_file": settings.identity_key_file},
        {"people_issuer": "http://people.example", "environment": "production"},
        {**issuer, "people_jwks_url": "http://people.example/keys", "environment": "production"},
    ):
        with pytest.raises(ValidationError):
            Settings.model_validate(known | wrong)
