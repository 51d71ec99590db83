"""What the service should do, in memory and without a database: the state machine compares the two.

Written from the rules, not from the code: reservations are sums over operations, fees are fractions.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, NamedTuple, TypeAlias

from tests.payments.machine.orders import CALLS_BACK, Crash, Kind, Order, play_of

SETTLEMENT, FOREIGN = "EUR", "GBP"
BASIS_POINTS, FIXED = 250, 7
# One penny at the bank's rate, and at what a merchant gets of it unless told.
MID = Fraction("1.1725")
SPREAD_BASIS_POINTS = 100
_MERCHANT_RATE = MID * (10_000 - SPREAD_BASIS_POINTS) / 10_000


@dataclass
class Stored:
    """An idempotency key; ``shown`` is what its reply says, None while there is no reply."""

    order: Order
    status_code: int = 0
    shown: dict[str, Any] | None = None
    body: bytes | None = None  # once a client has seen it


class Refusal(NamedTuple):
    """A problem; nothing was written."""

    status_code: int
    code: str


class Reply(NamedTuple):
    """An answer that is stored under its key."""

    stored: Stored
    replayed: bool


class InFlight(NamedTuple):
    """The client hears nothing, because the process died first."""


Result: TypeAlias = Refusal | Reply | InFlight


@dataclass
class Operation:
    """A capture, void or refund."""

    kind: Kind
    amount: int
    final: bool
    reserves: int
    stored: Stored
    payment: "Payment"
    status: str = "processing"
    books: str | None = None
    overdue: bool = False

    @property
    def reserved(self) -> bool:
        return self.status in ("processing", "unknown")


@dataclass
class Payment:
    """A payment; it is its own authorization."""

    amount: int
    currency: str
    card: str
    manual: bool
    stored: Stored
    status: str = "processing"
    authorized: int = 0
    captured: int = 0
    refunded: int = 0
    books: str | None = None
    overdue: bool = False
    expired: bool = False
    changes: int = 0
    steps: int = 1  # in the timeline
    operations: list[Operation] = field(default_factory=list)
    disputes: list["Dispute"] = field(default_factory=list)

    @property
    def disputed(self) -> int:
        return sum(one.withheld for one in self.disputes if one.status != "won")

    def reserved(self, kind: Kind) -> int:
        return sum(one.reserves for one in self.operations if one.kind == kind and one.reserved)

    @property
    def voiding(self) -> bool:
        return any(one.kind == "void" and one.reserved for one in self.operations)

    @property
    def capturable(self) -> int:
        return self.authorized - self.captured - self.reserved("capture")

    @property
    def refundable(self) -> int:
        return self.captured - self.refunded - self.reserved("refund") - self.disputed

    @property
    def proceeds(self) -> int:
        """What is captured, as the merchant is paid for it; rounded half-even, as Python rounds fractions."""
        return self.captured if self.currency == SETTLEMENT else round(self.captured * _MERCHANT_RATE)

    @property
    def fee(self) -> int:
        """Return a share of the proceeds and a fixed part."""
        return round(Fraction(self.proceeds * BASIS_POINTS, 10_000)) + (FIXED if self.captured else 0)

    @property
    def held(self) -> int:
        return self.authorized - self.captured if self.status == "authorized" else 0


Subject: TypeAlias = Payment | Operation


@dataclass
class Dispute:
    """What a cardholder wants back, and what could still be taken."""

    withheld: int
    status: str = "needs_response"


class Model:
    """One merchant's payments."""

    def __init__(self) -> None:
        self.payments: list[Payment] = []
        self.keys: dict[tuple[str, Kind, int], Stored] = {}
        self._calls: list[Subject] = []

    def submit(self, order: Order, crash: Crash | None = None) -> Result:
        """Play a request, to the end or until the process dies."""
        known = self.keys.get(order.place)
        if known is not None:
            return self._repeat(known, order)
        stored = Stored(order, 201 if order.kind in ("create", "refund") else 200)
        subject: Subject
        if order.kind == "create":
            subject = Payment(order.amount or 0, order.currency, order.card, order.manual, stored)
            self.payments.append(subject)
        else:
            payment = self.payments[order.payment]
            refusal = self._refuse(payment, order)
            if refusal is not None:
                return refusal
            left = payment.refundable if order.kind == "refund" else payment.capturable
            amount = left if order.amount is None else order.amount
            # A final capture keeps all that is left: its success releases what it does not take.
            reserves = left if order.kind == "capture" and order.final else amount
            subject = Operation(order.kind, amount, order.final, reserves, stored, payment)
            payment.operations.append(subject)
        self.keys[order.place] = stored
        return self._carry_out(subject, order.kind, crash)

    def _carry_out(self, subject: Subject, kind: Kind, crash: Crash | None) -> Result:
        payment = _payment(subject)
        play = play_of(payment.card, kind)
        if play.external:
            self._calls.append(subject)
            payment.changes += 1
            payment.steps += isinstance(subject, Operation)
            if crash == "before the call":
                return InFlight()
            subject.books = play.books
            if crash == "after the call" and not (kind == "create" and payment.card == CALLS_BACK):
                return InFlight()
        self._settle(subject, play.heard)
        return Reply(subject.stored, replayed=False) if crash is None else InFlight()

    def _repeat(self, known: Stored, order: Order) -> Result:
        if known.order != order:
            return Refusal(422, "idempotency_key_reused")
        if known.shown is None:
            subject = next(one for one in self._calls if one.stored is known)
            if not subject.overdue:
                return Refusal(409, "idempotency_key_in_use")
            self._settle(subject, "unknown")
        return Reply(known, replayed=True)

    def _refuse(self, payment: Payment, order: Order) -> Refusal | None:
        if order.kind == "refund":
            if not payment.captured:
                return Refusal(409, "payment_state")
            left = payment.refundable
        else:
            if payment.status != "authorized" or payment.voiding:
                return Refusal(409, "payment_state")
            if order.kind == "capture" and payment.expired:
                return Refusal(409, "authorization_expired")
            left = payment.capturable
            if payment.reserved("capture") and (order.kind == "void" or order.final or not left):
                return Refusal(409, "payment_state")
        wanted = left if order.amount is None else order.amount
        return None if 0 < wanted <= left else Refusal(422, "amount_too_large")

    def _settle(self, subject: Subject, outcome: str, *, absent: bool = False) -> None:
        """Give a subject an answer: one change of its payment."""
        payment = _payment(subject)
        payment.changes += 1
        payment.steps += 1
        if isinstance(subject, Operation):
            subject.status = {"approved": "succeeded", "declined": "failed", "unknown": "unknown"}[outcome]
            if outcome == "approved":
                self._move_money(subject)
        elif outcome == "approved":
            payment.authorized = payment.amount
            payment.captured = 0 if payment.manual else payment.amount
            payment.status = "authorized" if payment.manual else "captured"
        else:
            payment.status = "failed" if absent else outcome
        if subject.stored.shown is None:
            subject.stored.shown = _shown(subject)

    def _move_money(self, operation: Operation) -> None:
        payment = operation.payment
        if operation.kind == "refund":
            payment.refunded += operation.amount
        elif operation.kind == "void":
            payment.status = "captured" if payment.captured else "voided"
        else:
            payment.captured += operation.amount
            if operation.final or payment.captured == payment.authorized:
                payment.status = "captured"

    def let_deadlines_pass(self) -> None:
        for subject in self._calls:
            subject.overdue = True

    def let_acquirer_decide(self) -> None:
        for subject in self._calls:
            if subject.books == "pending":
                subject.books = "approved"

    def recover(self) -> int:
        """Ask the acquirer about every call that is late; return how many are ended."""
        ended = 0
        for subject in self._calls:
            if subject.overdue and subject.status in ("processing", "unknown"):
                if subject.status == "processing":
                    self._settle(subject, "unknown")
                if subject.books != "pending":
                    self._settle(subject, subject.books or "declined", absent=subject.books is None)
                    ended += 1
        return ended

    def dispute(self, payment: Payment, amount: int) -> bool:
        """Let a cardholder dispute an amount; false while there is nothing to dispute."""
        if not payment.captured:
            return False
        withheld = min(amount, payment.refundable)
        payment.disputes.append(Dispute(withheld))
        payment.changes += withheld > 0
        payment.steps += withheld > 0
        return True

    def end_dispute(self, payment: Payment, number: int, status: str) -> None:
        """Let the bank decide; what is decided stays so."""
        dispute = payment.disputes[number]
        if dispute.status == "needs_response":
            dispute.status = status
            returned = status == "won" and dispute.withheld > 0
            payment.changes += returned
            payment.steps += returned

    def expire(self) -> None:
        for payment in self.payments:
            due = payment.status == "authorized" and payment.expired
            if due and not payment.voiding and not payment.reserved("capture"):
                payment.status = "captured" if payment.captured else "expired"
                payment.changes += 1
                payment.steps += 1

    def accounts(self) -> dict[tuple[str, str], int]:
        """Return what each account holds by (kind, currency); debits are positive, empty accounts are left out."""
        total: Counter[tuple[str, str]] = Counter()
        for payment in self.payments:
            for kind, currency, amount in _balances(payment):
                total[kind, currency] += amount
        return {account: amount for account, amount in total.items() if amount}


def _balances(payment: Payment) -> Iterator[tuple[str, str, int]]:
    captured, refunded, currency = payment.captured, payment.refunded, payment.currency
    disputed, returned_all = payment.disputed, payment.refunded + payment.disputed
    yield "authorization_holds", currency, payment.held
    yield "authorization_contra", currency, -payment.held
    yield "acquirer_receivable", currency, captured
    yield "refunds", currency, -refunded
    yield "chargebacks", currency, -disputed
    yield "platform_fees", SETTLEMENT, -payment.fee
    if currency == SETTLEMENT:
        yield "merchant_pending", SETTLEMENT, payment.fee - captured + returned_all
        return
    worth, returned, left = round(captured * MID), round(returned_all * MID), round((captured - returned_all) * MID)
    yield "fx_clearing", currency, returned_all - captured
    yield "fx_clearing", SETTLEMENT, left
    yield "fx_spread", SETTLEMENT, payment.proceeds - worth
    yield "rounding", SETTLEMENT, worth - returned - left
    yield "merchant_pending", SETTLEMENT, payment.fee - payment.proceeds + returned


def _payment(subject: Subject) -> Payment:
    return subject if isinstance(subject, Payment) else subject.payment


def _shown(subject: Subject) -> dict[str, Any]:
    """Return the part of a reply that the model knows."""
    if isinstance(subject, Operation) and subject.kind == "refund":
        return {"object": "refund", "status": subject.status, "amount": subject.amount}
    payment = _payment(subject)
    return {
        "object": "payment",
        "status": payment.status,
        "amount": payment.amount,
        "amount_authorized": payment.authorized,
        "amount_captured": payment.captured,
        "amount_refunded": payment.refunded,
    }
