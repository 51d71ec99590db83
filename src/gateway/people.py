"""People: tokens of an issuer whose public keys are in a JWKS file."""

from pathlib import Path
from typing import Any

import jwt

from gateway.auth import Verified
from shared.identity import Identity

ALGORITHMS = frozenset(("EdDSA", "RS256", "ES256"))
_SHORTEST_RSA_BITS = 2048
_LONGEST_SUBJECT = 255


class People:
    """Verifies the JWTs of one issuer for one audience.

    The algorithm is the key's, never the token's, and only keys of the file are ever used.
    """

    def __init__(self, keys: list[jwt.PyJWK], issuer: str, audience: str) -> None:
        """Take public keys; those of other algorithms, or too short, are errors."""
        for key in keys:
            bits = getattr(key.key, "key_size", None) if key.algorithm_name == "RS256" else None
            if key.algorithm_name not in ALGORITHMS or (bits is not None and bits < _SHORTEST_RSA_BITS):
                raise ValueError(f"key {key.key_id} is not one of {sorted(ALGORITHMS)}, or too short")
        self._keys = {key.key_id: key for key in keys}
        self._issuer = issuer
        self._audience = audience

    @classmethod
    def load(cls, jwks: Path, issuer: str, audience: str) -> "People":
        """Read the keys from a JWKS file."""
        return cls(jwt.PyJWKSet.from_json(jwks.read_text(encoding="utf-8")).keys, issuer, audience)

    def recognizes(self, credential: str) -> bool:
        """Tell whether this looks like a JWT."""
        return credential.count(".") == 2  # noqa: PLR2004 - header.payload.signature

    async def verify(self, credential: str) -> Verified | None:
        """Return who it is, or none if the token is not genuine, not for us, or not valid now."""
        try:
            key = self._key(jwt.get_unverified_header(credential))
            if key is None:
                return None
            claims = jwt.decode(
                credential,
                key,
                algorithms=[key.algorithm_name],
                audience=self._audience,
                issuer=self._issuer,
                options={"require": ["iss", "aud", "exp", "nbf", "sub"]},
            )
        except (jwt.InvalidTokenError, ValueError, TypeError):
            return None
        identity = _identity(claims)
        return None if identity is None else Verified(identity, expires=float(claims["exp"]))

    def _key(self, header: dict[str, Any]) -> jwt.PyJWK | None:
        name = header.get("kid")
        if name is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        return self._keys.get(name) if isinstance(name, str) else None


def _identity(claims: dict[str, Any]) -> Identity | None:
    subject, roles = claims["sub"], claims.get("roles", [])
    if not isinstance(subject, str) or not 1 <= len(subject) <= _LONGEST_SUBJECT:
        return None
    # Roles travel on separated by spaces, so one that holds a space would become two.
    if not isinstance(roles, list) or not all(isinstance(role, str) and role.split() == [role] for role in roles):
        return None
    return Identity(
        subject=subject,
        kind="person",
        merchant_id=None,
        livemode=False,
        scopes=frozenset(),
        roles=frozenset(roles),
    )
