"""How disputes are shown, and told."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from payments.disputes.states import Status
from payments.events.service import record
from payments.http.models import rfc3339
from shared.ids import show

_AS_THEY_ARE = (
    "livemode",
    "status",
    "reason",
    "amount",
    "amount_withheld",
    "currency",
    "fee",
    "fee_currency",
    "evidence",
    "timeline",
)


def shown(row: sa.RowMapping) -> dict[str, Any]:
    """Return the public form of a dispute."""
    return {
        "id": show("dsp", row["id"]),
        "object": "dispute",
        "payment": show("pay", row["payment_id"]),
        **{name: row[name] for name in _AS_THEY_ARE},
        "respond_by": rfc3339(row["respond_by"]) if row["respond_by"] else None,
        "created_at": rfc3339(row["created_at"]),
        "updated_at": rfc3339(row["updated_at"]),
    }


def step(source: Status | None, target: Status, cause: str, at: datetime) -> dict[str, Any]:
    """Return one entry of a timeline."""
    return {"at": rfc3339(at), "from": source, "to": target, "cause": cause}


async def tell(connection: AsyncConnection, kind: str, row: sa.RowMapping) -> UUID:
    """Leave an event in the commit of a change."""
    return await record(
        connection,
        f"dispute.{kind}",
        shown(row),
        merchant_id=row["merchant_id"],
        livemode=row["livemode"],
        object_id=row["id"],
    )
