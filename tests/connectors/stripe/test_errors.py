"""What Stripe's errors are taken for: certainly without effect, or silence."""

import pytest
import stripe

from payments.connectors.declines import DECLINES
from payments.connectors.port import Declined, Unknown
from payments.connectors.stripe import errors


def test_every_code_leads_to_one_of_ours():
    assert set(errors._DECLINES.values()) | set(errors._REFUSED.values()) <= set(DECLINES)


@pytest.mark.parametrize(
    ("code", "decline_code", "ours"),
    [
        ("card_declined", "insufficient_funds", "insufficient_funds"),
        ("card_declined", "lost_card", "lost_card"),
        ("expired_card", None, "expired_card"),
        ("card_declined", "something_new", "card_declined"),
        (None, None, "card_declined"),
    ],
)
def test_the_more_precise_code_counts(code, decline_code, ours):
    assert errors.card_decline(code, decline_code).code == ours


@pytest.mark.parametrize(
    ("error", "status", "kind", "ours"),
    [
        (stripe.RateLimitError, 429, "authorize", "not_processed"),
        (stripe.AuthenticationError, 401, "capture", "not_processed"),
        (stripe.PermissionError, 403, "refund", "not_processed"),
        (stripe.APIError, 400, "authorize", "transaction_not_allowed"),
        (stripe.APIError, 400, "capture", "capture_rejected"),
        (stripe.APIError, 402, "void", "void_rejected"),
        (stripe.APIError, 404, "refund", "refund_rejected"),
        (stripe.IdempotencyError, 400, "authorize", None),
        (stripe.APIError, 409, "authorize", None),
        (stripe.APIError, 500, "authorize", None),
        (stripe.APIError, 503, "refund", None),
        (stripe.APIConnectionError, None, "capture", None),
    ],
)
def test_only_a_clear_refusal_is_one(error, status, kind, ours):
    outcome = errors.outcome_of(error("a message", http_status=status), kind)
    if ours is None:
        assert isinstance(outcome, Unknown)
    else:
        assert isinstance(outcome, Declined)
        assert outcome.code == ours
