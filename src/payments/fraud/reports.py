"""Payments that turned out to be fraud: what merchants, disputes and reviewers say."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from payments.fraud import desk_repository, rule_repository
from payments.fraud.schemas import ReportSource
from shared.ids import new_uuid, uuid_of


async def confirm(
    connection: AsyncConnection,
    payment: Mapping[str, Any] | sa.RowMapping,
    source: ReportSource,
    reason: str,
    author: str,
    comment: str | None = None,
) -> sa.RowMapping:
    """Record that a payment was fraud, in the caller's transaction; its rules are proved right once."""
    values = {name: payment[name] for name in ("merchant_id", "livemode")} | {
        "id": new_uuid(),
        "payment_id": payment["id"],
        "source": source,
        "reason": reason,
        "comment": comment,
        "created_by": author,
    }
    row = await desk_repository.insert_report(connection, values)
    if row is None:
        return await desk_repository.find_report(connection, payment["id"], source)
    if await desk_repository.count_reports(connection, payment["id"]) == 1:
        receipt = payment["receipt"] or {}
        fired = [*receipt.get("rules", ()), *receipt.get("shadow", ())]
        await rule_repository.confirm(
            connection, [uuid_of("rule", rule["id"]) for rule in fired], livemode=payment["livemode"]
        )
    return row
