"""People: tokens of one OpenID issuer."""

from typing import Any

import jwt

from gateway.auth import Verified
from gateway.jwks import KeySource, KeysUnavailableError
from shared.identity import Identity
from shared.problems import Problem

_LONGEST_SUBJECT = 255


class People:
    """Verifies the JWTs of one issuer for one audience.

    The algorithm is the key's, never the token's, and only keys of the issuer are ever used.
    """

    def __init__(self, keys: KeySource, issuer: str, audience: str) -> None:
        """Take where the public keys come from, and what tokens have to say."""
        self._keys = keys
        self._issuer = issuer
        self._audience = audience

    def recognizes(self, credential: str) -> bool:
        """Tell whether this looks like a JWT."""
        return credential.count(".") == 2  # noqa: PLR2004 - header.payload.signature

    async def verify(self, credential: str) -> Verified | None:
        """Return who it is, or none if the token is not genuine, not for us, or not valid now.

        Raises:
            Problem: 503 when the issuer's keys cannot be had.

        """
        try:
            name = jwt.get_unverified_header(credential).get("kid")
            key = await self._keys.key(name)
            if key is None:
                return None
            claims = jwt.decode(
                credential,
                key,
                algorithms=[key.algorithm_name],
                audience=self._audience,
                issuer=self._issuer,
                options={"require": ["iss", "aud", "exp", "sub"]},
            )
        except KeysUnavailableError:
            raise Problem(
                503,
                "unavailable",
                "Your token could not be verified right now. Nothing was done; repeat the request.",
                retryable=True,
                headers={"Retry-After": "10"},
            ) from None
        except (jwt.InvalidTokenError, ValueError, TypeError):
            return None
        identity = _identity(claims)
        return None if identity is None else Verified(identity, expires=float(claims["exp"]))


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
