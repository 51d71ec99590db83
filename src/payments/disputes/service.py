"""What merchants do about disputes, and what acquirers say of them."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from payments.access import merchant_of
from payments.connectors.port import Approved, Connector, Declined, DisputeNotice, DisputeResponse, Outcome
from payments.connectors.registry import Registry
from payments.database import Database
from payments.disputes import repository
from payments.disputes.records import shown, step, tell
from payments.disputes.repository import Filters
from payments.disputes.schemas import EvidenceCreate
from payments.disputes.states import Status, may_become
from payments.http.lists import Cursor
from payments.merchants.service import Merchants
from payments.payments.service import Disputed, Payment
from shared.identity import Identity
from shared.ids import new_uuid
from shared.problems import FieldError, Problem, not_found

_log = logging.getLogger(__name__)

_REPEATED_AT_ONCE = 50
# Tells the fraud desk, in the commit of the dispute, that a payment was not made by its cardholder.
ConfirmFraud = Callable[[AsyncConnection, Payment, str], Awaitable[None]]


class Disputes:
    """Every change locks the payment first, so that refunds and disputes see each other."""

    def __init__(
        self,
        *,
        database: Database,
        merchants: Merchants,
        connectors: Registry,
        disputed: Disputed,
        confirm_fraud: ConfirmFraud,
        acquirer_timeout: timedelta,
    ) -> None:
        """Take the collaborators, and how long one call to an acquirer may take."""
        self._database = database
        self._merchants = merchants
        self._connectors = connectors
        self._disputed = disputed
        self._confirm_fraud = confirm_fraud
        self._acquirer_timeout = acquirer_timeout

    async def receive(self, connector: Connector, notice: DisputeNotice) -> None:
        """Apply what an acquirer says; what it said before, or what comes too late, changes nothing.

        Raises:
            Problem: 409 while the payment it is about is not known to be captured: the acquirer tells again.

        """
        livemode = connector.capabilities.livemode
        key = notice.key or (await connector.key_of(notice.payment) if notice.payment else None)
        if key is None:
            # The account takes payments without us as well: to refuse what is about them would only bring it again.
            _log.warning("%s is about a payment of %s that is none of ours", notice.id, connector.name)
            return
        try:
            payment_id = UUID(key)
        except ValueError:
            raise not_found("payment") from None
        async with self._database.snapshot() as connection:
            found = await self._disputed.find(connection, payment_id)
        if found is None or (found.connector, found.livemode) != (connector.name, livemode):
            raise not_found("payment")
        fee = (await self._merchants.profile(found.merchant_id)).fee_dispute
        async with self._database.transaction() as connection:
            payment = await self._disputed.lock(connection, found.id)
            row = await repository.find_by_reference(connection, connector.name, notice.dispute, livemode=livemode)
            now = await repository.clock(connection)
            if row is None:
                row = await self._open(connection, payment, notice, fee, now)
            if row["status"] == notice.status:
                return
            if not may_become(row["status"], notice.status) or notice.status == "needs_response":
                # One that was decided and is decided otherwise moved money that the books know nothing of.
                level = logging.ERROR if {row["status"], notice.status} == {"won", "lost"} else logging.INFO
                _log.log(
                    level, "%s says %s of dispute %s, which is %s", notice.id, notice.status, row["id"], row["status"]
                )
                return
            await self._move(connection, payment, row, notice.status, "acquirer", now)

    async def respond(self, caller: Identity, dispute_id: UUID, body: EvidenceCreate | None) -> dict[str, Any]:
        """Save or hand in evidence, or give in (without a body); return the dispute as it is then.

        Raises:
            Problem: 404 for another's dispute, 409 when it waits for no response.

        """
        async with self._database.transaction() as connection:
            row = await self._lock(connection, caller, dispute_id)
            if row["status"] != "needs_response":
                detail = f"This dispute is {row['status']}; it waits for no response of yours."
                raise Problem(409, "dispute_state", detail)
            values: dict[str, Any] = {"updated_at": await repository.clock(connection)}
            if body is not None:
                values["evidence"] = body.model_dump(exclude={"submit"})
            if body is None or body.submit:
                values |= _intent(row, values["updated_at"], accepting=body is None)
            row = await repository.update(connection, dispute_id, values)
            await tell(connection, "evidence_saved" if row["status"] == "needs_response" else "responding", row)
        return shown(await self._send(row) if row["status"] == "responding" else row)

    async def repeat_responses(self) -> int:
        """Hand in again what no acquirer confirmed; return how many are confirmed now. For the worker."""
        async with self._database.transaction() as connection:
            rows = await repository.claim_responding(connection, _REPEATED_AT_ONCE)
        ended = 0
        for row in rows:
            try:
                ended += (await self._send(row))["status"] != "responding"
            except Exception:  # noqa: BLE001 - one dispute's trouble must not keep the others waiting
                _log.exception("the response to dispute %s was not handed in", row["id"])
        return ended

    async def get(self, caller: Identity, dispute_id: UUID) -> dict[str, Any]:
        """Return one of the caller's disputes; raises 404 if it has none with this id."""
        async with self._database.snapshot() as connection:
            return shown(await self._existing(connection, caller, dispute_id))

    async def list(self, caller: Identity, place: Cursor, filters: Filters) -> Sequence[dict[str, Any]]:
        """Return up to ``limit + 1`` disputes, newest first."""
        async with self._database.snapshot() as connection:
            rows = await repository.page(connection, merchant_of(caller), place, filters, livemode=caller.livemode)
        return [shown(row) for row in rows]

    async def _open(
        self, connection: AsyncConnection, payment: Payment, notice: DisputeNotice, fee: int, now: datetime
    ) -> sa.RowMapping:
        if not payment.amount_captured:
            raise Problem(409, "payment_state", f"This payment is {payment.status}, so nothing of it can be disputed.")
        if notice.currency != payment.currency or notice.amount <= 0:
            detail = f"A dispute of this payment is about more than 0 {payment.currency}"
            _log.error("%s disputes %s %d of payment %s", notice.id, notice.currency, notice.amount, payment.id)
            raise Problem(422, "validation_failed", detail, errors=(FieldError(detail, "/amount"),))
        dispute_id = new_uuid()
        # What was refunded, or is about to be, is not taken a second time; the acquirer's claim stays on record.
        withheld = min(notice.amount, payment.refundable)
        row = await repository.insert(
            connection,
            {
                "id": dispute_id,
                "merchant_id": payment.merchant_id,
                "livemode": payment.livemode,
                "payment_id": payment.id,
                "connector": payment.connector,
                "reference": notice.dispute,
                "status": "needs_response",
                "reason": notice.reason,
                "amount": notice.amount,
                "amount_withheld": withheld,
                "currency": payment.currency,
                "fee": fee,
                "fee_currency": payment.settlement_currency,
                "respond_by": notice.respond_by,
                "accepting": False,
                "timeline": [step(None, "needs_response", "acquirer", now)],
                "created_at": now,
                "updated_at": now,
            },
        )
        if withheld:
            await self._disputed.withhold(connection, payment, withheld, dispute_id, now)
        await self._disputed.charge(connection, payment, fee, dispute_id)
        if notice.reason == "fraudulent":
            await self._confirm_fraud(connection, payment, payment.connector)
        await tell(connection, "created", row)
        return row

    async def _move(
        self,
        connection: AsyncConnection,
        payment: Payment,
        row: sa.RowMapping,
        status: Status,
        cause: str,
        now: datetime,
    ) -> sa.RowMapping:
        values = {"status": status, "timeline": [*row["timeline"], step(row["status"], status, cause, now)]}
        row = await repository.update(connection, row["id"], values | {"updated_at": now})
        if status == "won":
            if row["amount_withheld"]:
                await self._disputed.give_back(connection, payment, row["amount_withheld"], row["id"], now)
            await self._disputed.charge(connection, payment, -row["fee"], row["id"])
        await tell(connection, status, row)
        return row

    async def _send(self, row: sa.RowMapping) -> sa.RowMapping:
        """Hand a stored response in, and store what the acquirer says to it."""
        connector = self._connectors.named(row["connector"], livemode=row["livemode"])
        evidence = {} if row["accepting"] else row["evidence"]
        # The step tells this response from an earlier one that was refused.
        key = f"{row['id'].hex}-{len(row['timeline'])}"
        response = DisputeResponse(key, row["reference"], row["accepting"], evidence)
        deadline = asyncio.get_running_loop().time() + self._acquirer_timeout.total_seconds()
        outcome = await connector.respond_to_dispute(response, deadline)
        return await self._conclude(row, outcome)

    async def _conclude(self, row: sa.RowMapping, outcome: Outcome) -> sa.RowMapping:
        async with self._database.transaction() as connection:
            payment = await self._disputed.lock(connection, row["payment_id"])
            row = await repository.reload(connection, row["id"])
            if row["status"] != "responding":
                return row  # a callback was faster
            now = await repository.clock(connection)
            if isinstance(outcome, Approved):
                status: Status = "lost" if row["accepting"] else "under_review"
                return await self._move(connection, payment, row, status, "response", now)
            if isinstance(outcome, Declined):
                await repository.update(connection, row["id"], {"accepting": False, "ask_again_at": None})
                return await self._move(connection, payment, row, "needs_response", "response_refused", now)
        return row

    async def _lock(self, connection: AsyncConnection, caller: Identity, dispute_id: UUID) -> sa.RowMapping:
        row = await self._existing(connection, caller, dispute_id)
        await self._disputed.lock(connection, row["payment_id"])
        return await repository.reload(connection, dispute_id)

    async def _existing(self, connection: AsyncConnection, caller: Identity, dispute_id: UUID) -> sa.RowMapping:
        row = await repository.find(connection, merchant_of(caller), dispute_id, livemode=caller.livemode)
        if row is None:
            raise not_found("dispute")
        return row


def _intent(row: sa.RowMapping, now: datetime, *, accepting: bool) -> dict[str, Any]:
    """Return what is stored before the acquirer hears of a response, so that it survives a crash."""
    cause = "accepted" if accepting else "evidence"
    return {
        "status": "responding",
        "accepting": accepting,
        "ask_again_at": now + timedelta(seconds=30),
        "timeline": [*row["timeline"], step(row["status"], "responding", cause, now)],
    }
