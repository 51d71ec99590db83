"""Keyed hashes, and small secrets at rest: one secret per key id, one derived key per purpose.

So no hash can stand in for another, and nothing sealed for one purpose opens for another.
"""

import base64
import hmac
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_KEY_BYTES = 32
_NONCE_BYTES = 12


class _File(msgspec.Struct):
    active: str
    keys: dict[str, str]


@dataclass(frozen=True)
class Keyring:
    """Secrets by key id; the active one signs, all of them verify while keys rotate."""

    active: str
    secrets: dict[str, bytes] = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse a ring that could not sign."""
        if self.active not in self.secrets or any(len(secret) != _KEY_BYTES for secret in self.secrets.values()):
            msg = f"a key ring needs its active key, and every key {_KEY_BYTES} bytes long"
            raise ValueError(msg)

    @classmethod
    def load(cls, path: Path) -> "Keyring":
        """Read ``{"active": "k1", "keys": {"k1": "<base64 of 32 bytes>"}}``."""
        file = msgspec.json.decode(path.read_bytes(), type=_File)
        return cls(file.active, {key_id: base64.b64decode(text) for key_id, text in file.keys.items()})

    async def key_ids(self) -> Iterable[str]:
        """Return the name of the key that signs."""
        return (self.active,)

    def sign(self, purpose: str, data: bytes) -> tuple[str, bytes]:
        """Return the active key's id and its HMAC-SHA256 of the data for one purpose."""
        return self.active, _digest(self.secrets[self.active], purpose, data)

    def candidates(self, purpose: str, data: bytes) -> list[tuple[str, bytes]]:
        """Return one (key id, hash) per key, for look-ups of what an older key signed."""
        return [(key_id, _digest(secret, purpose, data)) for key_id, secret in self.secrets.items()]

    def seal(self, purpose: str, data: bytes, owner: bytes) -> tuple[str, bytes]:
        """Return the active key's id and the data under AES-256-GCM, bound to what it belongs to."""
        nonce = os.urandom(_NONCE_BYTES)
        return self.active, nonce + AESGCM(_derived(self.secrets[self.active], purpose)).encrypt(nonce, data, owner)

    def open(self, key_id: str, purpose: str, sealed: bytes, owner: bytes) -> bytes:
        """Return what was sealed.

        Raises:
            KeyError: the key is not in the ring any more.
            InvalidTag: it was altered, or belongs elsewhere.

        """
        nonce, ciphertext = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        return AESGCM(_derived(self.secrets[key_id], purpose)).decrypt(nonce, ciphertext, owner)


def _digest(secret: bytes, purpose: str, data: bytes) -> bytes:
    return hmac.digest(_derived(secret, purpose), data, sha256)


@cache
def _derived(secret: bytes, purpose: str) -> bytes:
    return HKDF(hashes.SHA256(), _KEY_BYTES, salt=None, info=purpose.encode()).derive(secret)
