"""The SQL of reconciliation."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from payments.http.lists import Cursor

# How far back something may be missing; what is older was reported by an earlier file.
_LOOK_BACK = timedelta(days=35)

_LINES = "json_to_recordset(CAST(:lines AS json)) AS r(line int, type text, key text, amount bigint, currency text)"
_KEY = "CASE WHEN r.key ~ '^[0-9a-f]{32}$' THEN r.key::uuid END"

# What we expect for each line: nothing when we do not know it, or when it was settled before.
_EXPECTED = sa.text(f"""
SELECT r.line, coalesce(p.merchant_id, o.merchant_id, d.merchant_id) AS merchant_id,
       coalesce(p.id, o.payment_id, d.payment_id) AS payment_id,
       coalesce(p.amount, o.amount, d.amount_withheld) AS expected
  FROM {_LINES}
  LEFT JOIN payments.payments p ON p.id = {_KEY} AND r.type = 'capture' AND p.capture_method = 'automatic'
        AND p.status = 'captured' AND p.connector = :acquirer AND p.livemode = :livemode AND p.currency = r.currency
  LEFT JOIN payments.operations o ON o.id = {_KEY} AND r.type = o.kind AND o.status = 'succeeded'
        AND o.livemode = :livemode AND o.currency = r.currency
        AND EXISTS (SELECT 1 FROM payments.payments q WHERE q.id = o.payment_id AND q.connector = :acquirer)
  LEFT JOIN payments.disputes d ON d.reference = r.key AND d.connector = :acquirer AND d.livemode = :livemode
        AND d.currency = r.currency AND (r.type = 'dispute' OR (r.type = 'dispute_reversal' AND d.status = 'won'))
 WHERE NOT EXISTS (SELECT 1 FROM payments.reconciliation_lines x
                    WHERE x.acquirer = :acquirer AND x.type = r.type AND x.key = r.key AND x.result <> 'extra')
   AND coalesce(p.id, o.payment_id, d.payment_id) IS NOT NULL
""")
_WAITING = sa.text(f"""
SELECT p.id AS payment_id, NULL AS operation_id, r.line
  FROM {_LINES} JOIN payments.payments p ON p.id = {_KEY}
 WHERE r.type = 'capture' AND p.capture_method = 'automatic' AND p.status IN ('processing', 'unknown')
   AND p.connector = :acquirer AND p.livemode = :livemode AND (p.amount, p.currency) = (r.amount, r.currency)
UNION ALL
SELECT o.payment_id, o.id, r.line
  FROM {_LINES} JOIN payments.operations o ON o.id = {_KEY} AND o.kind = r.type
  JOIN payments.payments p ON p.id = o.payment_id AND p.connector = :acquirer
 WHERE o.status IN ('processing', 'unknown') AND o.livemode = :livemode
   AND (o.amount, o.currency) = (r.amount, r.currency)
""")
# What the books say was taken or given back through an acquirer.
_OPEN = """
SELECT t.kind AS type, b.key, t.payment_id, t.created_at, b.amount, b.currency
  FROM payments.ledger_transactions t
  JOIN payments.payments p ON p.id = t.payment_id AND p.connector = :acquirer
  LEFT JOIN payments.disputes d ON t.operation = 'dsp_' || replace(d.id::text, '-', '')
  JOIN LATERAL (SELECT CASE WHEN t.kind = 'dispute' THEN d.reference
                            ELSE coalesce(substr(t.operation, 5), replace(t.payment_id::text, '-', '')) END AS key,
                       x.amount, x.currency
                  FROM payments.postings x JOIN payments.ledger_accounts a ON a.id = x.account_id
                 WHERE x.transaction_id = t.id
                   AND a.kind IN ('acquirer_receivable', 'refunds', 'chargebacks')) b ON true
 WHERE t.livemode = :livemode AND t.kind IN ('capture', 'refund', 'dispute')
   AND t.created_at < :until AND t.id >= payments.uuid7_floor(:since)
"""
_UNSETTLED = sa.text(f"""
SELECT o.type, o.key, o.payment_id, o.created_at, abs(o.amount) AS amount, o.currency
  FROM (SELECT CASE WHEN type = 'dispute' AND amount > 0 THEN 'dispute_reversal' ELSE type END AS type, key, payment_id,
               created_at, amount, currency FROM ({_OPEN}) opened) o
 WHERE NOT EXISTS (SELECT 1 FROM payments.reconciliation_lines x
                    WHERE x.acquirer = :acquirer AND x.type = o.type AND x.key = o.key AND x.result <> 'extra')
 ORDER BY o.created_at, o.key
""")
_FILE = sa.text("""
INSERT INTO payments.reconciliation_files (id, acquirer, livemode, settlement_id, sha256, covers_until, report)
VALUES (:id, :acquirer, :livemode, :settlement_id, :sha256, :covers_until, CAST(:report AS jsonb)) RETURNING *
""")
_LINE_COLUMNS = {
    "line": "int",
    "acquirer": "text",
    "type": "text",
    "key": "text",
    "reference": "text",
    "amount": "bigint",
    "fee": "bigint",
    "currency": "text",
    "settled_at": "timestamptz",
    "result": "text",
    "expected": "bigint",
    "payment_id": "uuid",
    "transaction_id": "uuid",
}
_INSERT_LINES = sa.text(f"""
INSERT INTO payments.reconciliation_lines (file_id, {", ".join(_LINE_COLUMNS)})
SELECT :file_id, r.* FROM json_to_recordset(CAST(:lines AS json))
    AS r({", ".join(f"{name} {kind}" for name, kind in _LINE_COLUMNS.items())})
""")
_FIND = sa.text("""
SELECT * FROM payments.reconciliation_files
 WHERE acquirer = :acquirer AND livemode = :livemode AND settlement_id = :settlement_id
""")


class Scope(NamedTuple):
    """Whose file it is."""

    acquirer: str
    livemode: bool


async def lock(connection: AsyncConnection, scope: Scope) -> None:
    """Keep a second reconciliation with the same acquirer waiting until the end of the transaction."""
    name = f"reconcile {scope.acquirer} {scope.livemode}"
    await connection.execute(sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": name})


async def find_file(connection: AsyncConnection, scope: Scope, settlement_id: str) -> sa.RowMapping | None:
    """Return a settlement that was reconciled."""
    found = await connection.execute(_FIND, scope._asdict() | {"settlement_id": settlement_id})
    row: sa.RowMapping | None = found.mappings().one_or_none()
    return row


async def waiting(connection: AsyncConnection, scope: Scope, lines: Iterable[Any]) -> Sequence[sa.RowMapping]:
    """Return (payment_id, operation_id, line) of outcomes that are unknown here and settled there."""
    rows: Sequence[sa.RowMapping] = (
        (await connection.execute(_WAITING, scope._asdict() | {"lines": _json(lines)})).mappings().all()
    )
    return rows


async def expected(connection: AsyncConnection, scope: Scope, lines: Iterable[Any]) -> dict[int, sa.RowMapping]:
    """Return what we expect of lines that we know, by their number."""
    found = await connection.execute(_EXPECTED, scope._asdict() | {"lines": _json(lines)})
    return {row["line"]: row for row in found.mappings()}


async def unsettled(connection: AsyncConnection, scope: Scope, until: datetime) -> Sequence[sa.RowMapping]:
    """Return what happened before a moment and is in no file."""
    values = scope._asdict() | {"until": until, "since": until - _LOOK_BACK}
    rows: Sequence[sa.RowMapping] = (await connection.execute(_UNSETTLED, values)).mappings().all()
    return rows


async def insert_file(
    connection: AsyncConnection, values: dict[str, Any], lines: Sequence[dict[str, Any]]
) -> sa.RowMapping:
    """Store a file with what became of its lines, and return its row."""
    found = await connection.execute(_FILE, values | {"report": json.dumps(values["report"])})
    row: sa.RowMapping = found.mappings().one()
    await connection.execute(_INSERT_LINES, {"file_id": values["id"], "lines": json.dumps(lines, default=str)})
    return row


async def page(connection: AsyncConnection, place: Cursor) -> Sequence[sa.RowMapping]:
    """Return up to ``limit + 1`` files, newest first."""
    where, order = "true", "DESC"
    if place.starting_after is not None:
        where = "id < :cursor"
    elif place.ending_before is not None:
        where, order = "id > :cursor", "ASC"
    query = f"SELECT * FROM payments.reconciliation_files WHERE {where} ORDER BY id {order} LIMIT :limit"
    values = {"limit": place.limit + 1, "cursor": place.starting_after or place.ending_before}
    rows: Sequence[sa.RowMapping] = (await connection.execute(sa.text(query), values)).mappings().all()
    return rows if order == "DESC" else rows[::-1]


async def find(connection: AsyncConnection, file_id: UUID) -> sa.RowMapping | None:
    """Return a file."""
    query = sa.text("SELECT * FROM payments.reconciliation_files WHERE id = :id")
    row: sa.RowMapping | None = (await connection.execute(query, {"id": file_id})).mappings().one_or_none()
    return row


def _json(lines: Iterable[Any]) -> str:
    wanted = ("line", "type", "key", "amount", "currency")
    return json.dumps([{name: getattr(line, name) for name in wanted} for line in lines])


_DIFFERENCES = sa.text(
    """
    SELECT coalesce(sum((report ->> 'amount_differs')::bigint), 0) AS amount_differs,
           coalesce(sum((report ->> 'extra')::bigint), 0) AS extra,
           coalesce(sum((report ->> 'missing')::bigint), 0) AS missing
      FROM (SELECT DISTINCT ON (acquirer, livemode) report FROM payments.reconciliation_files
             ORDER BY acquirer, livemode, created_at DESC) latest
    """
)


async def differences(connection: AsyncConnection) -> dict[str, int]:
    """Return how many differences the latest file of each acquirer and mode showed, by kind."""
    row = (await connection.execute(_DIFFERENCES)).mappings().one()
    return {kind: int(count) for kind, count in row.items()}
