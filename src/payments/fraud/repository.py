"""The SQL of fraud decisions."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection


async def last_day(connection: AsyncConnection, limit: int) -> Sequence[Any]:
    """Return what the counters need of the payments of the last 24 hours, newest first."""
    query = sa.text(
        """
        SELECT merchant_id, livemode, idempotency_key, amount, currency, capture_method, card_fingerprint, card_bin,
               card ->> 'brand' AS card_brand, card_country, customer_ip, ip_country, device_id, created_at
          FROM payments.payments
         WHERE id >= payments.uuid7_floor(now() - interval '24 hours')
         ORDER BY id DESC LIMIT :limit
        """
    )
    return (await connection.execute(query, {"limit": limit})).mappings().all()
