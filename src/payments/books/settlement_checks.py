"""What must hold between pending money, what matured of it, payouts, and the ledger; and of idempotency."""

from payments.books.check import Check

SETTLEMENT_CHECKS = (
    Check(
        "items",
        "each posting on a pending balance that the worker has seen is one item, of the same amount",
        """
WITH moved AS (
    SELECT p.transaction_id, -sum(p.amount) AS amount FROM payments.postings p
      JOIN payments.ledger_accounts a ON a.id = p.account_id AND a.kind = 'merchant_pending'
      JOIN payments.ledger_transactions t ON t.id = p.transaction_id AND t.kind <> 'mature'
     WHERE p.xact < (SELECT xact FROM payments.settlement_watermark)
     GROUP BY 1 HAVING sum(p.amount) <> 0
), returned AS (
    SELECT p.transaction_id, -p.amount AS amount FROM payments.postings p
      JOIN payments.ledger_accounts a ON a.id = p.account_id AND a.kind = 'merchant_available'
      JOIN payments.ledger_transactions t ON t.id = p.transaction_id AND t.kind = 'payout_failed'
), posted AS (SELECT * FROM moved UNION ALL SELECT * FROM returned)
SELECT coalesce(i.transaction_id, m.transaction_id) AS transaction_id, m.amount AS posted, i.amount AS item
  FROM posted m FULL JOIN payments.settlement_items i ON i.transaction_id = m.transaction_id
 WHERE m.amount IS DISTINCT FROM i.amount
""",
    ),
    Check(
        "maturities",
        "each maturity is the sum of its items, and posted unless that is nothing or returned by a payout",
        """
WITH summed AS (
    SELECT maturity_id, sum(amount) AS amount, count(*) AS items, bool_or(kind = 'payout_failure') AS returned
      FROM payments.settlement_items WHERE maturity_id IS NOT NULL GROUP BY 1
), posted AS (
    SELECT p.transaction_id, p.amount FROM payments.postings p
      JOIN payments.ledger_accounts a ON a.id = p.account_id AND a.kind = 'merchant_pending'
      JOIN payments.ledger_transactions t ON t.id = p.transaction_id AND t.kind = 'mature'
)
SELECT coalesce(m.id, s.maturity_id, p.transaction_id) AS maturity_id, m.amount, s.amount AS of_items,
       p.amount AS posted
  FROM payments.maturities m
  FULL JOIN summed s ON s.maturity_id = m.id
  FULL JOIN posted p ON p.transaction_id = coalesce(m.id, s.maturity_id)
 WHERE m.amount IS DISTINCT FROM s.amount OR m.items IS DISTINCT FROM s.items
    OR coalesce(p.amount, 0) <> CASE WHEN s.returned THEN 0 ELSE coalesce(m.amount, 0) END
""",
    ),
    Check(
        "available",
        "each merchant's available balance is what matured and is in no payout",
        """
WITH balances AS (
    SELECT a.merchant_id, a.livemode, a.currency, -sum(p.amount) AS amount
      FROM payments.ledger_accounts a JOIN payments.postings p ON p.account_id = a.id
     WHERE a.kind = 'merchant_available' GROUP BY 1, 2, 3
), unpaid AS (
    SELECT merchant_id, livemode, currency, sum(amount) AS amount
      FROM payments.maturities WHERE payout_id IS NULL GROUP BY 1, 2, 3
)
SELECT merchant_id, livemode, currency, b.amount AS balance, u.amount AS unpaid
  FROM balances b FULL JOIN unpaid u USING (merchant_id, livemode, currency)
 WHERE coalesce(b.amount, 0) <> coalesce(u.amount, 0)
""",
    ),
    Check(
        "payouts",
        "each payout is the sum of what it took, and posted once for each of its steps",
        """
WITH taken AS (
    SELECT payout_id, sum(amount) AS amount FROM payments.maturities WHERE payout_id IS NOT NULL GROUP BY 1
), posted AS (
    SELECT t.operation, -coalesce(sum(p.amount) FILTER (WHERE t.kind = 'payout'), 0) AS sent,
           coalesce(sum(p.amount) FILTER (WHERE t.kind = 'payout_paid'), 0) AS paid,
           coalesce(sum(p.amount) FILTER (WHERE t.kind = 'payout_failed'), 0) AS failed
      FROM payments.ledger_transactions t JOIN payments.postings p ON p.transaction_id = t.id
      JOIN payments.ledger_accounts a ON a.id = p.account_id AND a.kind = 'payouts_in_transit'
     WHERE t.kind IN ('payout', 'payout_paid', 'payout_failed') GROUP BY 1
)
SELECT coalesce(o.id, t.payout_id) AS payout_id, o.status, o.amount, t.amount AS of_items, p.sent, p.paid, p.failed
  FROM payments.payouts o
  FULL JOIN taken t ON t.payout_id = o.id
  LEFT JOIN posted p ON p.operation = 'po_' || replace(o.id::text, '-', '')
 WHERE o.amount IS DISTINCT FROM t.amount OR coalesce(p.sent, 0) <> o.amount
    OR coalesce(p.paid, 0) <> CASE WHEN o.status = 'paid' THEN o.amount ELSE 0 END
    OR coalesce(p.failed, 0) <> CASE WHEN o.status = 'failed' THEN o.amount ELSE 0 END
""",
    ),
    Check(
        "reconciliation",
        "what each settlement posted to our bank is what its lines say",
        """
WITH posted AS (
    SELECT t.id, coalesce(sum(p.amount) FILTER (WHERE a.kind = 'platform_bank'), 0) AS amount
      FROM payments.ledger_transactions t JOIN payments.postings p ON p.transaction_id = t.id
      JOIN payments.ledger_accounts a ON a.id = p.account_id
     WHERE t.kind = 'settlement' GROUP BY t.id
), settled AS (
    SELECT transaction_id AS id,
           sum(CASE WHEN type IN ('refund', 'dispute') THEN -amount ELSE amount END - fee) AS amount
      FROM payments.reconciliation_lines WHERE transaction_id IS NOT NULL GROUP BY 1
)
SELECT id AS transaction_id, p.amount AS posted, s.amount AS of_lines FROM posted p FULL JOIN settled s USING (id)
 WHERE p.amount IS DISTINCT FROM s.amount
""",
    ),
    Check(
        "idempotency",
        "each answered key has its reply and what it made, and no key waits for an answer without a deadline",
        """
SELECT k.merchant_id, k.key, k.path, k.resource_id,
       CASE WHEN k.event_id IS NULL THEN 'no answer and no deadline' WHEN e.id IS NULL THEN 'no reply'
            ELSE 'nothing was made' END AS problem
  FROM payments.idempotency_keys k
  LEFT JOIN payments.events e ON e.id = k.event_id
  LEFT JOIN payments.payments p ON p.id = k.resource_id
  LEFT JOIN payments.operations o ON o.id = k.resource_id
  LEFT JOIN payments.payouts po ON po.id = k.resource_id
 WHERE (k.event_id IS NULL AND k.deadline IS NULL) OR (k.event_id IS NOT NULL AND e.id IS NULL)
    OR coalesce(p.id, o.id, po.id) IS NULL
""",
    ),
)
