"""Events of changes that are not payments; those of payments are written by the payments' write path."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from payments.events import repository
from shared.ids import new_uuid


async def record(
    connection: AsyncConnection,
    kind: str,
    data: Mapping[str, Any],
    *,
    merchant_id: UUID,
    livemode: bool,
    object_id: UUID,
) -> UUID:
    """Leave an event in the commit of the change, and return its id; ``data`` is the public object as it is now."""
    event_id = new_uuid()
    row = {
        "id": event_id,
        "merchant_id": merchant_id,
        "livemode": livemode,
        "type": kind,
        "object_id": object_id,
        "data": dict(data),
    }
    await repository.insert(connection, row)
    return event_id
