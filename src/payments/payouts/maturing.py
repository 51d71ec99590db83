"""Captured money becomes available after its merchant's delay: in batches, and no payment ever waits for it."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from payments.database import Database
from payments.events.service import record
from payments.http.models import rfc3339
from payments.ledger import entries
from payments.ledger.service import Ledger
from payments.payouts import repository
from payments.payouts.repository import Account
from shared.ids import new_uuid, show

_PAUSES = (0.0, 0.01, 0.05, 0.1, 0.2, 0.5, 1.0)
# Items that one transaction makes available.
_BATCH = 10_000


class Maturing:
    """Tasks that may run anywhere, any number of times."""

    def __init__(self, database: Database, ledger: Ledger, clock: Callable[[], datetime]) -> None:
        """Take the collaborators; the clock tells what is due."""
        self._database = database
        self._ledger = ledger
        self._clock = clock

    async def collect(self) -> int:
        """Turn new postings on pending balances into items that wait; return how many."""
        collected, more = 0, True
        while more:
            async with self._database.transaction() as connection:
                found, more = await repository.collect(connection)
            collected += found
        return collected

    async def catch_up(self) -> None:
        """Collect everything that has committed by now, so that whoever asks for a payout finds what they just did.

        Transactions still running hold the watermark back for the moments they take; one that takes seconds is not
        waited for.
        """
        async with self._database.snapshot() as connection:
            target = await repository.next_xact(connection)
        for pause in _PAUSES:
            await asyncio.sleep(pause)
            await self.collect()
            async with self._database.snapshot() as connection:
                if await repository.collected_until(connection) >= target:
                    return

    async def run(self) -> int:
        """Make everything available that is due; return how many items were."""
        await self.collect()
        async with self._database.snapshot() as connection:
            accounts = await repository.due(connection, self._clock())
        matured = 0
        for account in accounts:
            found = _BATCH
            while found == _BATCH:
                async with self._database.transaction() as connection:
                    await repository.lock(connection, account)
                    found = await self._mature(connection, account)
                matured += found
        return matured

    async def mature_all(self, connection: AsyncConnection, account: Account) -> None:
        """Make everything available that is due on an account, in the caller's transaction, which has locked it."""
        while await self._mature(connection, account) == _BATCH:
            pass

    async def _mature(self, connection: AsyncConnection, account: Account) -> int:
        row = await repository.mature(connection, account, new_uuid(), self._clock(), _BATCH)
        if row is None:
            return 0
        owner: dict[str, Any] = {"merchant_id": account.merchant_id, "livemode": account.livemode}
        if row["amount"]:
            entry = entries.mature(row["amount"], account.currency)
            await self._ledger.post(connection, entry, transaction_id=row["id"], **owner)
        await record(connection, "balance.available", _shown(row), object_id=row["id"], **owner)
        return int(row["items"])


def _shown(row: sa.RowMapping) -> dict[str, Any]:
    return {
        "id": show("mat", row["id"]),
        "object": "maturity",
        "livemode": row["livemode"],
        "amount": row["amount"],
        "currency": row["currency"],
        "items": row["items"],
        "created_at": rfc3339(row["created_at"]),
    }
