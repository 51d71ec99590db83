"""What must hold of the ledger by itself. Each statement returns the differences: no rows, no difference."""

from payments.books.check import Check

LEDGER_CHECKS = (
    Check(
        "balanced",
        "each transaction's postings add up to nothing, per currency",
        """
SELECT transaction_id, currency, sum(amount) AS difference FROM payments.postings
 GROUP BY transaction_id, currency HAVING sum(amount) <> 0
""",
    ),
    Check(
        "accounts",
        "each posting is in the currency, mode and merchant of its account, and no transaction is empty",
        """
SELECT p.transaction_id, p.line, p.account_id FROM payments.postings p
  LEFT JOIN payments.ledger_transactions t ON t.id = p.transaction_id
  LEFT JOIN payments.ledger_accounts a ON a.id = p.account_id AND a.currency = p.currency AND a.livemode = t.livemode
        AND a.merchant_id IN (t.merchant_id, '00000000-0000-0000-0000-000000000000')
 WHERE a.id IS NULL
UNION ALL
SELECT t.id, NULL, NULL FROM payments.ledger_transactions t
 WHERE NOT EXISTS (SELECT 1 FROM payments.postings p WHERE p.transaction_id = t.id)
""",
    ),
    Check(
        "roll-ups",
        "what is rolled up is the sum of the postings below the watermark",
        """
SELECT a.id AS account_id, a.kind, a.currency, coalesce(b.amount, 0) AS rolled_up, s.amount AS posted
  FROM payments.ledger_accounts a
  LEFT JOIN payments.ledger_balances b ON b.account_id = a.id
 CROSS JOIN LATERAL (SELECT coalesce(sum(p.amount), 0) AS amount FROM payments.postings p
                      WHERE p.account_id = a.id AND p.xact < (SELECT xact FROM payments.ledger_watermark)) s
 WHERE coalesce(b.amount, 0) <> s.amount
""",
    ),
)
