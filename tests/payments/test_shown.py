"""What is shown of a payment and a refund is what the response models document: the encoder does not ask them."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from payments.http.models import rfc3339
from payments.payments import schemas
from tests.payments.builders import NOW, authorized, captured, draft_payment, operation

CARD_WITHIN = {"name": "not to be shown", "fingerprint": "f", "exp_year": 2040, "exp_month": 12, "last4": "4242"}
CONVERTED = {
    "fx_rate_mid": Decimal("1.0852"),
    "fx_rate_effective_at": NOW,
    "fx_spread_basis_points": 50,
    "fx_rate_source": "sandbox",
    "settlement_currency": "USD",
}


@pytest.mark.parametrize(
    "payment",
    [
        draft_payment(expires_at=None),
        authorized(reference="Auftrag №1", metadata={"k": "v"}, card={**CARD_WITHIN, "brand": "visa"}),
        captured(**CONVERTED),
        draft_payment(status="declined", decline_code="card_declined", receipt={"score": 7}),
    ],
    ids=["processing", "authorized", "converted", "declined"],
)
def test_a_payment(payment):
    for body, merchant in ((payment.show(), None), (payment.show_to_people(), f"mer_{payment.merchant_id.hex}")):
        shown = schemas.Payment.model_validate_json(body)
        assert body == schemas.Payment.__pydantic_serializer__.to_json(shown, exclude_unset=True)
        assert shown.merchant == merchant
        assert shown.id == f"pay_{payment.id.hex}"
        assert shown.created_at == "2030-01-01T00:00:00.000Z"


def test_a_refund():
    refund = operation(captured(), "refund", 1)
    body = refund.show_refund()
    shown = schemas.Refund.model_validate_json(body)
    assert body == schemas.Refund.__pydantic_serializer__.to_json(shown)
    assert shown.id == refund.shown_id


def test_a_moment_is_shown_in_utc_with_milliseconds_cut_off():
    berlin = timezone(timedelta(hours=1))
    assert rfc3339(datetime(2026, 1, 31, 10, 30, 0, 999_999, tzinfo=berlin)) == "2026-01-31T09:30:00.999Z"
    assert rfc3339(datetime(2026, 1, 31, tzinfo=UTC)) == "2026-01-31T00:00:00.000Z"
