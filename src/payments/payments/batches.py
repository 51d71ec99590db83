"""One transaction for many items: lock in a fixed order, look, decide each in turn, write all at once.

The order of locks is payments by id, then merchants' days; new payments lock days only, and their keys after them. A
statement that waits for a lock sees the moment before the wait, so what is locked is always read by a later statement.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

import msgspec

from payments.ledger.service import Ledger
from payments.payments import write_repository as repository
from payments.payments.changes import Assessed, Change, Claim, Earlier, Locked, Request, payment_event
from payments.payments.domain import Operation, Payment
from payments.payments.rows import Charts
from payments.payments.write_repository import Keys
from payments.pipeline import Connection, Pipeline, transaction
from payments.risk.days import Day
from payments.risk.limits import NO_LIMITS, Usage
from shared.problems import Problem, not_found

Written: TypeAlias = Change | Earlier


async def insert_creations(
    connection: Connection, items: Sequence[Assessed], charts: Charts, known_days: set[Day], sent: Callable[[], None]
) -> list[Written | Exception]:
    """Insert new payments within their merchants' limits; return each one's change, or who had its key before.

    ``sent`` is told when all that is left is to wait for the commit.
    """
    creations = [item.creation for item in items]
    limited = {item.payment.day for item in creations if item.limits is not NO_LIMITS}
    locked = {item.payment.day for item in creations}
    locked |= {item.payment.day.month for item in creations if item.limits.monthly_volume is not None}
    async with transaction(connection) as pipeline:
        repository.lock_days(pipeline, locked, locked - known_days)
        asked = repository.ask_known(pipeline, [item.claim for item in creations], limited)
        keys, usages = await repository.read_known(pipeline, asked)
        now = datetime.now().astimezone()
        written: list[tuple[Claim, Change]] = []
        broken: dict[UUID, Exception] = {}
        for item in items:
            claim, day = item.creation.claim, item.creation.payment.day
            if claim.place in keys:
                continue
            try:
                change = item.decide(usages.get(day))
            except Exception as error:  # noqa: BLE001 - a defect that one item meets is not its neighbors'
                broken[claim.resource_id] = error
                continue
            change.traceparent = item.creation.traceparent
            if day in usages and change.payment.status != "declined":
                _count(usages, day, change.payment.usage_amount)
            keys[claim.place] = _claimed(claim, change, now)
            written.append((claim, change))
        # In the order of their keys: batches with the same keys then wait for each other instead of deadlocking.
        written.sort(key=lambda entry: entry[0].place)
        # Its answer is read after the commit, which then travels with it.
        created = repository.insert_created(pipeline, written, charts)
        sent()
    inserted = {row[0] for row in await pipeline.rows(created)} if created is not None else set()
    known_days |= locked
    lost = [claim for claim, _ in written if claim.resource_id not in inserted]
    if lost:
        keys = {place: known for place, known in keys.items() if known.resource_id not in {c.resource_id for c in lost}}
        keys |= await repository.find_keys(connection, lost)
    results: dict[UUID, Written | Exception] = {
        claim.resource_id: change for claim, change in written if claim.resource_id in inserted
    }
    results |= broken
    return [_creation_result(item, results, keys) for item in items]


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


def _count(usages: dict[Day, Usage], day: Day, amount: int) -> None:
    """Count one more payment on a day, and in the month of every day of that month."""
    for other, usage in usages.items():
        if other == day:
            usages[other] = usage.plus(amount)
        elif other.month == day.month:
            usages[other] = msgspec.structs.replace(usage, month_volume=usage.month_volume + amount)


def _creation_result(item: Assessed, results: Mapping[UUID, Written | Exception], keys: Keys) -> Written | Exception:
    claim = item.creation.claim
    own = results.get(claim.resource_id)
    if own is not None:
        return own
    known = keys.get(claim.place)
    if known is None and item.creation.payment.fx_quote_id is not None:
        detail = "The quote was used or has expired meanwhile, or the card is gone. Get a new quote."
        return Problem(409, "fx_quote_used", detail)
    if known is None:
        return not_found("payment method")
    return item.decide(None) if _is_own(claim, keys) else known


def _claimed(claim: Claim, change: Change, now: datetime) -> Earlier:
    """Return what a second use of the key finds from now on."""
    answered = change.status_code is not None
    deadline = change.operation.acquirer_deadline if change.operation is not None else change.payment.acquirer_deadline
    return Earlier(
        claim.resource_id,
        claim.fingerprint,
        change.status_code,
        change.event.data if answered else None,
        None if answered else deadline,
        now,
    )


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
            self._keys[item.claim.place] = _claimed(item.claim, change, self._now)
        refunded = change.payment.standing.refunded - payment.standing.refunded
        for day, other in self._usages.items():
            if day.month == payment.day.month:
                self._usages[day] = msgspec.structs.replace(other, month_refunded=other.month_refunded + refunded)
        self.written.append((item.claim, change))
        return change

    def _earlier(self, claim: Claim, payment: Payment) -> Written:
        operation = self._operations.get(claim.resource_id) if _is_own(claim, self._keys) else None
        if operation is None:
            return self._keys[claim.place]
        # Stored, but unconfirmed: whoever asked still has to call the acquirer.
        return Change(payment=payment, operation=operation, event=payment_event(payment))


def _is_own(claim: Claim, keys: Keys) -> bool:
    """Return whether an earlier attempt of this very item committed its intent, and the confirmation was lost."""
    known = keys.get(claim.place)
    return known is not None and known.resource_id == claim.resource_id and known.body is None
