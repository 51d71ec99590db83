"""The sandbox's own books of disputes: opened for the disputed cards, decided by the evidence, told by callbacks.

As with Stripe's test cards, evidence with the word ``winning_evidence`` wins, with ``losing_evidence`` it loses, and
any other stays under review. Whoever does not answer in time loses.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
import sqlalchemy as sa

from payments.connectors.declines import decline
from payments.connectors.port import Approved, DisputeNotice, DisputeResponse, Outcome
from payments.connectors.sandbox.callbacks import Signer, write_notice
from payments.connectors.sandbox.cards import DISPUTED
from payments.database import Database

_log = logging.getLogger(__name__)

Deliver = Callable[[Mapping[str, str], bytes], Awaitable[None]]

_OPEN = sa.text("""
INSERT INTO sandbox.disputes (reference, key, amount, currency, reason, respond_by)
VALUES (:reference, :key, :amount, :currency, :reason, clock_timestamp() + interval '7 days') ON CONFLICT DO NOTHING
""")
_DISPUTED = sa.text("""
SELECT o.key, o.amount, o.currency, o.scenario FROM sandbox.operations o
 WHERE o.scenario IN ('disputed', 'disputed_not_received') AND o.outcome = 'approved'
   AND o.kind IN ('authorize', 'capture')
   AND NOT EXISTS (SELECT 1 FROM sandbox.disputes d WHERE d.reference = 'sbxdp_' || o.key)
 ORDER BY o.created_at LIMIT 100
""")
_OVERDUE = sa.text(
    "UPDATE sandbox.disputes SET status = 'lost' WHERE status = 'needs_response' AND respond_by < clock_timestamp()"
)
_UNTOLD = sa.text("SELECT * FROM sandbox.disputes WHERE told IS DISTINCT FROM status ORDER BY created_at LIMIT 100")
_TOLD = sa.text("UPDATE sandbox.disputes SET told = :status WHERE reference = :reference")
_DECIDE = sa.text("""
UPDATE sandbox.disputes SET status = :status WHERE reference = :reference AND status = 'needs_response' RETURNING 1
""")
_FIND = sa.text("SELECT status FROM sandbox.disputes WHERE reference = :reference")


async def open_dispute(
    database: Database, key: str, amount: int, currency: str, reason: str, *, number: int = 1
) -> str:
    """Let a cardholder dispute what a request took, or a part of it; return the sandbox's name for it."""
    reference = f"sbxdp_{key}" if number == 1 else f"sbxdp_{key}_{number}"
    values = {"reference": reference, "key": key, "amount": amount, "currency": currency, "reason": reason}
    async with database.transaction() as connection:
        await connection.execute(_OPEN, values)
    return reference


class SandboxDisputes:
    """Disputes of test payments."""

    def __init__(self, database: Database, signer: Signer, deliver: Deliver | None) -> None:
        """Use the service's pool; callbacks are signed and handed to ``deliver``."""
        self._database = database
        self._signer = signer
        self._deliver = deliver

    async def respond(self, response: DisputeResponse) -> Outcome:
        """Take a response, once; a repetition hears that it was received."""
        text = msgspec.json.encode(response.evidence).decode()
        status = "under_review"
        if response.accept or "losing_evidence" in text:
            status = "lost"
        elif "winning_evidence" in text:
            status = "won"
        values = {"reference": response.dispute, "status": status}
        async with self._database.transaction() as connection:
            if (await connection.execute(_DECIDE, values)).first() is not None:
                return Approved(response.dispute)
            known = await connection.scalar(_FIND, values)
        late = known is None or (known == "lost" and not response.accept and status != "lost")
        return decline("not_processed") if late else Approved(response.dispute)

    async def tell(self) -> int:
        """Send the callbacks that are due; return how many were received. For the worker."""
        async with self._database.transaction() as connection:
            disputed = (await connection.execute(_DISPUTED)).mappings().all()
            await connection.execute(_OVERDUE)
        for row in disputed:
            await open_dispute(self._database, row["key"], row["amount"], row["currency"], DISPUTED[row["scenario"]])
        async with self._database.transaction() as connection:
            untold = (await connection.execute(_UNTOLD)).mappings().all()
        return sum([await self._tell(row) for row in untold])

    async def _tell(self, row: Any) -> bool:  # noqa: ANN401 - a row
        if self._deliver is None:
            return False
        notice = DisputeNotice(
            id=f"cb_{row['reference']}_{row['status']}",
            dispute=row["reference"],
            key=row["key"],
            status=row["status"],
            reason=row["reason"],
            amount=row["amount"],
            currency=row["currency"],
            respond_by=row["respond_by"],
        )
        try:
            await self._deliver(*write_notice(self._signer, notice))
        except Exception as error:  # noqa: BLE001 - as any acquirer, it tells again later
            _log.info("the callback %s was not received: %s", notice.id, error)
            return False
        async with self._database.transaction() as connection:
            await connection.execute(_TOLD, {"reference": row["reference"], "status": row["status"]})
        return True
