"""Accounts by what they are for, balances, and the trial balance."""

from collections.abc import Mapping, Sequence
from typing import Any, get_args
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from payments.database import Database
from payments.http.models import rfc3339
from payments.ledger import repository
from payments.ledger.entries import PLATFORM_KINDS, AccountKind, Entry
from shared.ids import new_uuid, show

# Owner of the platform's own accounts.
PLATFORM = UUID(int=0)

# Bounds the memory of one process: about 300 bytes an account, 14 accounts a chart.
_MAX_CHARTS = 50_000

Chart = Mapping[AccountKind, int]


class Ledger:
    """The read side of the ledger, and the chart of accounts that the write path posts to."""

    def __init__(self, database: Database) -> None:
        """Keep charts in memory; accounts are never removed, so they never grow stale."""
        self._database = database
        self._charts: dict[tuple[UUID, bool, str], Chart] = {}

    async def chart(self, merchant_id: UUID, currency: str, *, livemode: bool) -> Chart:
        """Return the account ids a merchant's payments in one currency post to, opening them on first use."""
        known = self._charts.get((merchant_id, livemode, currency))
        if known is not None:
            return known
        async with self._database.transaction() as connection:
            chart = await _open(connection, merchant_id, currency, livemode=livemode)
        if len(self._charts) >= _MAX_CHARTS:
            self._charts.clear()
        self._charts[merchant_id, livemode, currency] = chart
        return chart

    async def post(
        self,
        connection: AsyncConnection,
        entry: Entry,
        *,
        merchant_id: UUID,
        livemode: bool,
        operation: str | None = None,
        payment_id: UUID | None = None,
        transaction_id: UUID | None = None,
    ) -> UUID:
        """Write one balanced transaction in the caller's own, and return its id.

        For everything but payments, whose write path posts whole batches. ``operation`` is the shown id of what moved
        the money.
        """
        known = self._charts.get((merchant_id, livemode, entry.currency))
        # Accounts that this very transaction opens are not remembered: it may still be undone.
        chart = known or await _open(connection, merchant_id, entry.currency, livemode=livemode)
        identity = transaction_id or new_uuid()
        await repository.insert_transaction(
            connection,
            {
                "id": identity,
                "merchant_id": merchant_id,
                "livemode": livemode,
                "kind": entry.kind,
                "payment_id": payment_id,
                "operation": operation,
            },
            [
                {
                    "transaction_id": identity,
                    "line": number,
                    "account_id": chart[line.account],
                    "currency": entry.currency,
                    "amount": line.amount,
                }
                for number, line in enumerate(entry.lines)
            ],
        )
        return identity

    async def balances(self, merchant_id: UUID, *, livemode: bool) -> dict[str, Any]:
        """Return what the platform owes a merchant, per currency."""
        shown = {"merchant_pending": "pending", "merchant_available": "available", "authorization_holds": "authorized"}
        async with self._database.snapshot() as connection:
            rows = await repository.merchant_balances(connection, merchant_id, list(shown), livemode=livemode)
        found: dict[str, dict[str, Any]] = {}
        for row in rows:
            balance = found.setdefault(row["currency"], {"currency": row["currency"]})
            # Holds are a debit; what we owe the merchant is a credit and shown as a positive number.
            sign = 1 if row["kind"] == "authorization_holds" else -1
            balance[shown[row["kind"]]] = sign * int(row["balance"])
        return {"livemode": livemode, "data": list(found.values())}

    async def trial_balance(self, *, livemode: bool) -> dict[str, Any]:
        """Return every kind of account per currency, and whether debits equal credits in each."""
        async with self._database.snapshot() as connection:
            rows = await repository.trial_balance(connection, livemode=livemode)
        difference: dict[str, int] = {}
        for row in rows:
            difference[row["currency"]] = difference.get(row["currency"], 0) + int(row["debits"] - row["credits"])
        return {
            "livemode": livemode,
            "balanced": not any(difference.values()),
            "data": [
                {
                    "currency": row["currency"],
                    "account": row["kind"],
                    "debits": int(row["debits"]),
                    "credits": int(row["credits"]),
                }
                for row in rows
            ],
        }

    async def transactions(
        self,
        merchant_id: UUID | None,
        *,
        livemode: bool | None,
        limit: int,
        starting_after: UUID | None,
        ending_before: UUID | None,
        payment_id: UUID | None,
    ) -> Sequence[dict[str, Any]]:
        """Return up to ``limit + 1`` transactions, newest first; none is any merchant or mode."""
        async with self._database.snapshot() as connection:
            rows = await repository.list_transactions(
                connection,
                merchant_id,
                livemode=livemode,
                limit=limit + 1,
                starting_after=starting_after,
                ending_before=ending_before,
                payment_id=payment_id,
            )
        return [
            {
                "id": show("txn", row["id"]),
                "livemode": row["livemode"],
                "kind": row["kind"],
                "payment": show("pay", row["payment_id"]) if row["payment_id"] else None,
                "operation": row["operation"],
                "postings": row["postings"] or [],
                "created_at": rfc3339(row["created_at"]),
            }
            for row in rows
        ]

    async def roll_up(self) -> int:
        """Fold new postings into the balances; return how many accounts changed."""
        async with self._database.transaction() as connection:
            return await repository.roll_up(connection)


async def _open(connection: AsyncConnection, merchant_id: UUID, currency: str, *, livemode: bool) -> Chart:
    # The platform by itself has its own accounts only: one kind has one owner in every chart.
    owners = {kind: PLATFORM if kind in PLATFORM_KINDS else merchant_id for kind in get_args(AccountKind)}
    if merchant_id == PLATFORM:
        owners = dict.fromkeys(PLATFORM_KINDS, PLATFORM)
    chart = await _find(connection, owners, currency, livemode=livemode)
    if chart.keys() != owners.keys():
        wanted = [
            {"merchant_id": owner, "livemode": livemode, "kind": kind, "currency": currency}
            for kind, owner in owners.items()
        ]
        await repository.open_accounts(connection, wanted)
        chart = await _find(connection, owners, currency, livemode=livemode)
    return chart


async def _find(
    connection: AsyncConnection, owners: Mapping[AccountKind, UUID], currency: str, *, livemode: bool
) -> Chart:
    rows = await repository.account_ids(connection, [*set(owners.values())], currency, livemode=livemode)
    return {row["kind"]: row["id"] for row in rows if owners.get(row["kind"]) == row["merchant_id"]}
