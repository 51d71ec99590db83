"""What one commit writes, as rows of each table; ``write_statements`` takes its columns from their fields.

A field that has its default value is left out of the JSON, and the statements put the default in again: a payment has
fifty columns, and most say nothing when it is made.
"""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import NewType
from uuid import UUID

import msgspec

from payments.ledger.service import Chart
from payments.payments.changes import Change, Claim
from payments.risk.days import Day, delta
from payments.risk.limits import Usage
from shared.ids import new_uuid

Charts = Mapping[tuple[UUID, bool, str], Chart]
Hex = NewType("Hex", str)


class Row(msgspec.Struct, omit_defaults=True, gc=False):
    """What is written once and never read here again."""


class KeyRow(Row):
    """A row of payments.idempotency_keys; of a new payment also with what must still be there to make it."""

    merchant_id: UUID
    livemode: bool
    key: str
    path: str
    fingerprint: Hex
    resource_id: UUID
    event_id: UUID | None
    status_code: int | None
    deadline: datetime | None
    payment_method_id: UUID | None = None
    fx_quote_id: UUID | None = None


class AnswerRow(Row):
    """The reply to a key that an earlier commit claimed."""

    merchant_id: UUID
    livemode: bool
    key: str
    path: str
    resource_id: UUID
    event_id: UUID
    status_code: int | None


class EntryRow(Row):
    """A row of payments.ledger_transactions with its postings: each an account and an amount."""

    id: UUID
    merchant_id: UUID
    livemode: bool
    kind: str
    payment_id: UUID
    operation: str | None
    created_at: datetime
    currency: str
    accounts: list[int]
    amounts: list[int]


class EventRow(Row):
    """A row of payments.events."""

    id: UUID
    merchant_id: UUID
    livemode: bool
    type: str
    object_id: UUID
    data: msgspec.Raw
    created_at: datetime
    traceparent: str | None = None


class DayRow(Row):
    """What one payment adds to a row of payments.merchant_days."""

    merchant_id: UUID
    livemode: bool
    day: date
    payment_id: UUID
    volume: int = 0
    count: int = 0
    approved: int = 0
    declined: int = 0
    limited: int = 0
    captured: int = 0
    refunded: int = 0
    largest: int = 0
    scored: int = 0
    score_sum: int = 0


class UsageRow(Row):
    """What a merchant's day is foreseen to count against limits on new payments."""

    merchant_id: UUID
    livemode: bool
    day: date
    volume: int
    count: int
    month_volume: int


def key_row(claim: Claim, change: Change) -> KeyRow:
    """Return a key with its reply, or with the deadline until which it is in flight."""
    return KeyRow(
        claim.merchant_id,
        claim.livemode,
        claim.key,
        claim.path,
        Hex("\\x" + claim.fingerprint.hex()),
        claim.resource_id,
        change.event.id if change.status_code is not None else None,
        change.status_code,
        change.unanswered_until,
    )


def new_key_row(claim: Claim, change: Change) -> KeyRow:
    """Return the key of a new payment."""
    row = key_row(claim, change)
    row.payment_method_id, row.fx_quote_id = change.payment.payment_method_id, change.payment.fx_quote_id
    return row


def answer_row(change: Change) -> AnswerRow:
    """Return the reply that a change gives to the key of its intent."""
    key, path = change.answers or ("", "")
    payment, operation = change.payment, change.operation
    resource_id = operation.id if operation is not None else payment.id
    return AnswerRow(payment.merchant_id, payment.livemode, key, path, resource_id, change.event.id, change.status_code)


def entry_rows(change: Change, charts: Charts) -> Iterator[EntryRow]:
    """Yield the ledger transactions of a change."""
    payment = change.payment
    for entry in change.entries:
        chart = charts[payment.merchant_id, payment.livemode, entry.currency]
        yield EntryRow(
            new_uuid(),
            payment.merchant_id,
            payment.livemode,
            entry.kind,
            payment.id,
            change.operation.shown_id if change.operation is not None else None,
            payment.updated_at,
            entry.currency,
            [chart[line.account] for line in entry.lines],
            [line.amount for line in entry.lines],
        )


def event_row(change: Change) -> EventRow:
    """Return the event of a change."""
    payment, event = change.payment, change.event
    return EventRow(
        event.id,
        payment.merchant_id,
        payment.livemode,
        event.type,
        event.object_id,
        msgspec.Raw(event.data),
        payment.updated_at,
        change.traceparent,
    )


def usage_row(day: Day, usage: Usage) -> UsageRow:
    """Return what a day is foreseen to count."""
    return UsageRow(*day, usage.volume, usage.count, usage.month_volume)


def day_row(change: Change) -> DayRow:
    """Return what a change adds to its merchant's day."""
    payment = change.payment
    difference = delta(change.before, payment.standing)
    return DayRow(
        payment.merchant_id, payment.livemode, payment.usage_day, payment.id, *msgspec.structs.astuple(difference)
    )
