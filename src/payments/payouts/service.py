"""Payouts: everything that is available in one currency leaves at once, so its items add up to it exactly."""

import logging
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from payments.access import merchant_of
from payments.controls.service import Controls
from payments.database import Database
from payments.events.service import record
from payments.http.lists import Cursor
from payments.http.models import rfc3339
from payments.idempotency.service import Idempotency, Reply
from payments.ledger import entries
from payments.ledger.service import Ledger
from payments.merchants.service import MerchantProfile, Merchants
from payments.money import display
from payments.payouts import payout_repository as payouts
from payments.payouts import repository
from payments.payouts.maturing import Maturing
from payments.payouts.payout_repository import Filters
from payments.payouts.rail import Instruction, InTransit, Outcome, Paid, Rail, Rails
from payments.payouts.repository import Account
from payments.payouts.schemas import PayoutCreate
from payments.payouts.states import may_become
from shared.identity import Identity
from shared.ids import new_uuid, show
from shared.problems import Problem, not_found

_log = logging.getLogger(__name__)

_SENT_AT_ONCE = 50
_CREATE_PATH = "POST /v1/payouts"


class Payouts:
    """Makes payouts, sends them, and returns the money of those that fail."""

    def __init__(
        self,
        *,
        database: Database,
        ledger: Ledger,
        merchants: Merchants,
        idempotency: Idempotency,
        maturing: Maturing,
        rails: Rails,
        controls: Controls,
        clock: Callable[[], datetime],
    ) -> None:
        """Take the collaborators; the clock tells which day it is."""
        self._database = database
        self._ledger = ledger
        self._merchants = merchants
        self._idempotency = idempotency
        self._maturing = maturing
        self._rails = rails
        self._controls = controls
        self._clock = clock

    async def create(self, caller: Identity, body: PayoutCreate, key: str) -> Reply:
        """Pay out what is available now.

        Raises:
            Problem: 422 when nothing is available, or no rail serves the mode; 403 while payouts are paused.

        """
        merchant = await self._merchants.profile(merchant_of(caller))
        if await self._is_paused(merchant.id, livemode=caller.livemode):
            raise Problem(403, "paused", "Payouts are paused by the platform; try again later.", retryable=True)
        account = Account(merchant.id, caller.livemode, body.currency or merchant.settlement_currency)
        await self._maturing.catch_up()

        async def create(connection: AsyncConnection, payout_id: UUID) -> UUID:
            rail = self._rails.of(livemode=account.livemode)
            day = self._clock().astimezone(ZoneInfo(merchant.time_zone)).date()
            await repository.lock(connection, account)
            event = await self._pay_out(connection, payout_id, account, merchant, rail, "on_demand", day)
            if event is None:
                owed = -await repository.unpaid(connection, account)
                what = f"you owe {display(owed, account.currency)}" if owed else f"no {account.currency} is available"
                raise Problem(422, "nothing_to_pay_out", f"Nothing can be paid out: {what}. See GET /v1/balances.")
            return event

        content = body.model_dump_json(exclude_defaults=True).encode()
        return await self._idempotency.once(caller, key, _CREATE_PATH, content, create)

    async def pay_daily(self) -> int:
        """Make the payouts of the day for merchants who are paid daily; return how many. For the worker."""
        async with self._database.snapshot() as connection:
            found = await payouts.due_today(connection, self._clock())
        made = 0
        for account, day in found:
            rail = self._rails.find(livemode=account.livemode)
            if rail is None or await self._is_paused(account.merchant_id, livemode=account.livemode):
                continue
            merchant = await self._merchants.profile(account.merchant_id)
            async with self._database.transaction() as connection:
                await repository.lock(connection, account)
                if not await payouts.has_daily(connection, account, day):
                    event = await self._pay_out(connection, new_uuid(), account, merchant, rail, "daily", day)
                    made += event is not None
        return made

    async def send(self) -> int:
        """Send pending payouts, or ask what became of them; return how many ended. For the worker."""
        ended = 0
        while True:
            async with self._database.transaction() as connection:
                claimed = await payouts.claim_pending(connection, _SENT_AT_ONCE)
            for row in claimed:
                try:
                    ended += await self._send(row)
                except Exception:  # noqa: BLE001 - one payout's trouble must not keep the others waiting
                    _log.exception("payout %s stays pending", row["id"])
            if len(claimed) < _SENT_AT_ONCE:
                return ended

    async def get(self, caller: Identity, payout_id: UUID) -> dict[str, Any]:
        """Return one of the caller's payouts; raises 404 if it has none with this id."""
        async with self._database.snapshot() as connection:
            return shown(await self._existing(connection, caller, payout_id))

    async def list(self, caller: Identity, place: Cursor, filters: Filters) -> Sequence[dict[str, Any]]:
        """Return up to ``limit + 1`` payouts, newest first."""
        async with self._database.snapshot() as connection:
            rows = await payouts.page(connection, merchant_of(caller), place, filters, livemode=caller.livemode)
        return [shown(row) for row in rows]

    async def items(self, caller: Identity, payout_id: UUID, place: Cursor) -> Sequence[dict[str, Any]]:
        """Return up to ``limit + 1`` items of a payout, newest first; raises 404 for another's."""
        async with self._database.snapshot() as connection:
            await self._existing(connection, caller, payout_id)
            rows = await repository.items_of(connection, payout_id, place)
        return [_item(row) for row in rows]

    async def all_items(self, payout_id: UUID) -> AsyncIterator[dict[str, Any]]:
        """Yield every item of a payout, newest first; what a payout has taken never changes."""
        place = Cursor(1_000, None, None)
        while True:
            async with self._database.snapshot() as connection:
                rows = await repository.items_of(connection, payout_id, place)
            for row in rows[: place.limit]:
                yield _item(row)
            if len(rows) <= place.limit:
                return
            place = place._replace(starting_after=rows[place.limit - 1]["transaction_id"])

    async def _pay_out(
        self,
        connection: AsyncConnection,
        payout_id: UUID,
        account: Account,
        merchant: MerchantProfile,
        rail: Rail,
        method: str,
        day: date,
    ) -> UUID | None:
        """Put all that is available into a payout, if that is more than nothing; return its event."""
        await self._maturing.mature_all(connection, account)
        amount = await repository.unpaid(connection, account)
        if amount <= 0:
            return None
        await repository.take_unpaid(connection, account, payout_id)
        entry = entries.payout(amount, account.currency)
        await self._post(connection, entry, account, payout_id)
        values = account._asdict() | {
            "id": payout_id,
            "amount": amount,
            "method": method,
            "day": day,
            "destination": merchant.payout_destination,
            "rail": rail.name,
        }
        return await _tell(connection, "payout.created", await payouts.insert(connection, values))

    async def _send(self, row: sa.RowMapping) -> bool:
        rail = self._rails.find(livemode=row["livemode"])
        if rail is None or rail.name != row["rail"]:
            _log.error("payout %s belongs to the rail %s, which is not connected", row["id"], row["rail"])
            return False
        if await self._is_paused(row["merchant_id"], livemode=row["livemode"]):
            return False  # it waits, and is claimed again
        outcome = await rail.send(
            Instruction(
                key=row["id"].hex,
                merchant=show("mer", row["merchant_id"]),
                amount=row["amount"],
                currency=row["currency"],
                destination=row["destination"],
                created_at=row["created_at"],
            )
        )
        return not isinstance(outcome, InTransit) and await self._conclude(row["id"], outcome)

    async def _conclude(self, payout_id: UUID, outcome: Outcome) -> bool:
        """Write how a payout ended, once, whoever hears it first."""
        async with self._database.transaction() as connection:
            row = await payouts.lock(connection, payout_id)
            status = "paid" if isinstance(outcome, Paid) else "failed"
            if not may_become(row["status"], status):
                return False
            account = Account(row["merchant_id"], row["livemode"], row["currency"])
            if isinstance(outcome, Paid):
                await self._post(connection, entries.payout_paid(row["amount"], row["currency"]), account, payout_id)
                row = await payouts.end(connection, payout_id, status, outcome.reference, None)
            else:
                await self._return(connection, account, row)
                failure = getattr(outcome, "code", None)
                row = await payouts.end(connection, payout_id, status, None, failure)
            await _tell(connection, f"payout.{status}", row)
        return True

    async def _return(self, connection: AsyncConnection, account: Account, row: sa.RowMapping) -> None:
        """Make the money of a failed payout available again, as an item of the next one."""
        entry = entries.payout_failed(row["amount"], row["currency"])
        transaction_id = await self._post(connection, entry, account, row["id"])
        now = sa.func.now()
        item = account._asdict() | {
            "transaction_id": transaction_id,
            "kind": "payout_failure",
            "operation": show("po", row["id"]),
            "amount": row["amount"],
            "booked_at": now,
            "available_at": now,
        }
        await repository.insert_matured(connection, item, new_uuid())

    async def _post(self, connection: AsyncConnection, entry: entries.Entry, account: Account, payout_id: UUID) -> UUID:
        return await self._ledger.post(
            connection,
            entry,
            merchant_id=account.merchant_id,
            livemode=account.livemode,
            operation=show("po", payout_id),
        )

    async def _is_paused(self, merchant_id: UUID, *, livemode: bool) -> bool:
        return (await self._controls.pauses()).holds(merchant_id, None, livemode=livemode) is not None

    async def _existing(self, connection: AsyncConnection, caller: Identity, payout_id: UUID) -> sa.RowMapping:
        row = await payouts.find(connection, merchant_of(caller), payout_id, livemode=caller.livemode)
        if row is None:
            raise not_found("payout")
        return row


async def _tell(connection: AsyncConnection, kind: str, row: sa.RowMapping) -> UUID:
    return await record(
        connection,
        kind,
        shown(row),
        merchant_id=row["merchant_id"],
        livemode=row["livemode"],
        object_id=row["id"],
    )


def shown(row: sa.RowMapping) -> dict[str, Any]:
    """Return the public form of a payout."""
    return {
        "id": show("po", row["id"]),
        "object": "payout",
        "livemode": row["livemode"],
        "status": row["status"],
        "amount": row["amount"],
        "currency": row["currency"],
        "method": row["method"],
        "date": row["day"].isoformat(),
        "destination": row["destination"],
        "rail": row["rail"],
        "rail_reference": row["rail_reference"],
        "failure_code": row["failure_code"],
        "created_at": rfc3339(row["created_at"]),
        "updated_at": rfc3339(row["updated_at"]),
    }


def _item(row: sa.RowMapping) -> dict[str, Any]:
    return {
        "id": show("txn", row["transaction_id"]),
        "object": "payout_item",
        "livemode": row["livemode"],
        "kind": row["kind"],
        "payment": show("pay", row["payment_id"]) if row["payment_id"] else None,
        "operation": row["operation"],
        "amount": row["amount"],
        "currency": row["currency"],
        "booked_at": rfc3339(row["booked_at"]),
        "available_at": rfc3339(row["available_at"]),
    }
