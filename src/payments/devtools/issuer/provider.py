"""What an OpenID provider decides: authorization codes with PKCE, and the tokens they are good for. No HTTP."""

import base64
import hashlib
import hmac
import re
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from payments.devtools.keys import PEOPLE_AUDIENCE, KeyFiles
from shared.permissions import Role

CLIENT_ID = "payment-console"
CODE_SECONDS = 60.0
TOKEN_SECONDS = 3600
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody to be."""

    subject: str
    name: str
    role: Role
    does: str


PEOPLE: dict[str, Person] = {
    person.subject: person
    for person in (
        Person("ada@example.com", "Ada", "admin", "may do everything that people may do"),
        Person("olga@example.com", "Olga", "operations", "looks after circuits, pauses and merchants"),
        Person("rob@example.com", "Rob", "risk", "decides reviews, resolves alerts, pauses"),
        Person("sam@example.com", "Sam", "support", "reads what a call from a merchant needs"),
        Person("rita@example.com", "Rita", "read_only", "reads, and changes nothing"),
    )
}


class RefusedError(Exception):
    """A request that is told so at its redirect URI, or as the answer of the token endpoint; the text is its code."""


class MistakenError(Exception):
    """A request that cannot be trusted even with a redirect."""


@dataclass(frozen=True, slots=True)
class _Grant:
    person: Person
    challenge: str
    nonce: str | None
    expires: float


class Provider:
    """One issuer with one public client."""

    def __init__(self, keys: KeyFiles, *, redirect_uri: str, clock: Callable[[], float] = time.monotonic) -> None:
        """Take the keys that sign, for the issuer whose address is with them, and where the client wants its codes."""
        self.issuer = keys.issuer
        self.redirect_uri = redirect_uri
        self._keys = keys
        self._clock = clock
        self._grants: dict[str, _Grant] = {}
        self._lock = threading.Lock()

    def metadata(self) -> dict[str, Any]:
        """Return OpenID Connect's discovery document."""
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks.json",
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["EdDSA"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["none"],
            "scopes_supported": ["openid"],
            "authorization_response_iss_parameter_supported": True,
        }

    def jwks(self) -> bytes:
        """Return the public keys."""
        return self._keys.people_jwks.read_bytes()

    def check(self, asked: Mapping[str, str]) -> None:
        """Look at an authorization request.

        Raises:
            MistakenError: another client or redirect URI: nobody is sent there.
            RefusedError: it is ours and not acceptable.

        """
        if asked.get("client_id") != CLIENT_ID:
            raise MistakenError(f"The client_id has to be {CLIENT_ID}.")
        if asked.get("redirect_uri") != self.redirect_uri:
            raise MistakenError(f"The redirect_uri has to be {self.redirect_uri}.")
        if asked.get("response_type") != "code":
            raise RefusedError("unsupported_response_type")
        if "openid" not in asked.get("scope", "").split():
            raise RefusedError("invalid_scope")
        if asked.get("code_challenge_method") != "S256" or not _CHALLENGE.fullmatch(asked.get("code_challenge", "")):
            raise RefusedError("invalid_request")

    def authorize(self, asked: Mapping[str, str], person: Person) -> str:
        """Return a code for one person, good once and for a minute. Raises as ``check`` does."""
        self.check(asked)
        code, now = secrets.token_urlsafe(32), self._clock()
        with self._lock:
            self._grants = {known: grant for known, grant in self._grants.items() if grant.expires > now}
            self._grants[code] = _Grant(person, asked["code_challenge"], asked.get("nonce"), now + CODE_SECONDS)
        return code

    def exchange(self, asked: Mapping[str, str]) -> dict[str, Any]:
        """Return the tokens that a code is good for.

        Raises:
            RefusedError: with the code of RFC 6749.

        """
        if asked.get("grant_type") != "authorization_code":
            raise RefusedError("unsupported_grant_type")
        if asked.get("client_id") != CLIENT_ID:
            raise RefusedError("invalid_client")
        with self._lock:
            grant = self._grants.pop(asked.get("code", ""), None)  # whatever comes of it, it was good once
        if grant is None or grant.expires <= self._clock() or asked.get("redirect_uri") != self.redirect_uri:
            raise RefusedError("invalid_grant")
        verifier = asked.get("code_verifier", "")
        if not _VERIFIER.fullmatch(verifier) or not hmac.compare_digest(challenge_of(verifier), grant.challenge):
            raise RefusedError("invalid_grant")
        person = grant.person
        identity = {"iss": self.issuer, "sub": person.subject}
        about = {"aud": CLIENT_ID, "name": person.name} | ({} if grant.nonce is None else {"nonce": grant.nonce})
        return {
            "token_type": "Bearer",
            "expires_in": TOKEN_SECONDS,
            "scope": "openid",
            "access_token": self._keys.sign(identity | {"aud": PEOPLE_AUDIENCE, "roles": [person.role]}, TOKEN_SECONDS),
            "id_token": self._keys.sign(identity | about, TOKEN_SECONDS),
        }


def challenge_of(verifier: str) -> str:
    """Return the S256 challenge of RFC 7636."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
