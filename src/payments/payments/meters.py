"""What the write path measures: its batches, and the business in them."""

from collections.abc import Sequence
from time import perf_counter

from payments.payments.changes import Change, Earlier
from shared.metrics import Registry


class Meters:
    """Counts by batch, after its commit."""

    def __init__(self, registry: Registry, batch: str) -> None:
        """Take which of the two kinds of batches this is."""
        self._items = registry.histogram("payments_batch_items").of(batch)
        self._seconds = registry.histogram("payments_commit_seconds").of(batch)
        self._created = registry.counter("payments_created_total")
        self._declined = registry.counter("payments_declined_total")
        self._captured = registry.counter("payments_captured_minor_units_total")
        self._refunded = registry.counter("payments_refunded_minor_units_total")
        self._replays = registry.counter("payments_idempotent_replays_total").of()

    def committed(self, begun: float, results: Sequence[Change | Earlier | Exception]) -> None:
        """Count a batch that was begun at a reading of ``perf_counter``."""
        self._seconds.observe(perf_counter() - begun)
        self._items.observe(len(results))
        for result in results:
            if isinstance(result, Change):
                self._count(result)
            elif isinstance(result, Earlier):
                self._replays.value += 1

    def _count(self, change: Change) -> None:
        payment = change.payment
        mode = "live" if payment.livemode else "test"
        if change.before is None:
            self._created.of(payment.currency, payment.status, mode).value += 1
            if payment.decline_code is not None:
                self._declined.of(payment.decline_code, mode).value += 1
            if payment.amount_captured:
                self._captured.of(payment.currency, mode).value += payment.amount_captured
            return
        operation = change.operation
        if operation is None:
            if payment.amount_captured and not change.before.captured:
                self._captured.of(payment.currency, mode).value += payment.amount_captured
        elif operation.status == "succeeded" and operation.kind == "capture":
            self._captured.of(payment.currency, mode).value += operation.amount
        elif operation.status == "succeeded" and operation.kind == "refund":
            self._refunded.of(payment.currency, mode).value += operation.amount
