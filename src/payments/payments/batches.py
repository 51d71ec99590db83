"""One transaction for many changes: lock in a fixed order, look, decide each in turn, write all at once.

The order of locks is payments by id, then merchants' days; new payments lock days only, and their keys after them. A
statement that waits for a lock sees the moment before the wait, so what is locked is always read by a later statement.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from payments.ledger.service import Ledger
from payments.payments import write_repository as repository
from payments.payments.changes import Change, Claim, Locked, Request, Written, claimed, payment_event
from payments.payments.domain import Operation, Payment
from payments.payments.rows import Charts
from payments.payments.write_repository import Keys
from payments.pipeline import Connection, Pipeline, transaction
from payments.risk.days import Day
from payments.risk.limits import Usage
from shared.problems import Problem, not_found


async def apply_requests(connection: Connection, items: Sequence[Request], ledger: Ledger) -> list[Written | Exception]:
    """Decide changes of stored payments one after the other under their locks, and write them."""
    async with transaction(connection) as pipeline:
        batch = await _Batch.load(pipeline, items)
        charts = await charts_of(ledger, batch.payments.values())
        results = [batch.decide(item) for item in items]
        if batch.written:
            repository.write_changed(pipeline, batch.written, charts)
    return results


async def charts_of(ledger: Ledger, payments: Iterable[Payment]) -> Charts:
    """Return the accounts that payments post to, in their own and their settlement currencies."""
    return {
        (payment.merchant_id, payment.livemode, currency): await ledger.chart(
            payment.merchant_id, currency, livemode=payment.livemode
        )
        for payment in payments
        for currency in (payment.currency, payment.settlement_currency)
    }


class _Batch:
    """Locked payments, and the decisions made on them one after the other."""

    def __init__(
        self,
        payments: dict[UUID, Payment],
        operations: dict[UUID, Operation],
        keys: Keys,
        usages: dict[Day, Usage],
        now: datetime,
    ) -> None:
        self.payments = payments
        self.written: list[tuple[Claim | None, Change]] = []
        self._operations = operations
        self._keys = keys
        self._usages = usages
        self._now = now

    @classmethod
    async def load(cls, pipeline: Pipeline, items: Sequence[Request]) -> "_Batch":
        payments = await repository.lock_payments(pipeline, sorted({item.payment_id for item in items}))
        limited = {
            payments[item.payment_id].day
            for item in items
            if item.payment_id in payments and item.limits is not None and item.limits.limits_refunds
        }
        months = {day.month for day in limited}
        repository.lock_days(pipeline, {payment.day for payment in payments.values()} | months, months)
        claims = [item.claim for item in items if item.claim is not None]
        known = repository.ask_known(pipeline, claims, limited)
        # A claim's operation is there when an earlier attempt of this very item committed its intent.
        wanted = [item.operation_id for item in items if item.operation_id is not None]
        found = repository.ask_operations(pipeline, [*wanted, *(claim.resource_id for claim in claims)])
        now = await repository.read_clock(pipeline, repository.ask_clock(pipeline))
        keys, usages = await repository.read_known(pipeline, known)
        return cls(payments, await repository.read_operations(pipeline, found), keys, usages, now)

    def decide(self, item: Request) -> Written | Exception:
        payment = self.payments.get(item.payment_id)
        if payment is None or (
            item.merchant_id is not None
            and (payment.merchant_id, payment.livemode) != (item.merchant_id, item.livemode)
        ):
            return not_found("payment")
        if item.claim is not None and item.claim.place in self._keys:
            return self._earlier(item.claim, payment)
        operation = self._operations.get(item.operation_id) if item.operation_id is not None else None
        usage = self._usages.get(payment.day, Usage())
        try:
            change = item.decide(Locked(payment.copy(), operation and operation.copy(), self._now, usage))
        except Problem as problem:
            return problem
        except Exception as error:  # noqa: BLE001 - a defect that one item meets is not its neighbours'
            return error
        change = msgspec.structs.replace(change, before=payment.standing, traceparent=item.traceparent)
        self.payments[payment.id] = change.payment
        if change.operation is not None:
            self._operations[change.operation.id] = change.operation
        if item.claim is not None:
            self._keys[item.claim.place] = claimed(item.claim, change, self._now)
        refunded = change.payment.standing.refunded - payment.standing.refunded
        for day, other in self._usages.items():
            if day.month == payment.day.month:
                self._usages[day] = msgspec.structs.replace(other, month_refunded=other.month_refunded + refunded)
        self.written.append((item.claim, change))
        return change

    def _earlier(self, claim: Claim, payment: Payment) -> Written:
        earlier = self._keys[claim.place]
        operation = self._operations.get(claim.resource_id) if earlier.is_intent_of(claim) else None
        if operation is None:
            return earlier
        # Stored, but unconfirmed: whoever asked still has to call the acquirer.
        return Change(payment=payment, operation=operation, event=payment_event(payment))
