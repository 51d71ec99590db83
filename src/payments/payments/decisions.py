"""What may happen to a payment: pure decisions on copies of its rows, each returning what one commit writes.

Every decision checks first and changes afterwards; a Problem means that nothing is written.
"""

from datetime import datetime, timedelta
from typing import Literal, TypeGuard
from uuid import UUID

from payments.connectors.port import Approved, Declined, Outcome, Unknown
from payments.fx import entries as fx
from payments.http.models import rfc3339
from payments.ledger import entries
from payments.ledger.entries import Entry
from payments.money import display
from payments.payments.changes import Change, Decide, Event, Locked, payment_event, refund_event
from payments.payments.domain import Operation, Payment, fee, step
from payments.payments.states import OperationStatus, Status
from payments.risk.limits import Limits, Usage
from shared.ids import show
from shared.problems import FieldError, Problem

# What the timeline names as the reason of a change.
Cause = Literal[
    "request", "acquirer", "timeout", "callback", "recovery", "settlement", "review", "capture", "void", "expiry"
]

CREATED = 201
OK = 200
CREATE_PATH = "POST /v1/payments"


def authorize(payment: Payment, outcome: Outcome, now: datetime, cause: Cause = "acquirer") -> Change:
    """Give a payment that is processing or unknown the acquirer's answer."""
    answers = (payment.idempotency_key, CREATE_PATH) if payment.status == "processing" else None
    posted: tuple[Entry, ...] = ()
    if isinstance(outcome, Approved):
        payment.acquirer_reference = outcome.reference
        payment.amount_authorized = payment.amount
        if payment.capture_method == "automatic":
            posted = _take(payment, payment.amount)
            payment.move("captured", cause, now)
        else:
            posted = (entries.hold(payment.amount, payment.currency),)
            payment.move("authorized", cause, now)
    elif isinstance(outcome, Declined):
        payment.decline_code = outcome.code
        status: Status = "failed" if outcome.code == "not_processed" else "declined"
        payment.move(status, cause, now)
    else:
        payment.move("unknown", "timeout", now)
    return Change(
        payment=payment,
        entries=posted,
        event=payment_event(payment),
        status_code=CREATED if answers else None,
        answers=answers,
    )


def fails_over(outcome: Outcome | None) -> TypeGuard[Declined]:
    """Return whether another acquirer may be asked: only after a decline whose trouble lay on the way."""
    return isinstance(outcome, Declined) and outcome.retryable


def fail_over(payment: Payment, outcome: Declined, connector: str, now: datetime) -> Change:
    """Write down that an acquirer declined for a trouble of its own, and which one is asked next.

    Raises:
        Problem: 409 when the payment has its answer already.

    """
    if payment.status != "processing":
        raise Problem(409, "payment_state", f"This payment is {payment.status} already.")
    cause = f"failover:{payment.connector}:{outcome.code}"
    payment.timeline.append(step("processing", "processing", cause, now, amount=payment.amount))
    payment.connector = connector
    payment.updated_at = now
    return Change(payment=payment, event=payment_event(payment))


def create(payment: Payment, outcome: Outcome) -> Change:
    """Give a new payment an outcome that is known before it is stored, in one commit."""
    change = authorize(payment, outcome, payment.created_at)
    change.answers = None
    return change


def hold_for_review(payment: Payment, until: datetime) -> Change:
    """Keep a new payment for a person to decide; its money is reserved against the limits meanwhile."""
    payment.status = "review"
    payment.timeline[-1]["to"] = "review"
    payment.review_expires_at = until
    return Change(payment=payment, event=payment_event(payment), status_code=CREATED)


def end_review(payment: Payment, note: dict[str, str], now: datetime, authorization: timedelta) -> Payment:
    """Write a reviewer's verdict into the receipt; an authorization lasts from now on.

    Raises:
        Problem: 409 when the payment is not under review.

    """
    if payment.status != "review":
        raise Problem(409, "payment_state", f"A payment that is {payment.status} is not under review.")
    payment.receipt = (payment.receipt or {}) | {"review": note | {"at": rfc3339(now)}}
    payment.review_expires_at = None
    if payment.capture_method == "manual":
        payment.expires_at = now + authorization
    return payment


def refuse_reviewed(payment: Payment, note: dict[str, str], now: datetime) -> Change:
    """Decline a payment after its review."""
    reviewed = end_review(payment, note, now, timedelta())
    reviewed.decline_code = "fraudulent"
    reviewed.move("declined", "review", now)
    return Change(payment=reviewed, event=payment_event(reviewed))


def check_capture(payment: Payment, amount: int | None, now: datetime, *, final: bool) -> int:
    """Return how much to capture.

    Raises:
        Problem: 409 when the payment is not authorized, has expired, or would be closed over a capture that is still
            unanswered; 422 when that much is not left.

    """
    _require_authorized(payment, "captured")
    if payment.expires_at is not None and payment.expires_at <= now:
        raise Problem(409, "authorization_expired", "The authorization has expired; make a new payment.")
    if payment.amount_capturing and (final or not payment.capturable):
        raise Problem(409, "payment_state", "Another capture is still without an answer; wait for it.", retryable=True)
    wanted = payment.capturable if amount is None else amount
    if not 0 < wanted <= payment.capturable:
        raise _too_large("captured", payment.capturable, payment.currency)
    return wanted


def capture(payment: Payment, operation: Operation, now: datetime) -> Change:
    """Take the money of a capture that succeeded; a final one releases the rest."""
    taken = operation.amount
    held = payment.amount_authorized - payment.amount_captured
    rest = held - taken
    closing = operation.final or rest == 0
    posted = (entries.release(held if closing else taken, payment.currency), *_take(payment, taken))
    if closing:
        payment.move("captured", "capture", now, operation=operation.shown_id, amount=taken)
    else:
        _note(payment, operation, now)
    return Change(
        payment=payment,
        operation=operation,
        entries=posted,
        event=payment_event(payment, None if closing else "partially_captured"),
        status_code=OK,
    )


def check_void(payment: Payment) -> int:
    """Return how much a void releases.

    Raises:
        Problem: 409 when the payment is not authorized, or a capture of it is still unanswered.

    """
    _require_authorized(payment, "voided")
    if payment.amount_capturing:
        raise Problem(
            409, "payment_state", "A capture is still without an answer; void when it is known.", retryable=True
        )
    return payment.capturable


def void(payment: Payment, operation: Operation, now: datetime) -> Change:
    """Release what is left of an authorization; a partly captured payment ends in captured."""
    return _close(payment, "voided", "void", now, operation)


def expire(payment: Payment, now: datetime) -> Change:
    """Release an authorization whose time is over.

    Raises:
        Problem: 409 when it is not due, or an operation on it is still unanswered.

    """
    _require_authorized(payment, "expired")
    if payment.expires_at is None or payment.expires_at > now or payment.amount_capturing:
        raise Problem(409, "payment_state", "This authorization has not expired.")
    return _close(payment, "expired", "expiry", now, None)


def check_refund(payment: Payment, amount: int | None) -> int:
    """Return how much to refund.

    Raises:
        Problem: 409 when nothing was captured, 422 when that much is not left.

    """
    if payment.amount_captured == 0:
        raise Problem(409, "payment_state", f"This payment is {payment.status}; only captured money can be refunded.")
    wanted = payment.refundable if amount is None else amount
    if not 0 < wanted <= payment.refundable:
        raise _too_large("refunded", payment.refundable, payment.currency)
    return wanted


def check_refund_ratio(payment: Payment, operation: Operation, limits: Limits, usage: Usage) -> None:
    """Let a refund pass that keeps to the share of captured money the merchant may refund.

    Raises:
        Problem: 422 when it does not.

    """
    amount = payment.usage_amount * operation.amount // payment.amount
    if limits.refund_exceeds(amount, usage):
        detail = (
            "This merchant may not refund a larger share of what it captured this month. Ask the platform's risk team."
        )
        raise Problem(422, "limit_exceeded", detail)


def refund(payment: Payment, operation: Operation, now: datetime) -> Change:
    """Give back the money of a refund that succeeded."""
    posted = _give_back(payment, operation.amount)
    _note(payment, operation, now)
    return Change(
        payment=payment,
        operation=operation,
        entries=posted,
        event=refund_event(operation),
        status_code=CREATED,
    )


def reserve(payment: Payment, operation: Operation, now: datetime) -> Change:
    """Record the intent of an operation before its acquirer is called, and keep its amount from others."""
    _keep_reservation(payment, operation)
    _note(payment, operation, now)
    return Change(payment=payment, operation=operation, event=_progress(payment, operation))


def settle(payment: Payment, operation: Operation, outcome: Outcome, now: datetime, cause: Cause) -> Change:
    """Give a reserved operation the acquirer's answer; while that is unknown, its amount stays reserved.

    Raises:
        Problem: 409 when the operation has its answer already.

    """
    if operation.status in ("succeeded", "failed") or (operation.status == "unknown" and isinstance(outcome, Unknown)):
        raise Problem(409, "payment_state", f"This {operation.kind} is {operation.status} already.")
    answers = (
        (operation.idempotency_key, operation_path(payment.id, operation.kind))
        if operation.status == "processing"
        else None
    )
    if isinstance(outcome, Unknown):
        _finish(operation, "unknown", now)
        _note(payment, operation, now, "timeout")
        change = Change(payment=payment, operation=operation, event=_progress(payment, operation))
    else:
        _return_reservation(payment, operation)
        if isinstance(outcome, Approved):
            operation.acquirer_reference = outcome.reference
            _finish(operation, "succeeded", now)
            change = {"capture": capture, "void": void, "refund": refund}[operation.kind](payment, operation, now)
        else:
            operation.failure_code = outcome.code
            _finish(operation, "failed", now)
            _note(payment, operation, now, cause)
            change = Change(payment=payment, operation=operation, event=_progress(payment, operation))
    change.answers = answers
    change.status_code = status_code(operation.kind) if answers else None
    return change


def perform(payment: Payment, operation: Operation, outcome: Outcome, now: datetime) -> Change:
    """Carry out an operation whose outcome is known before it is stored, in one commit."""
    _keep_reservation(payment, operation)
    change = settle(payment, operation, outcome, now, "acquirer")
    change.answers = None
    return change


def answer(outcome: Outcome, cause: Cause) -> Decide:
    """Return the decision that gives a stored intent its outcome."""

    def decide(locked: Locked) -> Change:
        if locked.operation is not None:
            return settle(locked.payment, locked.operation, outcome, locked.now, cause)
        return authorize(locked.payment, outcome, locked.now, cause)

    return decide


def operation_path(payment_id: UUID, kind: str) -> str:
    """Return the method and path of the request that makes an operation."""
    return f"POST /v1/payments/{show('pay', payment_id)}/{'refunds' if kind == 'refund' else kind}"


def status_code(kind: str) -> int:
    """Return the status of the reply: a refund is a new object, a capture or void shows its payment."""
    return CREATED if kind == "refund" else OK


def _take(payment: Payment, amount: int) -> tuple[Entry, ...]:
    before, terms = payment.totals, payment.terms
    payment.amount_captured += amount
    # The fee is a share of what the merchant gets, in the settlement currency.
    worth = payment.amount_captured if terms is None else fx.settled(terms, payment.amount_captured)
    total = fee(payment.fee_basis_points, payment.fee_fixed, worth)
    charged, payment.fee_charged = total - payment.fee_charged, total
    if terms is None:
        return (entries.capture(amount, charged, payment.currency),)
    payment.fx_remainder = fx.remainder(terms, payment.totals)
    return fx.capture(terms, amount, charged, before)


def _give_back(payment: Payment, amount: int) -> tuple[Entry, ...]:
    before, terms = payment.totals, payment.terms
    payment.amount_refunded += amount
    if terms is None:
        return (entries.refund(amount, payment.currency),)
    payment.fx_remainder = fx.remainder(terms, payment.totals)
    return fx.refund(terms, amount, before)


def _close(payment: Payment, status: Status, cause: Cause, now: datetime, operation: Operation | None) -> Change:
    rest = payment.amount_authorized - payment.amount_captured
    payment.move(
        "captured" if payment.amount_captured else status,
        cause,
        now,
        operation=operation.shown_id if operation is not None else None,
        amount=rest,
    )
    return Change(
        payment=payment,
        operation=operation,
        entries=(entries.release(rest, payment.currency),),
        event=payment_event(payment),
        status_code=OK,
    )


def captures_once() -> Problem:
    """Return the answer to a partial capture that an acquirer cannot make."""
    detail = "The acquirer of this payment captures once and releases the rest. Leave final out."
    return Problem(422, "validation_failed", detail, errors=(FieldError(detail, "/final"),))


def _require_authorized(payment: Payment, target: Status) -> None:
    if payment.status != "authorized":
        raise Problem(409, "payment_state", f"A payment that is {payment.status} cannot be {target}.")
    if payment.voiding:
        raise Problem(
            409, "payment_state", "A void is still without an answer; wait until it is known.", retryable=True
        )


def _too_large(what: str, left: int, currency: str) -> Problem:
    detail = f"At most {left} minor units ({display(left, currency)}) can still be {what}."
    return Problem(422, "amount_too_large", detail, errors=(FieldError(detail, "/amount"),))


def _note(payment: Payment, operation: Operation, now: datetime, cause: str | None = None) -> None:
    text = cause or f"{operation.kind}_{operation.status}"
    payment.note(text, now, operation=operation.shown_id, amount=operation.amount)


def _progress(payment: Payment, operation: Operation) -> Event:
    if operation.kind == "refund":
        return refund_event(operation)
    return payment_event(payment, f"{operation.kind}_{operation.status}")


def _finish(operation: Operation, status: OperationStatus, now: datetime) -> None:
    operation.status = status
    operation.updated_at = now


def _keep_reservation(payment: Payment, operation: Operation) -> None:
    if operation.kind == "capture":
        # A final one keeps the rest as well: its success releases that, so nobody may capture it meanwhile.
        payment.amount_capturing += payment.capturable if operation.final else operation.amount
    elif operation.kind == "refund":
        payment.amount_refunding += operation.amount
    else:
        payment.voiding = True


def _return_reservation(payment: Payment, operation: Operation) -> None:
    if operation.kind == "capture":
        # Nothing is reserved beside a final one, so that all of it is its own.
        payment.amount_capturing = 0 if operation.final else payment.amount_capturing - operation.amount
    elif operation.kind == "refund":
        payment.amount_refunding -= operation.amount
    else:
        payment.voiding = False
