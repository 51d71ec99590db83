"""Any story that the decisions allow keeps the amounts in bounds and the books right."""

from datetime import timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from payments.payments import decisions
from payments.payments.changes import Change
from payments.payments.domain import Operation, fee
from shared.problems import Problem
from tests.payments.builders import APPROVED, NOW, REFUSED, SILENCE, accounts, draft_payment, operation

answers = st.sampled_from((APPROVED, REFUSED))
outcomes = answers | st.just(SILENCE)
amounts = st.none() | st.integers(1, 120)


class Story(RuleBasedStateMachine):
    """One payment, and whoever wants something of it."""

    def __init__(self) -> None:
        super().__init__()
        self.payment = draft_payment(amount=100, fee_basis_points=333, fee_fixed=3)
        self.open: list[Operation] = []
        self.changes: list[Change] = []

    def keep(self, change: Change) -> None:
        self.payment = change.payment
        self.changes.append(change)

    def attempt(self, step: Any) -> bool:
        before = self.payment.copy()
        try:
            self.keep(step())
        except Problem:
            assert self.payment == before
            return False
        return True

    @initialize(outcome=outcomes, method=st.sampled_from(("automatic", "manual")))
    def authorize(self, outcome, method):
        self.payment.capture_method = method
        self.keep(decisions.authorize(self.payment.copy(), outcome, NOW))

    @precondition(lambda self: self.payment.status == "unknown")
    @rule(outcome=answers)
    def find_evidence(self, outcome):
        self.keep(decisions.authorize(self.payment.copy(), outcome, NOW, "recovery"))

    @rule(kind=st.sampled_from(("capture", "void", "refund")), amount=amounts, final=st.booleans(), outcome=answers)
    def operate_at_once(self, kind, amount, final, outcome):
        self.attempt(
            lambda: decisions.perform(
                self.payment.copy(), operation(self.payment, kind, amount, final=final), outcome, NOW
            )
        )

    @rule(kind=st.sampled_from(("capture", "void", "refund")), amount=amounts, final=st.booleans())
    def operate(self, kind, amount, final):
        if self.attempt(
            lambda: decisions.reserve(self.payment.copy(), operation(self.payment, kind, amount, final=final), NOW)
        ):
            made = self.changes[-1].operation
            assert made is not None
            self.open.append(made)

    @precondition(lambda self: self.open)
    @rule(data=st.data(), outcome=outcomes)
    def answer(self, data, outcome):
        stored = data.draw(st.sampled_from(self.open))
        self.open.remove(stored)
        if stored.status == "unknown" and outcome is SILENCE:
            outcome = REFUSED
        # Whatever was reserved can be answered: an answer must never be refused.
        self.keep(decisions.settle(self.payment.copy(), stored.copy(), outcome, NOW, "recovery"))
        answered = self.changes[-1].operation
        assert answered is not None
        if answered.status == "unknown":
            self.open.append(answered)

    @rule()
    def expire(self):
        self.attempt(lambda: decisions.expire(self.payment.copy(), NOW + timedelta(days=8)))

    @invariant()
    def amounts_are_in_bounds(self):
        payment = self.payment
        assert payment.amount_authorized in (0, payment.amount)
        assert 0 <= payment.amount_refunded + payment.amount_refunding <= payment.amount_captured
        assert payment.amount_captured + payment.amount_capturing <= payment.amount_authorized
        assert min(payment.amount_capturing, payment.amount_refunding, payment.amount_captured) >= 0
        if not self.open:
            assert (payment.amount_capturing, payment.amount_refunding, payment.voiding) == (0, 0, False)

    @invariant()
    def books_agree_with_the_payment(self):
        payment, books = self.payment, accounts(*self.changes)
        held = payment.amount_authorized - payment.amount_captured if payment.status == "authorized" else 0
        charged = fee(payment.fee_basis_points, payment.fee_fixed, payment.amount_captured)
        assert payment.fee_charged == charged
        assert books == {
            account: amount
            for account, amount in {
                "authorization_holds": held,
                "authorization_contra": -held,
                "acquirer_receivable": payment.amount_captured,
                "platform_fees": -charged,
                "merchant_pending": charged - payment.amount_captured + payment.amount_refunded,
                "refunds": -payment.amount_refunded,
            }.items()
            if amount
        }

    @invariant()
    def timeline_tells_of_every_change(self):
        assert len(self.payment.timeline) == len(self.changes)


TestStory = Story.TestCase
TestStory.settings = settings(max_examples=150, stateful_step_count=12, deadline=None)
