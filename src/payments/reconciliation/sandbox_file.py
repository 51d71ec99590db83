"""Settlement files of the sandbox acquirer, for trying reconciliation out.

It keeps books only of the cards that play a story; what ordinary cards took it reads from ours, because it approved all
of it. What it did and we have not heard of (an outcome that is unknown here) comes from its own books.
"""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from payments.reconciliation import repository
from payments.reconciliation.repository import Scope
from payments.reconciliation.settlement_file import SettlementLine
from shared.ids import new_uuid

_ACQUIRER = "sandbox"
_FEE_BASIS_POINTS = 50
_UNHEARD = sa.text("""
SELECT CASE WHEN s.kind = 'authorize' THEN 'capture' ELSE s.kind END AS type, s.key, s.reference, s.amount, s.currency
  FROM sandbox.operations s
  LEFT JOIN payments.payments p ON s.kind = 'authorize' AND replace(p.id::text, '-', '') = s.key
        AND p.capture_method = 'automatic' AND p.status IN ('processing', 'unknown')
  LEFT JOIN payments.operations o ON s.kind IN ('capture', 'refund') AND replace(o.id::text, '-', '') = s.key
        AND o.status IN ('processing', 'unknown')
 WHERE s.outcome = 'approved' AND s.created_at < :until AND coalesce(p.id, o.id) IS NOT NULL
 ORDER BY s.created_at
""")


async def settle(connection: AsyncConnection, until: datetime) -> list[SettlementLine]:
    """Return the lines of a file about everything the sandbox did before a moment and settled in no earlier file."""
    known = await repository.unsettled(connection, Scope(_ACQUIRER, livemode=False), until)
    unheard = (await connection.execute(_UNHEARD, {"until": until})).mappings().all()
    settlement_id = f"sbxst_{new_uuid().hex}"
    return [_line(settlement_id, until, number, row) for number, row in enumerate([*known, *unheard], start=1)]


def _line(settlement_id: str, until: datetime, number: int, row: Any) -> SettlementLine:  # noqa: ANN401 - a row
    fee = (row["amount"] * _FEE_BASIS_POINTS + 5_000) // 10_000 if row["type"] == "capture" else 0
    return SettlementLine(
        settlement_id=settlement_id,
        acquirer=_ACQUIRER,
        livemode=False,
        covers_until=until,
        line=number,
        type=row["type"],
        key=row["key"],
        reference=row.get("reference") or f"sbx_{row['key']}",
        amount=row["amount"],
        fee=fee,
        currency=row["currency"],
        settled_at=until,
    )
