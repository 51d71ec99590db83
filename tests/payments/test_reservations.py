"""Operations whose acquirer has not answered: their amounts stay reserved until there is evidence."""

import pytest

from payments.payments import decisions
from payments.payments.changes import Change
from shared.problems import Problem
from tests.payments.builders import APPROVED, NOW, REFUSED, SILENCE, accounts, authorized, captured, operation, shown


def reserve(payment, kind, amount=None, *, final=True) -> Change:
    return decisions.reserve(payment.copy(), operation(payment, kind, amount, final=final), NOW)


def settle(change: Change, outcome) -> Change:
    assert change.operation is not None
    return decisions.settle(change.payment.copy(), change.operation.copy(), outcome, NOW, "recovery")


def refused(payment, kind, amount=None, *, final=True) -> Problem:
    with pytest.raises(Problem) as caught:
        operation(payment, kind, amount, final=final)
    return caught.value


@pytest.mark.parametrize("outcome", [None, SILENCE])
def test_a_reserved_refund_is_not_given_twice(outcome):
    change = reserve(captured(), "refund", 6_000)
    if outcome is not None:
        change = settle(change, outcome)
    assert (change.payment.refundable, change.payment.amount_refunded) == (4_000, 0)
    assert change.entries == ()
    assert refused(change.payment, "refund", 4_001).code == "amount_too_large"
    assert operation(change.payment, "refund").amount == 4_000


@pytest.mark.parametrize("outcome", [None, SILENCE])
def test_a_reserved_partial_capture_is_not_taken_twice(outcome):
    change = reserve(authorized(), "capture", 6_000, final=False)
    if outcome is not None:
        change = settle(change, outcome)
    assert (change.payment.capturable, change.payment.amount_captured) == (4_000, 0)
    assert refused(change.payment, "capture", 4_001, final=False).code == "amount_too_large"
    assert operation(change.payment, "capture", 4_000, final=False).amount == 4_000


def test_nothing_closes_a_payment_over_an_unanswered_capture():
    change = reserve(authorized(), "capture", 6_000, final=False)
    for kind in ("capture", "void"):
        problem = refused(change.payment, kind)
        assert (problem.status, problem.code, problem.retryable) == (409, "payment_state", True)
    with pytest.raises(Problem, match="has not expired"):
        decisions.expire(change.payment, NOW.replace(year=2031))


def test_a_final_capture_without_an_answer_keeps_the_rest_from_other_captures():
    # The rest is released when it succeeds; money captured from it would not be backed by a hold.
    change = reserve(authorized(), "capture", 6_000)
    problem = refused(change.payment, "capture", 4_000, final=False)
    assert (problem.status, problem.code, problem.retryable) == (409, "payment_state", True)
    failed = settle(change, REFUSED)
    assert failed.payment.capturable == 10_000
    done = settle(change, APPROVED)
    assert (done.payment.status, done.payment.capturable, done.payment.amount_capturing) == ("captured", 4_000, 0)
    assert accounts(done)["authorization_holds"] == -10_000


@pytest.mark.parametrize("outcome", [None, SILENCE])
def test_an_unanswered_void_stops_everything_else(outcome):
    change = reserve(authorized(), "void")
    if outcome is not None:
        change = settle(change, outcome)
    for kind in ("capture", "void"):
        assert (refused(change.payment, kind).code, refused(change.payment, kind).retryable) == ("payment_state", True)
    with pytest.raises(Problem, match="void"):
        decisions.expire(change.payment, NOW.replace(year=2031))
    assert settle(change, REFUSED).payment.capturable == 10_000
    assert settle(change, APPROVED).payment.status == "voided"


@pytest.mark.parametrize("kind", ["capture", "void", "refund"])
def test_an_operation_is_answered_once(kind):
    payment = captured() if kind == "refund" else authorized()
    change = reserve(payment, kind)
    for first, second in ((APPROVED, APPROVED), (APPROVED, REFUSED), (REFUSED, APPROVED), (SILENCE, SILENCE)):
        with pytest.raises(Problem, match="already"):
            settle(settle(change, first), second)


@pytest.mark.parametrize(("kind", "status"), [("capture", 200), ("void", 200), ("refund", 201)])
@pytest.mark.parametrize("outcome", [APPROVED, REFUSED, SILENCE])
def test_the_first_answer_answers_the_client_and_later_ones_do_not(kind, status, outcome):
    payment = captured() if kind == "refund" else authorized()
    change = reserve(payment, kind)
    assert (change.status_code, change.answers) == (None, None)
    answered = settle(change, outcome)
    assert answered.status_code == status
    assert answered.answers is not None
    assert answered.answers[0] == "key-2"
    if outcome is SILENCE:
        resolved = settle(answered, APPROVED)
        assert (resolved.status_code, resolved.answers) == (None, None)


def test_a_refund_shows_each_of_its_states():
    change = reserve(captured(), "refund", 100)
    assert (change.event.type, shown(change)["status"]) == ("refund.processing", "processing")
    silent = settle(change, SILENCE)
    assert (silent.event.type, shown(silent)["status"]) == ("refund.unknown", "unknown")
    assert silent.payment.timeline[-1]["cause"] == "timeout"
    done = settle(silent, APPROVED)
    assert (done.event.type, shown(done)["status"]) == ("refund.succeeded", "succeeded")
    assert accounts(done) == {"merchant_pending": 100, "refunds": -100}
