"""The secrets of a local platform, made once and kept in `.dev/keys/`, readable by their owner only."""

import base64
import json
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from payments.devtools.servers.base import write_private
from shared.permissions import Role
from shared.signing_keys import key_id, load_private_key, public_jwk

PEOPLE_ISSUER = "https://people.localhost"
PEOPLE_AUDIENCE = "payment-platform"
_ADMIN_TOKEN_SECONDS = 30 * 24 * 3600
_SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class KeyFiles:
    """Where each secret lives.

    Shapes:
        keyring, vault: `{"active": "k1", "keys": {"k1": "<base64 of 32 bytes>"}}`.
        identity, people: an Ed25519 private key as PEM; the `_jwks` files hold their public halves.
    """

    folder: Path

    @property
    def keyring(self) -> Path:
        """Secrets of the keyed hashes."""
        return self.folder / "keyring.json"

    @property
    def vault(self) -> Path:
        """Keys that encrypt the data keys of cards."""
        return self.folder / "vault.json"

    @property
    def identity(self) -> Path:
        """Signs the identity that the gateway hands to payments."""
        return self.folder / "identity.pem"

    @property
    def identity_jwks(self) -> Path:
        """Public half of `identity`."""
        return self.folder / "identity.jwks.json"

    @property
    def people(self) -> Path:
        """Signs the tokens of people, in the place of a company's single sign-on."""
        return self.folder / "people.pem"

    @property
    def people_jwks(self) -> Path:
        """Public half of `people`."""
        return self.folder / "people.jwks.json"

    @property
    def issuer(self) -> str:
        """Who issues the tokens of people: the address that `make dev` had last, or a name where nobody listens."""
        return self._issuer.read_text() if self._issuer.exists() else PEOPLE_ISSUER

    @property
    def _issuer(self) -> Path:
        return self.folder / "people.issuer.txt"

    def issue_at(self, issuer: str) -> None:
        """Keep the address of the issuer."""
        write_private(self._issuer, issuer)

    def create(self) -> None:
        """Make whatever is missing."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for ring in _missing(self.keyring, self.vault):
            write_private(ring, key_ring())
        for private in _missing(self.identity, self.people):
            write_private(private, pem(Ed25519PrivateKey.generate()))
        for private, public in ((self.identity, self.identity_jwks), (self.people, self.people_jwks)):
            write_private(public, json.dumps({"keys": [public_jwk(load_private_key(private).public_key())]}))

    def admin_token(self) -> str:
        """A token for a person who may do everything."""
        return self.token("admin", subject="developer")

    def token(self, *roles: Role, subject: str) -> str:
        """A token for a person with these roles, as a company's single sign-on would issue it."""
        claims = {"iss": self.issuer, "aud": PEOPLE_AUDIENCE, "sub": subject, "roles": list(roles)}
        return self.sign(claims, _ADMIN_TOKEN_SECONDS)

    def sign(self, claims: dict[str, Any], seconds: int) -> str:
        """A token of the issuer that is good for so long from now."""
        key, now = load_private_key(self.people), int(time.time())
        times = {"nbf": now - 1, "iat": now, "exp": now + seconds}
        return jwt.encode(claims | times, key, algorithm="EdDSA", headers={"kid": key_id(key.public_key())})


def _missing(*paths: Path) -> Iterable[Path]:
    return (path for path in paths if not path.exists())


def key_ring() -> str:
    """Return a new ring with one key."""
    secret = base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()
    return json.dumps({"active": "k1", "keys": {"k1": secret}})


def pem(key: Ed25519PrivateKey) -> str:
    """Return a private key as the services read it."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
