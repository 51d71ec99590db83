"""Adjustments, with four eyes: enforced here and, whatever happens here, by the table."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from payments.adjustments import repository
from payments.adjustments.schemas import Adjustment, AdjustmentCreate, MerchantAdjustment, Status
from payments.database import Database
from payments.events.service import record
from payments.http.lists import Cursor
from payments.ledger.entries import AccountKind, Entry, Line
from payments.ledger.service import PLATFORM, Ledger
from payments.merchants.service import Merchants
from shared.identity import Identity
from shared.ids import new_uuid, show, uuid_of
from shared.problems import Problem, not_found


class Adjustments:
    """Proposes, approves and rejects."""

    def __init__(self, database: Database, ledger: Ledger, merchants: Merchants) -> None:
        """Take the collaborators."""
        self._database = database
        self._ledger = ledger
        self._merchants = merchants

    async def propose(self, person: Identity, body: AdjustmentCreate) -> Adjustment:
        """Store a proposal; nothing moves. Raises 404 if there is no such merchant."""
        merchant_id = PLATFORM
        if body.merchant is not None:
            merchant_id = uuid_of("mer", body.merchant)
            await self._merchants.profile(merchant_id)
        values = body.model_dump(exclude={"merchant"}) | {
            "id": new_uuid(),
            "merchant_id": merchant_id,
            "proposed_by": person.subject,
        }
        async with self._database.transaction() as connection:
            return _shown(await repository.insert(connection, values))

    async def approve(self, person: Identity, adjustment_id: UUID) -> Adjustment:
        """Post a proposal of somebody else.

        Raises:
            Problem: 404 for no such proposal, 403 for one's own, 409 when it is decided already.

        """
        async with self._database.transaction() as connection:
            row = await _undecided(connection, adjustment_id)
            if row["proposed_by"] == person.subject:
                raise Problem(403, "four_eyes", "You proposed this adjustment, so somebody else has to approve it.")
            transaction_id = await self._ledger.post(
                connection,
                _entry(row),
                merchant_id=row["merchant_id"],
                livemode=row["livemode"],
                operation=show("adj", adjustment_id),
            )
            values = {"status": "posted", "decided_by": person.subject, "transaction_id": transaction_id}
            row = await repository.decide(connection, adjustment_id, values)
            if row["merchant_id"] != PLATFORM:
                await _tell(connection, row)
        return _shown(row)

    async def reject(self, person: Identity, adjustment_id: UUID) -> Adjustment:
        """End a proposal without an effect, also one's own.

        Raises:
            Problem: 404 for no such proposal, 409 when it is decided already.

        """
        async with self._database.transaction() as connection:
            await _undecided(connection, adjustment_id)
            values = {"status": "rejected", "decided_by": person.subject}
            return _shown(await repository.decide(connection, adjustment_id, values))

    async def get(self, adjustment_id: UUID) -> Adjustment:
        """Return an adjustment; raises 404 when there is none."""
        async with self._database.snapshot() as connection:
            row = await repository.find(connection, adjustment_id)
        if row is None:
            raise not_found("adjustment")
        return _shown(row)

    async def list(self, place: Cursor, status: Status | None) -> Sequence[Adjustment]:
        """Return up to ``limit + 1`` adjustments, newest first."""
        async with self._database.snapshot() as connection:
            return [_shown(row) for row in await repository.page(connection, place, status)]


async def _undecided(connection: AsyncConnection, adjustment_id: UUID) -> sa.RowMapping:
    row = await repository.find(connection, adjustment_id, lock=True)
    if row is None:
        raise not_found("adjustment")
    if row["status"] != "proposed":
        raise Problem(409, "adjustment_state", f"This adjustment is {row['status']} already.")
    return row


def _entry(row: sa.RowMapping) -> Entry:
    lines = (Line(_account(row["debit"]), row["amount"]), Line(_account(row["credit"]), -row["amount"]))
    return Entry("adjustment", row["currency"], lines)


def _account(side: AccountKind | str) -> AccountKind:
    # Like everything else a merchant is owed it passes through pending, and is available at once.
    accounts: dict[str, AccountKind] = {
        "merchant": "merchant_pending",
        "suspense": "suspense",
        "platform_fees": "platform_fees",
        "acquirer_fees": "acquirer_fees",
        "platform_bank": "platform_bank",
    }
    return accounts[side]


async def _tell(connection: AsyncConnection, row: sa.RowMapping) -> None:
    shown = MerchantAdjustment(
        id=show("adj", row["id"]),
        livemode=row["livemode"],
        amount=row["amount"] if row["credit"] == "merchant" else -row["amount"],
        currency=row["currency"],
        reason=row["reason"],
    )
    await record(
        connection,
        "adjustment.posted",
        shown.model_dump(mode="json"),
        merchant_id=row["merchant_id"],
        livemode=row["livemode"],
        object_id=row["id"],
    )


def _shown(row: sa.RowMapping) -> Adjustment:
    names = set(Adjustment.model_fields) - {"id", "object", "merchant", "transaction"}
    return Adjustment(
        id=show("adj", row["id"]),
        merchant=show("mer", row["merchant_id"]) if row["merchant_id"] != PLATFORM else None,
        transaction=show("txn", row["transaction_id"]) if row["transaction_id"] else None,
        **{name: row[name] for name in names},
    )
