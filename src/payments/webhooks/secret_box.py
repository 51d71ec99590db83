"""Secrets of endpoints at rest: sealed by the key ring, each bound to its endpoint."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from payments.keyring import Keyring
from payments.webhooks import repository
from payments.webhooks.signing import new_secret
from shared.ids import new_uuid

_PURPOSE = "webhook secret"


class SecretBox:
    """Makes secrets, and opens them to sign."""

    def __init__(self, keyring: Keyring) -> None:
        """Take the ring that seals."""
        self._keyring = keyring

    async def add(self, connection: AsyncConnection, endpoint_id: UUID) -> str:
        """Store a fresh secret of an endpoint and return it."""
        secret = new_secret()
        key_id, sealed = self._keyring.seal(_PURPOSE, secret.encode(), endpoint_id.bytes)
        values = {"id": new_uuid(), "endpoint_id": endpoint_id, "key_id": key_id, "sealed": sealed}
        await repository.insert_secret(connection, values)
        return secret

    async def open(self, connection: AsyncConnection, endpoint_ids: Collection[UUID]) -> dict[UUID, list[str]]:
        """Return the secrets that sign now, newest first."""
        found: dict[UUID, list[str]] = {endpoint_id: [] for endpoint_id in endpoint_ids}
        for row in await repository.signing_secrets(connection, endpoint_ids):
            secret = self._keyring.open(row["key_id"], _PURPOSE, row["sealed"], row["endpoint_id"].bytes)
            found[row["endpoint_id"]].append(secret.decode())
        return found
