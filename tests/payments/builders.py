"""Payments and operations without a database."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from payments.connectors.declines import DECLINES
from payments.connectors.port import Approved, Outcome, Unknown
from payments.ledger.entries import Entry
from payments.payments import decisions
from payments.payments.changes import Change, Claim
from payments.payments.domain import Operation, Payment
from payments.payments.drafts import Draft
from shared.ids import new_uuid

NOW = datetime(2030, 1, 1, tzinfo=UTC)
APPROVED, SILENCE, REFUSED = Approved("ref-1"), Unknown("no answer"), DECLINES["card_declined"]
NOT_PROCESSED = DECLINES["not_processed"]


def draft_payment(**changes: Any) -> Payment:
    """A payment of 100.00 EUR, manual, that nobody has decided about yet."""
    fields: dict[str, Any] = {
        "id": new_uuid(),
        "merchant_id": new_uuid(),
        "livemode": False,
        "status": "processing",
        "amount": 10_000,
        "currency": "EUR",
        "capture_method": "manual",
        "payment_method_id": new_uuid(),
        "card": {"brand": "visa", "last4": "4242", "exp_month": 12, "exp_year": 2040, "fingerprint": "f"},
        "metadata": {},
        "connector": "sandbox",
        "fee_basis_points": 0,
        "fee_fixed": 0,
        "idempotency_key": "key",
        "timeline": [],
        "usage_day": NOW.date(),
        "usage_amount": 10_000,
        "settlement_currency": "EUR",
        "card_fingerprint": "f",
        "card_bin": "424242",
        "expires_at": NOW + timedelta(days=7),
        "created_at": NOW,
        "updated_at": NOW,
    }
    absent = ("reference", "description", "statement_descriptor", "customer_ip", "device_id", "card_country")
    return Payment(**{**dict.fromkeys(absent), **fields, **changes})


def authorized(**changes: Any) -> Payment:
    """The same, authorized."""
    return decisions.authorize(draft_payment(**changes), APPROVED, NOW).payment


def captured(**changes: Any) -> Payment:
    """The same, captured at once."""
    return authorized(capture_method="automatic", **changes)


def operation(payment: Payment, kind: Any, amount: int | None = None, *, final: bool = True) -> Operation:
    """What a client asks for, checked against the payment."""
    claim = Claim(payment.merchant_id, False, "key-2", f"POST {kind}", b"", new_uuid())
    return Draft(kind, amount, final=final).operation(payment, claim, NOW)


def perform(
    payment: Payment, kind: str, amount: int | None = None, *, final: bool = True, outcome: Outcome = APPROVED
) -> Change:
    """An operation whose outcome is known at once."""
    return decisions.perform(payment, operation(payment, kind, amount, final=final), outcome, NOW)


def accounts(*changes: Change) -> dict[str, int]:
    """What changes post, by account; each entry must balance and say something in every line."""
    entries: Iterable[Entry] = [entry for change in changes for entry in change.entries]
    total: Counter[str] = Counter()
    for entry in entries:
        assert sum(line.amount for line in entry.lines) == 0
        assert all(line.amount for line in entry.lines)
        assert len(entry.lines) > 1
        for line in entry.lines:
            total[line.account] += line.amount
    return {account: amount for account, amount in total.items() if amount}


def shown(change: Change) -> dict[str, Any]:
    """The object that a change shows."""
    found: dict[str, Any] = msgspec.json.decode(change.event.data)
    return found
