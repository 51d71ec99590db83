"""Pure decisions: what may happen to a payment, and what it posts."""

from datetime import timedelta

import pytest

from payments.payments import decisions
from shared.problems import Problem
from tests.payments.builders import (
    APPROVED,
    NOT_PROCESSED,
    NOW,
    REFUSED,
    SILENCE,
    accounts,
    authorized,
    captured,
    draft_payment,
    operation,
    perform,
    shown,
)


def refusal(status: int, code: str) -> pytest.RaisesExc[Problem]:
    return pytest.RaisesExc(Problem, check=lambda problem: (problem.status, problem.code) == (status, code))


def test_an_approval_holds_the_amount_of_a_manual_payment():
    change = decisions.authorize(draft_payment(), APPROVED, NOW)
    payment = change.payment
    assert (payment.status, payment.amount_authorized, payment.amount_captured) == ("authorized", 10_000, 0)
    assert payment.acquirer_reference == APPROVED.reference
    assert accounts(change) == {"authorization_holds": 10_000, "authorization_contra": -10_000}
    assert change.event.type == "payment.authorized"


def test_an_approval_takes_the_amount_of_an_automatic_payment():
    change = decisions.authorize(
        draft_payment(capture_method="automatic", fee_basis_points=250, fee_fixed=30), APPROVED, NOW
    )
    assert (change.payment.status, change.payment.amount_captured) == ("captured", 10_000)
    assert accounts(change) == {"acquirer_receivable": 10_000, "merchant_pending": -9_720, "platform_fees": -280}


@pytest.mark.parametrize(
    ("outcome", "status"), [(REFUSED, "declined"), (NOT_PROCESSED, "failed"), (SILENCE, "unknown")]
)
def test_an_authorization_that_is_not_approved_posts_nothing(outcome, status):
    change = decisions.authorize(draft_payment(), outcome, NOW)
    assert change.payment.status == status
    assert change.payment.amount_authorized == 0
    assert change.entries == ()


@pytest.mark.parametrize(
    ("outcome", "status"), [(APPROVED, "authorized"), (REFUSED, "declined"), (NOT_PROCESSED, "failed")]
)
def test_evidence_ends_an_unknown_authorization(outcome, status):
    unknown = decisions.authorize(draft_payment(), SILENCE, NOW)
    assert unknown.status_code == 201
    assert unknown.answers == ("key", "POST /v1/payments")
    ended = decisions.authorize(unknown.payment, outcome, NOW, "recovery")
    assert ended.payment.status == status
    assert ended.payment.timeline[-1]["cause"] == "recovery"
    assert ended.answers is None  # the client got its reply when the payment became unknown


@pytest.mark.parametrize("outcome", [APPROVED, REFUSED, SILENCE])
def test_an_authorization_is_answered_once(outcome):
    with refusal(409, "payment_state"):
        decisions.authorize(authorized(), outcome, NOW)


def test_a_final_capture_releases_the_rest():
    change = perform(authorized(), "capture", 6_000)
    assert (change.payment.status, change.payment.amount_captured) == ("captured", 6_000)
    assert accounts(change) == {
        "authorization_holds": -10_000,
        "authorization_contra": 10_000,
        "acquirer_receivable": 6_000,
        "merchant_pending": -6_000,
    }
    assert change.event.type == "payment.captured"


def test_partial_captures_keep_the_payment_authorized_until_nothing_is_left():
    first = perform(authorized(), "capture", 3_000, final=False)
    assert (first.payment.status, first.payment.amount_captured) == ("authorized", 3_000)
    assert first.event.type == "payment.partially_captured"
    second = perform(first.payment, "capture", 4_000, final=False)
    assert (second.payment.status, second.payment.amount_captured) == ("authorized", 7_000)
    last = perform(second.payment, "capture", final=False)
    assert (last.payment.status, last.payment.amount_captured) == ("captured", 10_000)
    assert accounts(first, second, last) == {
        "authorization_holds": -10_000,
        "authorization_contra": 10_000,
        "acquirer_receivable": 10_000,
        "merchant_pending": -10_000,
    }


@pytest.mark.parametrize("amount", [10_001, 10**12])
def test_more_than_authorized_is_never_captured(amount):
    with refusal(422, "amount_too_large"):
        perform(authorized(), "capture", amount)


def test_the_refusal_says_how_much_is_left():
    part = perform(authorized(), "capture", 9_950, final=False).payment
    with pytest.raises(Problem, match=r"At most 50 minor units \(0\.50 EUR\) can still be captured\.") as caught:
        perform(part, "capture", 51)
    assert [error.pointer for error in caught.value.errors] == ["/amount"]


def test_a_capture_is_refused_from_the_moment_of_expiry():
    for expires_at in (NOW, NOW - timedelta(microseconds=1)):
        with refusal(409, "authorization_expired"):
            perform(authorized(expires_at=expires_at), "capture")
    assert perform(authorized(expires_at=NOW + timedelta(microseconds=1)), "capture").payment.status == "captured"


def test_a_void_releases_everything():
    change = perform(authorized(), "void")
    assert change.payment.status == "voided"
    assert accounts(change) == {"authorization_holds": -10_000, "authorization_contra": 10_000}


def test_a_void_of_a_partly_captured_payment_releases_the_rest_and_ends_in_captured():
    part = perform(authorized(), "capture", 3_000, final=False).payment
    change = perform(part, "void")
    assert (change.payment.status, change.payment.amount_captured) == ("captured", 3_000)
    assert accounts(change) == {"authorization_holds": -7_000, "authorization_contra": 7_000}


def test_an_expiry_releases_what_a_void_would():
    later = NOW + timedelta(days=8)
    whole = decisions.expire(authorized(), later)
    assert whole.payment.status == "expired"
    assert accounts(whole) == {"authorization_holds": -10_000, "authorization_contra": 10_000}
    part = decisions.expire(perform(authorized(), "capture", 3_000, final=False).payment, later)
    assert (part.payment.status, part.payment.amount_captured) == ("captured", 3_000)
    assert accounts(part) == {"authorization_holds": -7_000, "authorization_contra": 7_000}


def test_nothing_expires_early_or_without_being_authorized():
    with refusal(409, "payment_state"):
        decisions.expire(authorized(), NOW)
    with refusal(409, "payment_state"):
        decisions.expire(captured(expires_at=NOW), NOW)


@pytest.mark.parametrize("kind", ["capture", "void"])
@pytest.mark.parametrize("outcome", [REFUSED, SILENCE])
def test_only_an_authorized_payment_is_captured_or_voided(kind, outcome):
    undecided = decisions.authorize(draft_payment(), outcome, NOW).payment
    for payment in (undecided, captured(), perform(authorized(), "void").payment, draft_payment()):
        with refusal(409, "payment_state"):
            operation(payment, kind)


def test_refunds_add_up_to_what_was_captured_and_no_further():
    payment = perform(authorized(), "capture", 6_000).payment
    first = perform(payment, "refund", 2_500)
    second = perform(first.payment, "refund", 3_400)
    with pytest.raises(Problem, match=r"At most 100 minor units \(1\.00 EUR\) can still be refunded"):
        perform(second.payment, "refund", 101)
    last = perform(second.payment, "refund")
    assert (last.payment.amount_refunded, last.payment.status) == (6_000, "captured")
    assert accounts(first, second, last) == {"merchant_pending": 6_000, "refunds": -6_000}
    assert shown(last) | {"amount": 100, "status": "succeeded", "object": "refund"} == shown(last)
    with refusal(422, "amount_too_large"):
        perform(last.payment, "refund")


def test_captured_money_is_refundable_while_the_rest_is_still_held():
    part = perform(authorized(), "capture", 3_000, final=False).payment
    assert perform(part, "refund").payment.amount_refunded == 3_000
    with refusal(409, "payment_state"):
        perform(authorized(), "refund")


def test_a_refund_keeps_the_fee():
    payment = captured(fee_basis_points=250, fee_fixed=30)
    assert accounts(perform(payment, "refund")) == {"merchant_pending": 10_000, "refunds": -10_000}


def test_a_refused_operation_posts_nothing_and_gives_its_amount_back():
    payment = authorized()
    for kind in ("capture", "void"):
        change = perform(payment.copy(), kind, outcome=REFUSED)
        assert (change.payment.status, change.payment.capturable, change.entries) == ("authorized", 10_000, ())
        assert (change.event.type, change.status_code) == (f"payment.{kind}_failed", 200)
    refused = perform(captured(), "refund", outcome=REFUSED)
    assert (refused.payment.refundable, refused.entries, refused.status_code) == (10_000, (), 201)
    assert shown(refused)["status"] == "failed"
    assert shown(refused)["failure_code"] == "card_declined"
