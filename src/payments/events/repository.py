"""The SQL of events outside the payments' write path."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from payments.events.models import events


async def insert(connection: AsyncConnection, row: dict[str, Any]) -> None:
    """Store one event."""
    await connection.execute(sa.insert(events).values(row))
