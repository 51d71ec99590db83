"""Keepers of the keys that wrap data keys: a local file on a laptop, AWS KMS everywhere else."""

import asyncio
import base64
import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import msgspec
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from payments.vault.envelope import (
    DATA_KEY_BYTES,
    NONCE_BYTES,
    DataKey,
    KeyProvider,
    KeysUnavailableError,
    Owner,
    SealBrokenError,
)

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

_log = logging.getLogger(__name__)

_DOMAIN = b"payments.vault.data_key.v1"
# What KMS answers when it is the ciphertext or the key that is wrong, and trying again will not help.
_BROKEN = frozenset(("InvalidCiphertextException", "IncorrectKeyException", "NotFoundException"))


class _File(msgspec.Struct):
    active: str
    keys: dict[str, str]


@dataclass(frozen=True, slots=True)
class _Ring:
    active: str
    keys: dict[str, bytes] = field(repr=False)
    modified: int


class LocalKeys:
    """Keys in a file: ``{"active": "k1", "keys": {"k1": "<base64 of 32 bytes>"}}``.

    A changed file is read again by itself, so keys rotate while the service runs. A file that cannot be read at that
    moment, for example because it is half written, changes nothing.
    """

    def __init__(self, path: Path) -> None:
        """Read the file.

        Raises:
            OSError, ValueError: there is no such file, or it is not a key file.

        """
        self._path = path
        self._ring = _read(path)

    async def active_key_id(self) -> str:
        """Return the id of the active key."""
        return self._current().active

    async def key_ids(self) -> Iterable[str]:
        """Return the name of the key that wraps."""
        return (self._current().active,)

    async def generate_data_key(self, owner: Owner) -> DataKey:
        """Return a fresh data key, wrapped by AES-256-GCM under the active key."""
        ring = self._current()
        plaintext, nonce = os.urandom(DATA_KEY_BYTES), os.urandom(NONCE_BYTES)
        wrapped = AESGCM(ring.keys[ring.active]).encrypt(nonce, plaintext, _binding(ring.active, owner))
        return DataKey(ring.active, plaintext, nonce + wrapped)

    async def unwrap(self, key_id: str, wrapped: bytes, owner: Owner) -> bytes:
        """Return a data key in the clear.

        Raises:
            SealBrokenError: it is not this owner's, or the key is not in the file.

        """
        key = self._current().keys.get(key_id)
        if key is None:
            raise SealBrokenError(f"the key {key_id} is not in {self._path.name}")
        try:
            return AESGCM(key).decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], _binding(key_id, owner))
        except (InvalidTag, ValueError) as error:
            raise SealBrokenError("the data key does not open for this owner") from error

    def _current(self) -> _Ring:
        try:
            if self._path.stat().st_mtime_ns != self._ring.modified:
                self._ring = _read(self._path)
        except (OSError, ValueError) as error:
            # Only the kind of error: its text may quote the file.
            _log.warning("the vault's key file cannot be read (%s); its keys stay as they were", type(error).__name__)
        return self._ring


class KmsKeys:
    """Keys in AWS KMS, which returns data keys but never lets go of its own; calls run in threads."""

    def __init__(self, client: "KMSClient", key_id: str) -> None:
        """Take a client and the id, ARN or alias of the active key; an alias may move to a new key at any time."""
        self._client = client
        self._key_id = key_id

    async def active_key_id(self) -> str:
        """Return the ARN of the active key."""
        try:
            answer = await asyncio.to_thread(self._client.describe_key, KeyId=self._key_id)
        except (BotoCoreError, ClientError) as error:
            raise KeysUnavailableError("KMS did not describe the key") from error
        return answer["KeyMetadata"]["Arn"]

    async def key_ids(self) -> Iterable[str]:
        """Return none: the key is renewed every year by KMS itself (cdk/stacks/security.py turns that on)."""
        return ()

    async def generate_data_key(self, owner: Owner) -> DataKey:
        """Return a fresh data key with the ARN of the key that wrapped it."""
        try:
            answer = await asyncio.to_thread(
                self._client.generate_data_key,
                KeyId=self._key_id,
                KeySpec="AES_256",
                EncryptionContext=owner.context(),
            )
        except (BotoCoreError, ClientError) as error:
            raise KeysUnavailableError("KMS gave no data key") from error
        return DataKey(answer["KeyId"], answer["Plaintext"], answer["CiphertextBlob"])

    async def unwrap(self, key_id: str, wrapped: bytes, owner: Owner) -> bytes:
        """Return a data key in the clear; only the named key may be the one that wrapped it."""
        try:
            answer = await asyncio.to_thread(
                self._client.decrypt, KeyId=key_id, CiphertextBlob=wrapped, EncryptionContext=owner.context()
            )
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in _BROKEN:
                raise SealBrokenError("KMS refuses this data key for this owner") from error
            raise KeysUnavailableError("KMS did not unwrap the data key") from error
        except BotoCoreError as error:
            raise KeysUnavailableError("KMS did not unwrap the data key") from error
        return answer["Plaintext"]


def key_provider(key_file: Path | None, kms_key_id: str | None) -> KeyProvider:
    """Return the keeper that the settings name: exactly one of the two.

    Raises:
        OSError, ValueError: none or both are named, or the file is not a key file.

    """
    if key_file is not None and kms_key_id is None:
        return LocalKeys(key_file)
    if key_file is None and kms_key_id is not None:
        client: KMSClient = boto3.client(
            "kms",
            config=Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 3}),
        )
        return KmsKeys(client, kms_key_id)
    raise ValueError("the vault needs either PAYMENTS_VAULT_KEY_FILE or PAYMENTS_VAULT_KMS_KEY_ID")


def _binding(key_id: str, owner: Owner) -> bytes:
    return b"\x00".join((_DOMAIN, key_id.encode(), owner.associated_data()))


def _read(path: Path) -> _Ring:
    modified = path.stat().st_mtime_ns
    file = msgspec.json.decode(path.read_bytes(), type=_File)
    keys = {key_id: base64.b64decode(text, validate=True) for key_id, text in file.keys.items()}
    if file.active not in keys or any(len(key) != DATA_KEY_BYTES for key in keys.values()):
        raise ValueError(f"a key file needs its active key, and every key {DATA_KEY_BYTES} bytes long")
    return _Ring(file.active, keys, modified)
