"""Compares what the database holds of one merchant with the model."""

from typing import Any, TypeAlias
from uuid import UUID

import psycopg

from payments.payments.states import TRANSITIONS
from shared.ids import uuid_of
from tests.payments.machine.model import Model

Connection: TypeAlias = psycopg.Connection[dict[str, Any]]

_PAYMENTS = """
SELECT id, status, amount_authorized, amount_captured, amount_refunded, amount_capturing, amount_refunding, voiding,
       amount_disputed, fee_charged, timeline
  FROM payments.payments WHERE merchant_id = %s ORDER BY id
"""
_OPERATIONS = """
SELECT payment_id, kind, status, amount FROM payments.operations WHERE merchant_id = %s ORDER BY payment_id, id
"""
_UNBALANCED = """
SELECT t.id, p.currency, sum(p.amount) FROM payments.postings p JOIN payments.ledger_transactions t
    ON t.id = p.transaction_id JOIN payments.ledger_accounts a ON a.id = p.account_id
 WHERE t.merchant_id = %s GROUP BY t.id, p.currency, t.livemode
HAVING sum(p.amount) <> 0 OR bool_or(a.livemode <> t.livemode OR a.currency <> p.currency)
"""
_ACCOUNTS = """
SELECT a.kind, a.currency, sum(p.amount)::bigint AS amount
  FROM payments.postings p JOIN payments.ledger_accounts a ON a.id = p.account_id
  JOIN payments.ledger_transactions t ON t.id = p.transaction_id
 WHERE t.merchant_id = %s GROUP BY a.kind, a.currency HAVING sum(p.amount) <> 0
"""
_EVENTS = """
SELECT coalesce(o.payment_id, e.object_id) AS payment_id, count(*) AS events
  FROM payments.events e LEFT JOIN payments.operations o ON o.id = e.object_id
 WHERE e.merchant_id = %s AND e.type NOT LIKE 'dispute.%%' GROUP BY 1
"""
_KEYS = """
SELECT k.key, k.path, k.status_code, e.id IS NOT NULL AS answered, k.deadline IS NOT NULL AS has_deadline,
       coalesce(o.status, p.status) AS status
  FROM payments.idempotency_keys k LEFT JOIN payments.events e ON e.id = k.event_id
  LEFT JOIN payments.operations o ON o.id = k.resource_id LEFT JOIN payments.payments p ON p.id = k.resource_id
 WHERE k.merchant_id = %s
"""
_OPEN = """
SELECT id FROM payments.payments WHERE merchant_id = %(merchant)s AND status IN ('processing', 'authorized', 'unknown')
UNION ALL
SELECT id FROM payments.operations WHERE merchant_id = %(merchant)s AND status IN ('processing', 'unknown')
"""


def check_amounts(connection: Connection, merchant: UUID, model: Model, ids: list[str]) -> None:
    """Every payment and operation is as the model says, and its amounts are within their limits."""
    rows = {row["id"]: row for row in connection.execute(_PAYMENTS, [merchant])}
    operations = connection.execute(_OPERATIONS, [merchant]).fetchall()
    assert len(rows) == len(model.payments) == len(ids)
    for shown_id, payment in zip(ids, model.payments, strict=True):
        row = rows[uuid_of("pay", shown_id)]
        expected = {
            "status": payment.status,
            "amount_authorized": payment.authorized,
            "amount_captured": payment.captured,
            "amount_refunded": payment.refunded,
            "amount_capturing": payment.reserved("capture"),
            "amount_refunding": payment.reserved("refund"),
            "amount_disputed": payment.disputed,
            "voiding": payment.voiding,
            "fee_charged": payment.fee,
        }
        assert {name: row[name] for name in expected} == expected
        given_back = row["amount_refunded"] + row["amount_refunding"] + row["amount_disputed"]
        assert 0 <= given_back <= row["amount_captured"]
        assert row["amount_captured"] + row["amount_capturing"] <= row["amount_authorized"]
        assert [
            (one["kind"], one["status"], one["amount"]) for one in operations if one["payment_id"] == row["id"]
        ] == [(one.kind, one.status, one.amount) for one in payment.operations]
        _check_timeline(row, payment.steps)


def _check_timeline(row: dict[str, Any], steps: int) -> None:
    before = None
    for step in row["timeline"]:
        assert step["from"] == before
        legal = before is None or before == step["to"] or TRANSITIONS[before, step["to"]] != "."
        assert legal, f"{before} never becomes {step['to']}"
        before = step["to"]
    assert before == row["status"]
    assert len(row["timeline"]) == steps


def check(connection: Connection, merchant: UUID, model: Model, ids: list[str]) -> None:
    """The books balance, every change has its event, every key its reply."""
    assert connection.execute(_UNBALANCED, [merchant]).fetchall() == []
    accounts = connection.execute(_ACCOUNTS, [merchant]).fetchall()
    events = connection.execute(_EVENTS, [merchant]).fetchall()
    keys = connection.execute(_KEYS, [merchant]).fetchall()
    assert {(row["kind"], row["currency"]): row["amount"] for row in accounts} == model.accounts()
    assert {row["payment_id"]: row["events"] for row in events} == {
        uuid_of("pay", shown_id): payment.changes for shown_id, payment in zip(ids, model.payments, strict=True)
    }
    assert len(keys) == len(model.keys)
    stored = {(row["key"], row["path"]): row for row in keys}
    for (key, kind, payment), known in model.keys.items():
        tail = "" if kind == "create" else f"/{ids[payment]}/{'refunds' if kind == 'refund' else kind}"
        row = stored[key, f"POST /v1/payments{tail}"]
        if known.shown is None:
            assert (row["status_code"], row["answered"], row["has_deadline"]) == (None, False, True)
            assert row["status"] == "processing"
        else:
            assert (row["status_code"], row["answered"]) == (known.status_code, True)


def check_nothing_is_open(connection: Connection, merchant: UUID) -> None:
    """In the end there is an answer to everything."""
    assert connection.execute(_OPEN, {"merchant": merchant}).fetchall() == []
