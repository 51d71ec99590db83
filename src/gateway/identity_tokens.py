"""Signs who is calling, once per caller and second instead of once per request."""

from collections.abc import Mapping

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.clock import Clock
from gateway.policies import Class, Quota
from shared.identity import ALGORITHM, LIFETIME_SECONDS, Identity
from shared.signing_keys import key_id

_REUSE_SECONDS = 1.0
# The claims count whole seconds, so a token issued late within one has less than its lifetime left.
_MARGIN_SECONDS = 0.25


class Passport:
    """A verified caller, the quotas of its own, and the ``Authorization`` header that tells payments who it is."""

    __slots__ = ("_authorization", "_from", "_signer", "_until", "identity", "quotas")

    def __init__(self, identity: Identity, signer: "Signer", quotas: Mapping[Class, Quota] | None = None) -> None:
        self.identity = identity
        self.quotas = quotas or {}
        self._signer = signer
        self._authorization = b""
        self._from = self._until = 0.0

    def authorization(self) -> bytes:
        """Return the header's value; payments sees it before it expires."""
        now = self._signer.clock.wall()
        if not self._from <= now < self._until:  # from: a clock set back must not prolong a token
            self._authorization = b"Bearer " + self._signer.sign(self.identity, int(now)).encode()
            self._from = now
            self._until = min(now + _REUSE_SECONDS, int(now) + LIFETIME_SECONDS - _MARGIN_SECONDS)
        return self._authorization


def service_passport(signer: "Signer") -> Passport:
    """Return who the gateway itself is, for payments."""
    nobody = frozenset[str]()
    return Passport(Identity("gateway", "service", None, livemode=False, scopes=nobody, roles=nobody), signer)


class Signer:
    """Holds the private key."""

    def __init__(self, key: Ed25519PrivateKey, clock: Clock) -> None:
        self.clock = clock
        self._key = key
        self._headers = {"kid": key_id(key.public_key())}

    def sign(self, identity: Identity, now: int) -> str:
        """Return a token issued at ``now`` (epoch seconds)."""
        return jwt.encode(identity.claims(now), self._key, algorithm=ALGORITHM, headers=self._headers)
