"""The statements of the write path, put together once from named columns; values always travel as parameters.

One JSON document per table and batch costs a fraction of one array per column on the client, and names its columns.
"""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from payments.payments.domain import Operation, Payment
from payments.risk.days import Delta

_KEYS = {
    "merchant_id": "uuid",
    "livemode": "boolean",
    "key": "text",
    "path": "text",
    "fingerprint": "bytea",
    "resource_id": "uuid",
    "event_id": "uuid",
    "status_code": "smallint",
    "deadline": "timestamptz",
}
_SQL_TYPES: Mapping[Any, str] = {
    int: "bigint",
    str: "text",
    bool: "boolean",
    UUID: "uuid",
    datetime: "timestamptz",
    date: "date",
    Decimal: "numeric",
}


def _columns(struct: type[msgspec.Struct]) -> dict[str, str]:
    """Return the columns of a row struct with their SQL types; whatever is not a scalar is stored as JSON."""
    found = {}
    for field in msgspec.structs.fields(struct):
        kinds = [kind for kind in getattr(field.type, "__args__", (field.type,)) if kind is not type(None)]
        literal = isinstance(kinds[0], str)
        found[field.name] = "text" if literal else _SQL_TYPES.get(kinds[0], "jsonb")
        if getattr(field.type, "__origin__", None) in (dict, list):
            found[field.name] = "jsonb"
    return found


_PAYMENTS = _columns(Payment)
_OPERATIONS = _columns(Operation)
_TRANSACTIONS = {
    "id": "uuid",
    "merchant_id": "uuid",
    "livemode": "boolean",
    "kind": "text",
    "payment_id": "uuid",
    "operation": "text",
    "created_at": "timestamptz",
}
_POSTINGS = {
    "transaction_id": "uuid",
    "line": "smallint",
    "account_id": "bigint",
    "currency": "text",
    "amount": "bigint",
}
_DAY = {"merchant_id": "uuid", "livemode": "boolean", "day": "date"}
_DELTA = _columns(Delta)
_EVENTS = {
    "id": "uuid",
    "merchant_id": "uuid",
    "livemode": "boolean",
    "type": "text",
    "object_id": "uuid",
    "data": "json",
    "created_at": "timestamptz",
}


def _records(parameter: str, columns: Mapping[str, str], *extra: str) -> str:
    shape = ", ".join([*(f"{name} {kind}" for name, kind in columns.items()), *extra])
    return f"json_to_recordset(%({parameter})s::json) AS r({shape})"


def _is_claimed(column: str) -> str:
    """Return the condition that a record belongs to an inserted key.

    IS TRUE keeps the planner from making it a join, which would compare every record with every key: as a value, the
    list is hashed once.
    """
    return f"(r.{column} IN (SELECT resource_id FROM claimed)) IS TRUE"


def _insert(table: str, columns: Mapping[str, str], *, only_claimed_by: str | None = None) -> str:
    names = ", ".join(columns)
    values = ", ".join(f"r.{name}" for name in columns)
    if only_claimed_by is None:
        return f"INSERT INTO payments.{table} ({names}) SELECT {values} FROM {_records(table, columns)}"
    extra = () if only_claimed_by in columns else (f"{only_claimed_by} uuid",)
    return (
        f"INSERT INTO payments.{table} ({names}) SELECT {values} FROM {_records(table, columns, *extra)} "
        f"WHERE {_is_claimed(only_claimed_by)}"
    )


def _add_to_days(*, only_claimed: bool) -> str:
    sums = ", ".join(f"sum(r.{name})::bigint AS {name}" for name in _DELTA if name != "largest")
    return f"""
    UPDATE payments.merchant_days d
       SET {", ".join(f"{name} = d.{name} + x.{name}" for name in _DELTA if name != "largest")},
           largest = greatest(d.largest, x.largest), updated_at = now()
      FROM (SELECT r.merchant_id, r.livemode, r.day, {sums}, max(r.largest) AS largest
              FROM {_records("merchant_days", _DAY | _DELTA, "payment_id uuid")}
             WHERE {_is_claimed("payment_id") if only_claimed else "true"}
             GROUP BY r.merchant_id, r.livemode, r.day) x
     WHERE (d.merchant_id, d.livemode, d.day) = (x.merchant_id, x.livemode, x.day)
    """


CREATE = f"""
WITH quotes AS MATERIALIZED (
    SELECT q.id, q.expires_at FROM payments.fx_quotes q
     WHERE q.id = ANY(%(fx_quotes)s::uuid[]) AND q.consumed_by IS NULL ORDER BY q.id FOR UPDATE
), quoted AS MATERIALIZED (
    -- The clock is read after the wait for the lock. One payment per quote, also within a batch.
    SELECT DISTINCT ON (quotes.id) quotes.id, r.payment_id
      FROM quotes JOIN unnest(%(fx_quotes)s::uuid[], %(fx_payments)s::uuid[]) AS r(quote_id, payment_id)
        ON r.quote_id = quotes.id
     WHERE quotes.expires_at > clock_timestamp() ORDER BY quotes.id, r.payment_id
), claimed AS (
    INSERT INTO payments.idempotency_keys ({", ".join(_KEYS)})
    SELECT {", ".join(f"r.{name}" for name in _KEYS)}
      FROM {_records("idempotency_keys", _KEYS, "payment_method_id uuid", "fx_quote_id uuid")}
      JOIN vault.payment_methods m ON m.id = r.payment_method_id AND m.merchant_id = r.merchant_id
                                  AND m.livemode = r.livemode AND m.deleted_at IS NULL
      LEFT JOIN quoted ON quoted.payment_id = r.resource_id
     WHERE r.fx_quote_id IS NULL OR quoted.id = r.fx_quote_id
        ON CONFLICT DO NOTHING
    RETURNING resource_id
), w1 AS ({_insert("payments", _PAYMENTS, only_claimed_by="id")}),
   w2 AS ({_insert("ledger_transactions", _TRANSACTIONS, only_claimed_by="payment_id")}),
   w3 AS ({_insert("postings", _POSTINGS, only_claimed_by="payment_id")}),
   w4 AS ({_insert("events", _EVENTS, only_claimed_by="object_id")}),
   w5 AS ({_add_to_days(only_claimed=True)}),
   w6 AS (UPDATE payments.fx_quotes q SET consumed_by = quoted.payment_id, consumed_at = clock_timestamp()
            FROM quoted JOIN claimed ON claimed.resource_id = quoted.payment_id WHERE q.id = quoted.id)
SELECT resource_id FROM claimed
"""

_MUTABLE = [
    name
    for name in _PAYMENTS
    if name.startswith(("amount_", "acquirer_"))
    or name
    in (
        "status",
        "voiding",
        "decline_code",
        "fee_charged",
        "fx_remainder",
        "receipt",
        "review_expires_at",
        "expires_at",
        "timeline",
        "updated_at",
    )
]

CHANGE = f"""
WITH w1 AS (
    UPDATE payments.payments p SET {", ".join(f"{name} = r.{name}" for name in _MUTABLE)}
      FROM {_records("payments", _PAYMENTS)} WHERE p.id = r.id AND p.id = ANY(%(ids)s)
), w2 AS (
    {_insert("operations", _OPERATIONS)}
    ON CONFLICT (id) DO UPDATE SET status = excluded.status, acquirer_reference = excluded.acquirer_reference,
        failure_code = excluded.failure_code, updated_at = excluded.updated_at
), w3 AS ({_insert("ledger_transactions", _TRANSACTIONS)}),
   w4 AS ({_insert("postings", _POSTINGS)}),
   w5 AS ({_insert("events", _EVENTS)}),
   w6 AS ({_insert("idempotency_keys", _KEYS)}),
   w7 AS ({_add_to_days(only_claimed=False)})
UPDATE payments.idempotency_keys k SET event_id = r.event_id, status_code = r.status_code
  FROM {_records("answers", _KEYS)}
 WHERE (k.merchant_id, k.livemode, k.key, k.path) = (r.merchant_id, r.livemode, r.key, r.path) AND k.event_id IS NULL
   AND k.resource_id = r.resource_id
"""

LOCK = f"SELECT {', '.join(_PAYMENTS)} FROM payments.payments WHERE id = ANY(%s) ORDER BY id FOR UPDATE"
LOAD_OPERATIONS = f"SELECT {', '.join(_OPERATIONS)} FROM payments.operations WHERE id = ANY(%s)"
FIND_KEYS = f"""
SELECT k.merchant_id, k.livemode, k.key, k.path, k.resource_id, k.fingerprint, k.status_code, e.data::text,
       k.deadline, clock_timestamp()
  FROM {_records("keys", {name: _KEYS[name] for name in ("merchant_id", "livemode", "key", "path")})}
  JOIN payments.idempotency_keys k USING (merchant_id, livemode, key, path)
  LEFT JOIN payments.events e ON e.id = k.event_id
"""


OPEN_DAYS = f"""
INSERT INTO payments.merchant_days (merchant_id, livemode, day)
SELECT r.merchant_id, r.livemode, r.day FROM {_records("days", _DAY)} ORDER BY 1, 2, 3 ON CONFLICT DO NOTHING
"""
LOCK_DAYS = f"""
SELECT 1 FROM {_records("days", _DAY)} JOIN payments.merchant_days d USING (merchant_id, livemode, day)
 ORDER BY d.merchant_id, d.livemode, d.day FOR UPDATE OF d
"""
USAGES = f"""
SELECT r.merchant_id, r.livemode, r.day,
       coalesce(sum(d.volume) FILTER (WHERE d.day = r.day), 0)::bigint,
       coalesce(sum(d.count) FILTER (WHERE d.day = r.day), 0)::bigint,
       coalesce(sum(d.volume), 0)::bigint, coalesce(sum(d.captured), 0)::bigint, coalesce(sum(d.refunded), 0)::bigint
  FROM {_records("days", _DAY)}
  LEFT JOIN payments.merchant_days d ON d.merchant_id = r.merchant_id AND d.livemode = r.livemode
        AND d.day >= date_trunc('month', r.day) AND d.day < date_trunc('month', r.day) + interval '1 month'
 GROUP BY r.merchant_id, r.livemode, r.day
"""
