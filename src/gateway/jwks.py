"""The public keys of an issuer: from a file, or from where its OpenID configuration says.

Fetched keys are kept; a token signed with a key that is not among them has them fetched again, because issuers rotate
keys, but not more often than every ten seconds, because anybody can name a key. What cannot be fetched changes nothing:
known keys stay good for an hour after they were last seen.
"""

import asyncio
import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import jwt

from gateway.clock import Clock

if TYPE_CHECKING:
    import httpx2

_log = logging.getLogger(__name__)

ALGORITHMS = frozenset(("EdDSA", "RS256", "ES256"))
REFRESH_SECONDS = 300.0
LEAST_SECONDS = 10.0  # between two fetches
STALE_SECONDS = 3600.0
_SHORTEST_RSA_BITS = 2048
_TIMEOUT_SECONDS = 5.0
_LARGEST_BYTES = 200_000
_DISCOVERY = "/.well-known/openid-configuration"

Keys = dict[str | None, jwt.PyJWK]


class KeySource(Protocol):
    """Wherever public keys come from."""

    async def key(self, name: str | None) -> jwt.PyJWK | None:
        """Return the key of this name; without a name, the only one there is.

        Raises:
            KeysUnavailableError: they cannot be had now.

        """
        ...


class KeysUnavailableError(Exception):
    """No keys have been fetched, or none for too long."""


class FixedKeys:
    """Keys that do not change while the process lives."""

    def __init__(self, keys: list[jwt.PyJWK]) -> None:
        """Take public keys; those of other algorithms, or too short, are errors."""
        for key in keys:
            if not _acceptable(key):
                raise ValueError(f"key {key.key_id} is not one of {sorted(ALGORITHMS)}, or too short")
        self._keys: Keys = {key.key_id: key for key in keys}

    @classmethod
    def load(cls, path: Path) -> "FixedKeys":
        """Read a JWKS file."""
        return cls(jwt.PyJWKSet.from_json(path.read_text(encoding="utf-8")).keys)

    async def key(self, name: str | None) -> jwt.PyJWK | None:
        """Return the key of this name; without a name, the only one there is."""
        return _pick(self._keys, name)


class FetchedKeys:
    """Keys of an OpenID provider."""

    def __init__(self, issuer: str, url: str | None, clock: Clock) -> None:
        """Take the issuer and where its keys are; none: where its configuration says."""
        self._issuer = issuer
        self._url = url
        self._clock = clock
        self._keys: Keys = {}
        self._fetched = self._tried = -STALE_SECONDS
        self._fetching: asyncio.Task[None] | None = None

    async def key(self, name: str | None) -> jwt.PyJWK | None:
        """Return the key of this name, fetching when it is unknown or what is known is old."""
        now = self._clock.steady()
        found = _pick(self._keys, name)
        if found is None or now - self._fetched >= REFRESH_SECONDS:
            if now - self._tried >= LEAST_SECONDS:
                self._tried = now
                self._fetching = asyncio.create_task(self._fetch())
            if self._fetching is not None and (found is None or now - self._fetched >= STALE_SECONDS):
                await asyncio.shield(self._fetching)
                found = _pick(self._keys, name)
        if self._clock.steady() - self._fetched >= STALE_SECONDS:
            raise KeysUnavailableError
        return found

    async def _fetch(self) -> None:
        # From before the question, because the answer may be as old as that.
        began = self._clock.steady()
        import httpx2  # noqa: PLC0415 - most processes have their keys in a file, and start sooner without it

        try:
            # Redirects are not followed: where keys come from is for operators to say.
            async with httpx2.AsyncClient(timeout=_TIMEOUT_SECONDS, follow_redirects=False, trust_env=False) as http:
                url = self._url or await self._discover(http)
                keys = jwt.PyJWKSet.from_dict(await _document(http, url)).keys
        except (httpx2.HTTPError, jwt.PyJWTError, ValueError, KeyError, TypeError) as error:
            _log.warning("the keys of %s cannot be had: %r", self._issuer, error)
            return
        # A provider may have keys for other things than these; they are not an error here, only of no use.
        self._keys = {key.key_id: key for key in keys if _acceptable(key)}
        self._fetched = began

    async def _discover(self, http: "httpx2.AsyncClient") -> str:
        found = await _document(http, self._issuer.rstrip("/") + _DISCOVERY)
        if found["issuer"] != self._issuer:
            raise ValueError("its configuration is that of another issuer")
        return str(found["jwks_uri"])


async def _document(http: "httpx2.AsyncClient", url: str) -> dict[str, Any]:
    async with http.stream("GET", url, headers={"accept": "application/json"}) as response:
        response.raise_for_status()
        body = b""
        async for piece in response.aiter_bytes():
            body += piece
            if len(body) > _LARGEST_BYTES:
                raise ValueError("the document is too large")
    found = json.loads(body)
    if not isinstance(found, dict):
        raise TypeError("the document is not an object")
    return found


def _pick(keys: Keys, name: str | None) -> jwt.PyJWK | None:
    if name is None and len(keys) == 1:
        return next(iter(keys.values()))
    return keys.get(name) if isinstance(name, str) else None


def _acceptable(key: jwt.PyJWK) -> bool:
    bits = getattr(key.key, "key_size", None) if key.algorithm_name == "RS256" else None
    return key.algorithm_name in ALGORITHMS and (bits is None or bits >= _SHORTEST_RSA_BITS)
