"""What must hold between payments, their operations and disputes, and the ledger."""

from payments.books.check import Check

_BOOKED = """
WITH booked AS (
    SELECT t.payment_id,
           coalesce(sum(p.amount) FILTER (WHERE a.kind = 'authorization_holds'), 0) AS holds,
           coalesce(sum(p.amount) FILTER (WHERE a.kind = 'acquirer_receivable'), 0) AS captured,
           coalesce(-sum(p.amount) FILTER (WHERE a.kind = 'refunds'), 0) AS refunded,
           coalesce(-sum(p.amount) FILTER (WHERE a.kind = 'chargebacks'), 0) AS disputed,
           coalesce(-sum(p.amount) FILTER (WHERE a.kind = 'platform_fees'), 0) AS fees
      FROM payments.ledger_transactions t
      JOIN payments.postings p ON p.transaction_id = t.id
      JOIN payments.ledger_accounts a ON a.id = p.account_id
     WHERE t.payment_id IS NOT NULL GROUP BY t.payment_id
), disputes AS (
    SELECT payment_id, sum(fee) AS fees FROM payments.disputes WHERE status <> 'won' GROUP BY payment_id
), expected AS (
    SELECT p.id, p.amount_captured AS captured, p.amount_refunded AS refunded, p.amount_disputed AS disputed,
           CASE WHEN p.status = 'authorized' THEN p.amount_authorized - p.amount_captured ELSE 0 END AS holds,
           p.fee_charged + coalesce(d.fees, 0) AS fees
      FROM payments.payments p LEFT JOIN disputes d ON d.payment_id = p.id
)
"""
_FIGURES = ("holds", "captured", "refunded", "disputed", "fees")


def _against_postings(figure: str) -> str:
    return f"""{_BOOKED}
SELECT coalesce(e.id, b.payment_id) AS payment_id, e.{figure} AS payment, b.{figure} AS posted
  FROM expected e FULL JOIN booked b ON b.payment_id = e.id
 WHERE coalesce(e.{figure}, 0) <> coalesce(b.{figure}, 0) OR (e.id IS NULL AND b.payment_id IS NOT NULL)
"""


PAYMENT_CHECKS = (
    *(
        Check(f"payments: {figure}", f"what is {meaning} of each payment is what is posted", _against_postings(figure))
        for figure, meaning in zip(
            _FIGURES, ("held", "captured", "refunded", "disputed", "charged as fees"), strict=True
        )
    ),
    Check(
        "payments: conversion",
        "the clearing accounts hold each converted payment's open position, but for its recorded fraction",
        """
WITH cleared AS (
    SELECT t.payment_id, p.currency, sum(p.amount) AS amount
      FROM payments.ledger_transactions t JOIN payments.postings p ON p.transaction_id = t.id
      JOIN payments.ledger_accounts a ON a.id = p.account_id AND a.kind = 'fx_clearing'
     WHERE t.payment_id IS NOT NULL GROUP BY 1, 2
), positions AS (
    SELECT id, currency, settlement_currency, fx_rate_mid, fx_remainder,
           amount_captured - amount_refunded - amount_disputed AS open,
           (CAST(:exponents AS json) ->> settlement_currency)::int
           - (CAST(:exponents AS json) ->> currency)::int AS shift
      FROM payments.payments WHERE fx_rate_mid IS NOT NULL
)
SELECT o.id AS payment_id, o.open, here.amount AS cleared, there.amount AS cleared_in_settlement, o.fx_remainder
  FROM positions o
  LEFT JOIN cleared here ON here.payment_id = o.id AND here.currency = o.currency
  LEFT JOIN cleared there ON there.payment_id = o.id AND there.currency = o.settlement_currency
 WHERE coalesce(here.amount, 0) <> -o.open
    OR (coalesce(there.amount, 0) + o.fx_remainder) * power(10::numeric, greatest(-o.shift, 0))
       <> o.open * o.fx_rate_mid * power(10::numeric, greatest(o.shift, 0))
""",
    ),
    Check(
        "payments: operations",
        "captures, refunds and voids add up to what their payment says, also those without an answer yet",
        """
WITH done AS (
    SELECT payment_id,
           coalesce(sum(amount) FILTER (WHERE kind = 'capture' AND status = 'succeeded'), 0) AS captured,
           coalesce(sum(amount) FILTER (WHERE kind = 'refund' AND status = 'succeeded'), 0) AS refunded,
           coalesce(sum(amount) FILTER (WHERE kind = 'refund' AND waits), 0) AS refunding,
           coalesce(sum(amount) FILTER (WHERE kind = 'capture' AND waits), 0) AS capturing,
           coalesce(bool_or(final) FILTER (WHERE kind = 'capture' AND waits), false) AS closing,
           coalesce(bool_or(kind = 'void' AND waits), false) AS voiding
      FROM (SELECT *, status IN ('processing', 'unknown') AS waits FROM payments.operations) o GROUP BY payment_id
)
SELECT p.id AS payment_id, p.status, p.amount_captured, p.amount_capturing, p.amount_refunded, p.amount_refunding,
       d.captured, d.capturing, d.refunded, d.refunding
  FROM payments.payments p LEFT JOIN done d ON d.payment_id = p.id
 WHERE p.amount_captured <> coalesce(d.captured, 0)
          + CASE WHEN p.capture_method = 'automatic' AND p.status = 'captured' THEN p.amount ELSE 0 END
    OR p.amount_refunded <> coalesce(d.refunded, 0)
    OR p.amount_refunding <> coalesce(d.refunding, 0)
    OR p.voiding <> coalesce(d.voiding, false)
    OR p.amount_capturing <> CASE WHEN coalesce(d.closing, false) THEN p.amount_authorized - p.amount_captured
                                  ELSE coalesce(d.capturing, 0) END
UNION ALL
SELECT d.payment_id, 'missing', NULL, NULL, NULL, NULL, d.captured, d.capturing, d.refunded, d.refunding
  FROM done d WHERE NOT EXISTS (SELECT 1 FROM payments.payments p WHERE p.id = d.payment_id)
""",
    ),
    Check(
        "payments: disputes",
        "what disputes withhold, unless they are won, is what their payment says",
        """
SELECT p.id AS payment_id, p.amount_disputed, d.withheld
  FROM payments.payments p
  FULL JOIN (SELECT payment_id, sum(amount_withheld) FILTER (WHERE status <> 'won') AS withheld
               FROM payments.disputes GROUP BY payment_id) d ON d.payment_id = p.id
 WHERE coalesce(p.amount_disputed, 0) <> coalesce(d.withheld, 0)
""",
    ),
    Check(
        "payments: timeline",
        "each timeline ends in the payment's state",
        """
SELECT id AS payment_id, status, timeline -> -1 ->> 'to' AS timeline_ends_in FROM payments.payments
 WHERE status IS DISTINCT FROM timeline -> -1 ->> 'to'
""",
    ),
    Check(
        "limits",
        "what counts against each merchant's limits is what its payments come to, day by day",
        """
WITH counted AS (
    SELECT merchant_id, livemode, usage_day AS day,
           count(*) FILTER (WHERE status IN ('processing', 'review', 'unknown', 'authorized', 'captured')) AS count,
           sum(div(usage_amount::numeric * amount_captured, amount)) AS captured,
           sum(div(usage_amount::numeric * (amount_refunded + amount_refunding), amount)) AS refunded,
           sum(CASE WHEN status = 'captured' THEN div(usage_amount::numeric * amount_captured, amount)
                    WHEN status IN ('processing', 'review', 'unknown', 'authorized') THEN usage_amount
                    ELSE 0 END) AS volume
      FROM payments.payments GROUP BY 1, 2, 3
)
SELECT coalesce(c.merchant_id, d.merchant_id) AS merchant_id, coalesce(c.day, d.day) AS day,
       d.count, c.count AS payments, d.volume, c.volume AS of_payments, d.captured, d.refunded
  FROM counted c FULL JOIN payments.merchant_days d USING (merchant_id, livemode, day)
 WHERE (coalesce(d.count, 0), coalesce(d.volume, 0), coalesce(d.captured, 0), coalesce(d.refunded, 0))
       <> (coalesce(c.count, 0), coalesce(c.volume, 0), coalesce(c.captured, 0), coalesce(c.refunded, 0))
""",
    ),
)
