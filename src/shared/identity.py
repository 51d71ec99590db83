"""Who is calling: the short-lived signed identity that the gateway hands to payments.

The gateway signs with Ed25519 and payments holds the public keys only, so a token cannot be made behind the gateway.
"""

from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from shared.ids import show, uuid_of

ISSUER = "gateway"
AUDIENCE = "payments"
ALGORITHM = "EdDSA"
LIFETIME_SECONDS = 2
LEEWAY_SECONDS = 1

Kind = Literal["api_key", "person", "service"]
_KINDS: tuple[Kind, ...] = ("api_key", "person", "service")


@dataclass(frozen=True, slots=True)
class Identity:
    """The caller of one request.

    Shapes:
        subject: ``key_…`` of an API key, the person's id, or the service's name.
        merchant_id: the merchant whose objects are visible; none for people and services.
        livemode: false for test keys, which never reach live objects.
    """

    subject: str
    kind: Kind
    merchant_id: UUID | None
    livemode: bool
    scopes: frozenset[str]
    roles: frozenset[str]

    def claims(self, now: int) -> dict[str, Any]:
        """Return the token's claims, issued at ``now`` (epoch seconds)."""
        claims: dict[str, Any] = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "iat": now,
            "exp": now + LIFETIME_SECONDS,
            "sub": self.subject,
            "kind": self.kind,
            "live": self.livemode,
            "scp": " ".join(sorted(self.scopes)),
            "rol": " ".join(sorted(self.roles)),
        }
        if self.merchant_id is not None:
            claims["mer"] = show("mer", self.merchant_id)
        return claims

    @classmethod
    def from_claims(cls, claims: dict[str, Any]) -> "Identity":
        """Return the identity in verified claims.

        Raises:
            ValueError: a claim is missing or of the wrong shape.

        """
        kind, live, merchant = claims.get("kind"), claims.get("live"), claims.get("mer")
        if kind not in _KINDS or not isinstance(live, bool):
            msg = "claims kind or live are missing"
            raise ValueError(msg)
        return cls(
            subject=str(claims["sub"]),
            kind=kind,
            merchant_id=uuid_of("mer", merchant) if merchant is not None else None,
            livemode=live,
            scopes=frozenset(str(claims.get("scp", "")).split()),
            roles=frozenset(str(claims.get("rol", "")).split()),
        )
