"""The SQL of idempotency keys outside the payments' write path."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

_CLAIM = sa.text("""
INSERT INTO payments.idempotency_keys (merchant_id, livemode, key, path, fingerprint, resource_id)
VALUES (:merchant_id, :livemode, :key, :path, :fingerprint, :resource_id) ON CONFLICT DO NOTHING RETURNING 1
""")
_ANSWER = sa.text("""
UPDATE payments.idempotency_keys SET event_id = :event_id, status_code = :status_code
 WHERE merchant_id = :merchant_id AND livemode = :livemode AND key = :key AND path = :path
""")
_FIND = sa.text("""
SELECT k.fingerprint, k.status_code, e.data::text AS body
  FROM payments.idempotency_keys k LEFT JOIN payments.events e ON e.id = k.event_id
 WHERE k.merchant_id = :merchant_id AND k.livemode = :livemode AND k.key = :key AND k.path = :path
""")


async def claim(connection: AsyncConnection, values: dict[str, Any]) -> bool:
    """Insert a key; false when it is there already. Waits for a transaction that is about to claim it."""
    return (await connection.execute(_CLAIM, values)).first() is not None


async def answer(connection: AsyncConnection, values: dict[str, Any], event_id: UUID, status_code: int) -> None:
    """Store the reply: the data of an event of the same commit."""
    await connection.execute(_ANSWER, values | {"event_id": event_id, "status_code": status_code})


async def find(connection: AsyncConnection, values: dict[str, Any]) -> sa.RowMapping:
    """Return a claimed key with its reply."""
    row: sa.RowMapping = (await connection.execute(_FIND, values)).mappings().one()
    return row
