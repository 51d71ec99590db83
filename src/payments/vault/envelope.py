"""Envelope encryption: each record under a data key of its own, each data key wrapped by a keeper's key.

    record ──AES-256-GCM under a fresh data key──▶ ciphertext     bound to (merchant, payment method) as associated data
    data key ──KeyProvider──▶ wrapped key                         bound to the same pair

A ciphertext, nonce or wrapped key that was altered, or moved to another record, does not open.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.ids import show

DATA_KEY_BYTES = 32
NONCE_BYTES = 12
_DOMAIN = b"payments.vault.card.v1"


class KeysUnavailableError(Exception):
    """The keeper of the keys cannot be reached; nothing is wrong with the record."""


class SealBrokenError(Exception):
    """The record was altered, belongs elsewhere, or its key is gone."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose record it is: what every ciphertext and every wrapped key is bound to."""

    merchant_id: UUID
    payment_method_id: UUID

    def associated_data(self) -> bytes:
        """Return the pair as bytes of fixed length, so that no two pairs look alike."""
        return _DOMAIN + self.merchant_id.bytes + self.payment_method_id.bytes

    def context(self) -> dict[str, str]:
        """Return the pair for a key provider; a key management service writes it to its audit log."""
        return {"merchant": show("mer", self.merchant_id), "payment_method": show("pm", self.payment_method_id)}


@dataclass(frozen=True, slots=True)
class DataKey:
    """A fresh data key, in the clear and wrapped by the key ``key_id``."""

    key_id: str
    plaintext: bytes = field(repr=False)
    wrapped: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Sealed:
    """An encrypted record: nothing in it is secret, and all of it is needed to open it."""

    key_id: str
    wrapped_key: bytes = field(repr=False)
    nonce: bytes = field(repr=False)
    ciphertext: bytes = field(repr=False)


class KeyProvider(Protocol):
    """Keeper of the keys that wrap data keys. While keys rotate it still unwraps what older keys wrapped."""

    async def active_key_id(self) -> str:
        """Return the id of the key that wraps from now on.

        Raises:
            KeysUnavailableError: the keeper does not answer.

        """

    async def key_ids(self) -> Iterable[str]:
        """Return the names of the keys in use that get old: none where the keeper renews them by itself."""

    async def generate_data_key(self, owner: Owner) -> DataKey:
        """Return a fresh data key, wrapped by the active key and bound to the owner.

        Raises:
            KeysUnavailableError: the keeper does not answer.

        """

    async def unwrap(self, key_id: str, wrapped: bytes, owner: Owner) -> bytes:
        """Return a data key in the clear.

        Raises:
            KeysUnavailableError: the keeper does not answer.
            SealBrokenError: it is not this owner's, or the key that wrapped it is gone.

        """


class Envelope:
    """Seals and opens records. Keeps neither plaintext nor data keys, not even for a moment longer than a call."""

    def __init__(self, keys: KeyProvider) -> None:
        """Take the keeper of the keys."""
        self.keys = keys

    async def seal(self, owner: Owner, plaintext: bytes) -> Sealed:
        """Encrypt under a fresh data key; raises what the key provider raises."""
        key = await self.keys.generate_data_key(owner)
        nonce = os.urandom(NONCE_BYTES)
        ciphertext = AESGCM(key.plaintext).encrypt(nonce, plaintext, owner.associated_data())
        return Sealed(key.key_id, key.wrapped, nonce, ciphertext)

    async def open(self, owner: Owner, sealed: Sealed) -> bytes:
        """Decrypt.

        Raises:
            KeysUnavailableError: the keeper does not answer.
            SealBrokenError: the record is not what was sealed for this owner.

        """
        key = await self.keys.unwrap(sealed.key_id, sealed.wrapped_key, owner)
        try:
            return AESGCM(key).decrypt(sealed.nonce, sealed.ciphertext, owner.associated_data())
        except (InvalidTag, ValueError) as error:  # ValueError: a nonce or ciphertext of impossible length
            raise SealBrokenError("the record does not open for this owner") from error
