"""What must be true of a merchant's books whatever went wrong on the way."""

from tests.support import Caller

_PAYMENTS_PER_KEY = """
SELECT idempotency_key, count(*) FROM payments.payments WHERE merchant_id = %s GROUP BY idempotency_key
"""
_OPERATIONS_PER_KEY = """
SELECT idempotency_key, count(*) FROM payments.operations WHERE merchant_id = %s GROUP BY idempotency_key
"""
_EFFECTS = """
SELECT (SELECT count(*) FROM payments.events WHERE merchant_id = %(merchant)s AND type = 'payment.captured'),
       (SELECT count(*) FROM payments.ledger_transactions WHERE merchant_id = %(merchant)s AND kind = 'capture'),
       (SELECT count(*) FROM payments.idempotency_keys WHERE merchant_id = %(merchant)s)
"""
_UNBALANCED = """
SELECT transaction_id, currency FROM payments.postings GROUP BY transaction_id, currency HAVING sum(amount) <> 0
"""
_DRIFT = """
SELECT p.id FROM payments.payments p
  LEFT JOIN payments.ledger_transactions t ON t.payment_id = p.id
  LEFT JOIN payments.postings l ON l.transaction_id = t.id
  LEFT JOIN payments.ledger_accounts a ON a.id = l.account_id
 WHERE p.merchant_id = %s
 GROUP BY p.id, p.status, p.amount_authorized, p.amount_captured, p.amount_refunded, p.fee_charged
HAVING coalesce(sum(l.amount) FILTER (WHERE a.kind = 'authorization_holds'), 0)
       <> CASE p.status WHEN 'authorized' THEN p.amount_authorized - p.amount_captured ELSE 0 END
    OR coalesce(sum(l.amount) FILTER (WHERE a.kind = 'acquirer_receivable'), 0) <> p.amount_captured
    OR coalesce(sum(l.amount) FILTER (WHERE a.kind = 'merchant_pending'), 0)
       <> p.fee_charged + p.amount_refunded - p.amount_captured
"""


def payments_per_key(shop: Caller) -> dict[str, int]:
    """Return how many payments each key made."""
    return dict(shop.platform.rows(_PAYMENTS_PER_KEY, shop.identity.merchant_id))


def operations_per_key(shop: Caller) -> dict[str, int]:
    """Return how many captures, voids and refunds each key made."""
    return dict(shop.platform.rows(_OPERATIONS_PER_KEY, shop.identity.merchant_id))


def check_books(shop: Caller) -> None:
    """Every payment is in the ledger as it is in its row, once."""
    assert shop.platform.rows(_UNBALANCED) == []
    assert shop.platform.rows(_DRIFT, shop.identity.merchant_id) == []


def check_one_capture_per_key(shop: Caller, keys: int) -> None:
    """Every key made one captured payment: one event, one movement of money, one stored reply."""
    with shop.platform.sql() as connection:
        found = connection.execute(_EFFECTS, {"merchant": shop.identity.merchant_id}).fetchone()
    assert found == (keys, keys, keys)
    check_books(shop)
