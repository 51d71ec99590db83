"""What one commit writes for one payment: the unit of the write path. No SQL, no HTTP."""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple, TypeAlias
from uuid import UUID

import msgspec

from payments.fraud.schemas import Case, Decision
from payments.ledger.entries import Entry
from payments.payments.domain import Operation, Payment
from payments.risk.days import Standing
from payments.risk.limits import Limits, Usage
from shared.ids import new_uuid


class Claim(NamedTuple):
    """An idempotency key on its way into the database.

    Shapes:
        path: method and path, for example ``POST /v1/payments``.
        fingerprint: keyed hash of the parsed body.
        resource_id: what the request makes; tells our own commit from an earlier one after a lost connection.
    """

    merchant_id: UUID
    livemode: bool
    key: str
    path: str
    fingerprint: bytes
    resource_id: UUID

    @property
    def place(self) -> tuple[UUID, bool, str, str]:
        """Where the key is looked up."""
        return self.merchant_id, self.livemode, self.key, self.path


class Event(NamedTuple):
    """An outbox row; ``data`` is the public object as it is now, and the reply to the request that caused it."""

    id: UUID
    type: str
    object_id: UUID
    data: bytes


class Change(msgspec.Struct, kw_only=True):
    """Everything one commit writes for one payment.

    Shapes:
        status_code: of the reply; None when the request stays unanswered because an acquirer is still to be called.
        answers: the idempotency key that this change gives its reply to, when an earlier commit claimed it.
        before: what the payment counted before; None for a new one. Filled in by the write path.
        traceparent: of the request that caused it, if that is sampled. Filled in by the write path.
    """

    payment: Payment
    event: Event
    entries: tuple[Entry, ...] = ()
    operation: Operation | None = None
    status_code: int | None = None
    answers: tuple[str, str] | None = None
    before: Standing | None = None
    traceparent: str | None = None

    @property
    def unanswered_until(self) -> datetime | None:
        """The acquirer's deadline while the request waits for it; None once it has its reply."""
        if self.status_code is not None:
            return None
        return (self.payment if self.operation is None else self.operation).acquirer_deadline


class Creation(NamedTuple):
    """A payment to be inserted under a key.

    Shapes:
        payment: as it was asked for; what is written is decided on a copy of it.
        case: what its fraud decision is made of.
        decide: makes what is written, from that decision and from what counts against the limits, if there are
            any; more than once if need be.
        traceparent: filled in by the write path.
    """

    claim: Claim
    payment: Payment
    limits: Limits
    case: Case
    decide: Callable[[Decision, Usage | None], Change]
    traceparent: str | None = None


class Assessed(NamedTuple):
    """A payment whose fraud decision is made."""

    creation: Creation
    decision: Decision

    def decide(self, usage: Usage | None) -> Change:
        """Return what is written."""
        return self.creation.decide(self.decision, usage)


class Locked(NamedTuple):
    """What a decision sees while the payment's row is locked: copies it may change, and the database's clock."""

    payment: Payment
    operation: Operation | None
    now: datetime
    usage: Usage


Decide: TypeAlias = Callable[[Locked], Change]


class Request(NamedTuple):
    """A change of a stored payment, decided while its row is locked.

    Shapes:
        merchant_id: whose payment it must be; None for the platform's own tasks.
        operation_id: the stored operation to load with it.
        decide: raises a Problem to write nothing.
        limits: of the merchant, when the decision depends on what counts against them.
        traceparent: filled in by the write path.
    """

    payment_id: UUID
    decide: Decide
    merchant_id: UUID | None = None
    livemode: bool | None = None
    claim: Claim | None = None
    operation_id: UUID | None = None
    limits: Limits | None = None
    traceparent: str | None = None


class Earlier(NamedTuple):
    """What the database knows of a key that was claimed before; ``body`` is None while it is unanswered."""

    resource_id: UUID
    fingerprint: bytes
    status_code: int | None
    body: bytes | None
    deadline: datetime | None
    now: datetime

    def is_intent_of(self, claim: Claim) -> bool:
        """Whether an earlier attempt of this very claim committed its intent, and the confirmation was lost."""
        return self.resource_id == claim.resource_id and self.body is None


Written: TypeAlias = Change | Earlier


def claimed(claim: Claim, change: Change, now: datetime) -> Earlier:
    """Return what a second use of the key finds from now on."""
    return Earlier(
        claim.resource_id,
        claim.fingerprint,
        change.status_code,
        change.event.data if change.status_code is not None else None,
        change.unanswered_until,
        now,
    )


def payment_event(payment: Payment, kind: str | None = None) -> Event:
    """Return the event of a payment's change; its type is the state it is in now, unless told."""
    return Event(new_uuid(), f"payment.{kind or payment.status}", payment.id, payment.show())


def refund_event(operation: Operation) -> Event:
    """Return the event of a refund's change."""
    return Event(new_uuid(), f"refund.{operation.status}", operation.id, operation.show_refund())
