"""One transaction for many new payments: lock their merchants' days, decide each in turn, insert all at once.

A batch whose days are foreseen is decided before it has their locks, and sent as a whole: while another batch commits,
it waits at the server, which need not wait for this process then. If it erred, it is decided again under the locks.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from payments.payments import write_repository as repository
from payments.payments.changes import Assessed, Change, Claim, Written, claimed
from payments.payments.foresight import Foresight
from payments.payments.rows import Charts
from payments.payments.write_repository import Keys
from payments.pipeline import Connection, transaction
from payments.risk.days import Day
from payments.risk.limits import NO_LIMITS, Usage
from shared.problems import Problem, not_found

_MOST_DAYS = 10_000


class Inserter:
    """Inserts batches of new payments; remembers what they left on merchants' days."""

    def __init__(self) -> None:
        self._opened: set[Day] = set()
        self._foresight = Foresight()

    async def insert(
        self, connection: Connection, items: Sequence[Assessed], charts: Charts, sent: Callable[[], None]
    ) -> list[Written | Exception]:
        """Insert new payments within their merchants' limits; return each one's change, or who had its key before.

        ``sent`` is told when everything is on its way to the server, which may have the batch decided again.
        """
        creations = [item.creation for item in items]
        limited = {item.payment.day for item in creations if item.limits is not NO_LIMITS}
        locked = {item.payment.day for item in creations}
        locked |= {item.payment.day.month for item in creations if item.limits.monthly_volume is not None}
        foreseen = self._foresight.of(limited)
        batch = None
        if foreseen is not None:
            batch = await self._insert_foreseen(connection, items, charts, locked, foreseen, sent)
        if batch is None:
            batch = await self._insert_locked(connection, items, charts, locked, limited, sent)
        if len(self._opened) > _MOST_DAYS:
            self._opened.clear()  # to open them again changes nothing
        self._opened |= locked
        lost = batch.lost()
        if lost:
            batch.keys |= await repository.find_keys(connection, lost)
        return [batch.result(item) for item in items]

    async def _insert_foreseen(
        self,
        connection: Connection,
        items: Sequence[Assessed],
        charts: Charts,
        locked: set[Day],
        foreseen: dict[Day, Usage],
        sent: Callable[[], None],
    ) -> "_Batch | None":
        """Insert what was decided beforehand, or nothing if a key is known or a day counts something else."""
        batch = _Batch({}, dict(foreseen))
        batch.decide(items)
        if batch.broken:  # perhaps one that need not be decided, because its key is known
            return None
        self._foresight.leave(batch.usages)
        rows: list[tuple[UUID]] = []
        try:
            async with transaction(connection) as pipeline:
                repository.lock_days(pipeline, locked, locked - self._opened)
                created = repository.insert_created(pipeline, batch.in_order(), charts, foreseen)
                # Its answer is read after the commit, which then travels with it.
                sent()
            rows = await pipeline.rows(created)
        finally:
            if not rows:
                self._foresight.withdraw(batch.usages, foreseen)
        batch.inserted = {row[0] for row in rows}
        return batch if rows else None

    async def _insert_locked(
        self,
        connection: Connection,
        items: Sequence[Assessed],
        charts: Charts,
        locked: set[Day],
        limited: set[Day],
        sent: Callable[[], None],
    ) -> "_Batch":
        created = None
        async with transaction(connection) as pipeline:
            repository.lock_days(pipeline, locked, locked - self._opened)
            asked = repository.ask_known(pipeline, [item.creation.claim for item in items], limited)
            keys, usages = await repository.read_known(pipeline, asked)
            self._foresight.compare(usages)
            batch = _Batch(keys, usages)
            batch.decide(items)
            self._foresight.leave(batch.usages)
            if batch.written:
                created = repository.insert_created(pipeline, batch.in_order(), charts)
            sent()
        batch.inserted = {row[0] for row in await pipeline.rows(created)} if created is not None else set()
        return batch


class _Batch:
    """What is decided one after the other, and what became of it."""

    def __init__(self, keys: Keys, usages: dict[Day, Usage]) -> None:
        self.keys = keys
        self.usages = usages
        self.written: dict[UUID, tuple[Claim, Change]] = {}
        self.broken: dict[UUID, Exception] = {}
        self.inserted: set[UUID] = set()

    def decide(self, items: Sequence[Assessed]) -> None:
        now = datetime.now().astimezone()
        for item in items:
            claim, day = item.creation.claim, item.creation.payment.day
            if claim.place in self.keys:
                continue
            try:
                change = item.decide(self.usages.get(day))
            except Exception as error:  # noqa: BLE001 - a defect that one item meets is not its neighbors'
                self.broken[claim.resource_id] = error
                continue
            change.traceparent = item.creation.traceparent
            if day in self.usages and change.payment.status != "declined":
                self._count(day, change.payment.usage_amount)
            self.keys[claim.place] = claimed(claim, change, now)
            self.written[claim.resource_id] = claim, change

    def in_order(self) -> list[tuple[Claim, Change]]:
        """In the order of their keys: batches with the same keys then wait for each other instead of deadlocking."""
        return sorted(self.written.values(), key=lambda entry: entry[0].place)

    def lost(self) -> list[Claim]:
        """Return what was not inserted, and forget its keys: they are others'."""
        lost = [claim for claim, _ in self.written.values() if claim.resource_id not in self.inserted]
        for claim in lost:
            del self.keys[claim.place]
        return lost

    def result(self, item: Assessed) -> Written | Exception:
        claim = item.creation.claim
        if claim.resource_id in self.broken:
            return self.broken[claim.resource_id]
        if claim.resource_id in self.inserted:
            return self.written[claim.resource_id][1]
        known = self.keys.get(claim.place)
        if known is None and item.creation.payment.fx_quote_id is not None:
            detail = "The quote was used or has expired meanwhile, or the card is gone. Get a new quote."
            return Problem(409, "fx_quote_used", detail)
        if known is None:
            return not_found("payment method")
        return item.decide(None) if known.is_intent_of(claim) else known

    def _count(self, day: Day, amount: int) -> None:
        """Count one more payment on a day, and in the month of every day of that month."""
        for other, usage in self.usages.items():
            if other == day:
                self.usages[other] = usage.plus(amount)
            elif other.month == day.month:
                self.usages[other] = msgspec.structs.replace(usage, month_volume=usage.month_volume + amount)
