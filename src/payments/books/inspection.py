"""Everything that is known about one payment, for a person at three in the morning. No card data: it is not read."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

_PAYMENT = """
SELECT 'mer_' || replace(merchant_id::text, '-', '') AS merchant,
       CASE WHEN livemode THEN 'live' ELSE 'test' END AS mode, status, amount, currency,
       amount_authorized, amount_captured, amount_refunded,
       amount_disputed, amount_capturing, amount_refunding, voiding, capture_method, connector, acquirer_reference,
       decline_code, fee_charged, settlement_currency, fx_rate_mid, fx_remainder, reference, idempotency_key,
       expires_at, review_expires_at, acquirer_deadline, created_at, updated_at
  FROM payments.payments WHERE id = :id
"""
_TIMELINE = """
SELECT s ->> 'at' AS at, s ->> 'from' AS "from", s ->> 'to' AS "to", s ->> 'cause' AS cause,
       s ->> 'operation' AS operation, s ->> 'amount' AS amount, s ->> 'answer' AS answer
  FROM (SELECT s, n, 0 AS id
          FROM payments.payments p CROSS JOIN jsonb_array_elements(p.timeline) WITH ORDINALITY AS e(s, n)
         WHERE p.id = :id
        UNION ALL
        SELECT jsonb_build_object(
                 'at', to_char(answered_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), 'from', status,
                 'to', status, 'cause', 'lookup', 'operation', operation, 'answer', answer), after, id
          FROM payments.lookup_steps WHERE payment_id = :id) AS steps
 ORDER BY n, id
"""
_OPERATIONS = """
SELECT CASE kind WHEN 'capture' THEN 'cap_' WHEN 'void' THEN 'voi_' ELSE 'ref_' END || replace(id::text, '-', '') AS id,
       kind, status, amount, final, acquirer_reference, failure_code, acquirer_deadline, created_at, updated_at
  FROM payments.operations WHERE payment_id = :id ORDER BY id
"""
_DISPUTES = """
SELECT 'dsp_' || replace(id::text, '-', '') AS id, status, reason, amount, amount_withheld, fee, fee_currency,
       reference, respond_by, updated_at
  FROM payments.disputes WHERE payment_id = :id ORDER BY id
"""
_POSTINGS = """
SELECT t.created_at, t.kind, t.operation, a.kind AS account, p.currency, greatest(p.amount, 0) AS debit,
       greatest(-p.amount, 0) AS credit
  FROM payments.ledger_transactions t JOIN payments.postings p ON p.transaction_id = t.id
  JOIN payments.ledger_accounts a ON a.id = p.account_id
 WHERE t.payment_id = :id ORDER BY t.id, p.line
"""
_PAYOUTS = """
SELECT i.kind, i.operation, i.amount, i.currency, i.available_at, m.created_at AS matured_at,
       'po_' || replace(m.payout_id::text, '-', '') AS payout, o.status
  FROM payments.settlement_items i LEFT JOIN payments.maturities m ON m.id = i.maturity_id
  LEFT JOIN payments.payouts o ON o.id = m.payout_id
 WHERE i.payment_id = :id ORDER BY i.transaction_id
"""
_ATTEMPTS = """
SELECT s.kind, s.key, s.reference, s.amount, s.currency, s.outcome, s.decline_code, s.scenario, s.callbacks,
       s.created_at
  FROM sandbox.operations s
 WHERE s.key = replace(CAST(:id AS text), '-', '')
    OR s.key IN (SELECT replace(o.id::text, '-', '') FROM payments.operations o WHERE o.payment_id = :id)
 ORDER BY s.created_at
"""
_ABOUT_IT = """
e.object_id IN (SELECT CAST(:id AS uuid) UNION ALL SELECT id FROM payments.operations WHERE payment_id = :id
                UNION ALL SELECT id FROM payments.disputes WHERE payment_id = :id)
"""
_EVENTS = f"""
SELECT e.created_at, e.type, 'evt_' || replace(e.id::text, '-', '') AS id
  FROM payments.events e WHERE {_ABOUT_IT} ORDER BY e.id
"""
_DELIVERIES = f"""
SELECT d.type, w.url, d.status, d.attempts, a.started_at AS last_attempt, a.status_code, a.latency_ms, a.error,
       'evt_' || replace(d.event_id::text, '-', '') AS event
  FROM payments.events e
  JOIN payments.webhook_endpoints w ON (w.merchant_id, w.livemode) = (e.merchant_id, e.livemode)
  JOIN payments.event_sequence n ON n.event_id = e.id
  JOIN payments.webhook_deliveries d ON d.endpoint_id = w.id AND d.sequence = n.sequence
  LEFT JOIN LATERAL (SELECT * FROM payments.webhook_attempts t WHERE t.delivery_id = d.id
                      ORDER BY t.number DESC LIMIT 1) a ON true
 WHERE {_ABOUT_IT} ORDER BY d.id
"""
_SECTIONS = {
    "timeline": _TIMELINE,
    "operations": _OPERATIONS,
    "disputes": _DISPUTES,
    "postings": _POSTINGS,
    "on its way to the merchant": _PAYOUTS,
    "what the sandbox acquirer noted": _ATTEMPTS,
    "events": _EVENTS,
    "deliveries to webhook endpoints": _DELIVERIES,
}


class Section(NamedTuple):
    """One part of the answer: rows of a table."""

    title: str
    rows: Sequence[dict[str, Any]]


class Inspection(NamedTuple):
    """A payment and everything that belongs to it."""

    payment: dict[str, Any]
    receipt: dict[str, Any] | None
    sections: list[Section]


async def inspect(connection: AsyncConnection, payment_id: UUID) -> Inspection | None:
    """Return what is known about a payment, if there is one, all of one moment."""
    found = await _rows(connection, _PAYMENT, payment_id)
    if not found:
        return None
    receipt = await connection.scalar(
        sa.text("SELECT receipt FROM payments.payments WHERE id = :id"), {"id": payment_id}
    )
    sections = [Section(title, await _rows(connection, query, payment_id)) for title, query in _SECTIONS.items()]
    return Inspection(found[0], receipt, [section for section in sections if section.rows])


async def _rows(connection: AsyncConnection, query: str, payment_id: UUID) -> list[dict[str, Any]]:
    return [dict(row) for row in (await connection.execute(sa.text(query), {"id": payment_id})).mappings()]
