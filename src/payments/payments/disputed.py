"""The part of a payment that disputes withhold. Not on the write path: disputes are rare, and come one by one."""

import json
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from payments.events.service import record
from payments.fx import entries as fx
from payments.ledger import entries
from payments.ledger.entries import Entry
from payments.ledger.service import Ledger
from payments.payments import repository
from payments.payments.domain import Payment
from shared.ids import show


class Disputed:
    """Moves money between merchants and cardholders' banks, in the transaction of the dispute that says so."""

    def __init__(self, ledger: Ledger) -> None:
        """Take the ledger."""
        self._ledger = ledger

    async def find(self, connection: AsyncConnection, key: UUID) -> Payment | None:
        """Return the payment that a request with this key took money for: itself, or one of its captures."""
        payment = await repository.any_payment(connection, key)
        if payment is None:
            operation = await repository.any_operation(connection, key)
            if operation is not None:
                payment = await repository.any_payment(connection, operation.payment_id)
        return payment

    async def lock(self, connection: AsyncConnection, payment_id: UUID) -> Payment:
        """Lock a payment that exists, and return it as it is now."""
        payment = await repository.lock_payment(connection, payment_id)
        if payment is None:
            raise AssertionError("payments are never deleted")
        return payment

    async def withhold(
        self, connection: AsyncConnection, payment: Payment, amount: int, dispute: UUID, now: datetime
    ) -> None:
        """Take what is disputed from the merchant; ``amount`` is at most what can still be refunded."""
        await self._move(connection, payment, amount, dispute, now, "disputed")

    async def give_back(
        self, connection: AsyncConnection, payment: Payment, amount: int, dispute: UUID, now: datetime
    ) -> None:
        """Return what a dispute withheld, because the merchant won it."""
        await self._move(connection, payment, -amount, dispute, now, "dispute_won")

    async def charge(self, connection: AsyncConnection, payment: Payment, fee: int, dispute: UUID) -> None:
        """Charge the fee of a dispute, or return it when negative."""
        await self._post(connection, payment, dispute, (entries.dispute_fee(fee, payment.settlement_currency),))

    async def _move(
        self, connection: AsyncConnection, payment: Payment, amount: int, dispute: UUID, now: datetime, cause: str
    ) -> None:
        before, terms = payment.totals, payment.terms
        payment.amount_disputed += amount
        posted: tuple[Entry, ...] = (entries.dispute(amount, payment.currency),)
        if terms is not None:
            payment.fx_remainder = fx.remainder(terms, payment.totals)
            posted = fx.dispute(terms, amount, before)
        payment.note(cause, now, show("dsp", dispute), abs(amount))
        await repository.save_disputed(connection, payment)
        await self._post(connection, payment, dispute, posted)
        await record(
            connection,
            f"payment.{cause}",
            json.loads(payment.show()),
            merchant_id=payment.merchant_id,
            livemode=payment.livemode,
            object_id=payment.id,
        )

    async def _post(
        self, connection: AsyncConnection, payment: Payment, dispute: UUID, posted: tuple[Entry, ...]
    ) -> None:
        for entry in posted:
            if entry.lines:  # what was refunded before is not taken again: then there is nothing to post
                await self._ledger.post(
                    connection,
                    entry,
                    merchant_id=payment.merchant_id,
                    livemode=payment.livemode,
                    payment_id=payment.id,
                    operation=show("dsp", dispute),
                )
