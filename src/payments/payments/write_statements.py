"""The statements of the write path, put together once from named columns; values always travel as parameters.

One JSON document per table and batch costs a fraction of one array per column on the client, and names its columns.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin
from uuid import UUID

import msgspec

from payments.payments.domain import Operation, Payment
from payments.payments.rows import AnswerRow, DayRow, EntryRow, EventRow, Hex, KeyRow, UsageRow
from payments.pipeline import Statement
from payments.risk.days import Day, Delta

_SQL_TYPES: Mapping[Any, str] = {
    int: "bigint",
    str: "text",
    bool: "boolean",
    UUID: "uuid",
    datetime: "timestamptz",
    date: "date",
    Decimal: "numeric",
    Hex: "bytea",
    msgspec.Raw: "json",
    list[int]: "bigint[]",
}


def _columns(struct: type[msgspec.Struct]) -> dict[str, str]:
    """Return the columns of a row struct with their SQL types; whatever is not a scalar is stored as JSON."""
    found = {}
    for field in msgspec.structs.fields(struct):
        kind = field.type
        if get_origin(kind) in (Union, UnionType):
            kind = next(one for one in get_args(kind) if one is not NoneType)
        found[field.name] = "text" if get_origin(kind) is Literal else _SQL_TYPES.get(kind, "jsonb")
    return found


def _value(struct: type[msgspec.Struct], name: str) -> str:
    """Return the value of a column in a record; what was left out of the JSON has its default."""
    default = next(field.default for field in msgspec.structs.fields(struct) if field.name == name)
    return f"r.{name}" if default in (None, msgspec.NODEFAULT) else f"coalesce(r.{name}, {default})"


_KEY = [name for name in KeyRow.__struct_fields__ if name not in ("payment_method_id", "fx_quote_id")]
_PLACE = ("merchant_id", "livemode", "key", "path")
_TRANSACTION = [name for name in EntryRow.__struct_fields__ if name not in ("currency", "accounts", "amounts")]


def _records(parameter: str, struct: type[msgspec.Struct], names: Iterable[str] = ()) -> str:
    columns = _columns(struct)
    shape = ", ".join(f"{name} {columns[name]}" for name in names or columns)
    return f"json_to_recordset(%({parameter})s::json) AS r({shape})"


def _is_claimed(column: str) -> str:
    """Return the condition that a record belongs to an inserted key.

    IS TRUE keeps the planner from making it a join, which would compare every record with every key: as a value, the
    list is hashed once.
    """
    return f"(r.{column} IN (SELECT resource_id FROM claimed)) IS TRUE"


def _is_one_of(column: str) -> str:
    """Return the condition that an id is in a list; by the range alone the server knows which months to leave out."""
    return f"{column} = ANY(%(ids)s::uuid[]) AND {column} BETWEEN %(first)s::uuid AND %(last)s::uuid"


def _insert(
    table: str, struct: type[msgspec.Struct], *, names: Sequence[str] = (), parameter: str = "", where: str = "true"
) -> str:
    names = names or struct.__struct_fields__
    return f"""INSERT INTO payments.{table} ({", ".join(names)})
    SELECT {", ".join(_value(struct, name) for name in names)} FROM {_records(parameter or table, struct)}
     WHERE {where}"""


def _insert_transactions(where: str = "true") -> str:
    return _insert("ledger_transactions", EntryRow, names=_TRANSACTION, parameter="entries", where=where)


def _insert_postings(where: str = "true") -> str:
    return f"""INSERT INTO payments.postings (transaction_id, line, account_id, currency, amount)
    SELECT r.id, line.number - 1, line.account_id, r.currency, line.amount FROM {_records("entries", EntryRow)}
     CROSS JOIN LATERAL unnest(r.accounts, r.amounts) WITH ORDINALITY AS line(account_id, amount, number)
     WHERE {where}"""


# The days of the same merchant and month.
_OF_THE_MONTH = """d.merchant_id = r.merchant_id AND d.livemode = r.livemode
        AND d.day >= date_trunc('month', r.day) AND d.day < date_trunc('month', r.day) + interval '1 month'"""
# What counts of them against limits on new payments: volume and count of the day, volume of the month.
_COUNTED = """coalesce(sum(d.volume) FILTER (WHERE d.day = r.day), 0)::bigint,
       coalesce(sum(d.count) FILTER (WHERE d.day = r.day), 0)::bigint,
       coalesce(sum(d.volume), 0)::bigint"""


def _add_to_days(where: str = "true") -> str:
    sums = [name for name in Delta.__struct_fields__ if name != "largest"]
    return f"""UPDATE payments.merchant_days d
       SET {", ".join(f"{name} = d.{name} + x.{name}" for name in sums)},
           largest = greatest(d.largest, x.largest), updated_at = now()
      FROM (SELECT r.merchant_id, r.livemode, r.day, max(r.largest) AS largest,
                   {", ".join(f"coalesce(sum(r.{name}), 0)::bigint AS {name}" for name in sums)}
              FROM {_records("merchant_days", DayRow)} WHERE {where}
             GROUP BY r.merchant_id, r.livemode, r.day) x
     WHERE (d.merchant_id, d.livemode, d.day) = (x.merchant_id, x.livemode, x.day)"""


# Whether everything is as a batch foresaw: no key was used before, and its days count what it expected.
_FORESEEN = f"""foreseen AS MATERIALIZED (
    SELECT NOT EXISTS (
        SELECT FROM {_records("idempotency_keys", KeyRow, _PLACE)}
          JOIN payments.idempotency_keys k USING (merchant_id, livemode, key, path)
    ) AND NOT EXISTS (
        SELECT FROM {_records("usages", UsageRow)} LEFT JOIN payments.merchant_days d ON {_OF_THE_MONTH}
         GROUP BY r.merchant_id, r.livemode, r.day, r.volume, r.count, r.month_volume
        HAVING (r.volume, r.count, r.month_volume) IS DISTINCT FROM ({_COUNTED})
    ) AS holds
), """


def _create(name: str, *, foreseen: bool) -> Statement:
    """Return the statement that inserts new payments; if what was foreseen is wrong, it does nothing and has no row."""
    return Statement(
        name,
        f"""
WITH {_FORESEEN if foreseen else ""}quotes AS MATERIALIZED (
    SELECT q.id, q.expires_at FROM payments.fx_quotes q
     WHERE q.id = ANY(%(fx_quotes)s::uuid[]) AND q.consumed_by IS NULL ORDER BY q.id FOR UPDATE
), quoted AS MATERIALIZED (
    -- The clock is read after the wait for the lock. One payment per quote, also within a batch.
    SELECT DISTINCT ON (quotes.id) quotes.id, r.payment_id
      FROM quotes JOIN unnest(%(fx_quotes)s::uuid[], %(fx_payments)s::uuid[]) AS r(quote_id, payment_id)
        ON r.quote_id = quotes.id
     WHERE quotes.expires_at > clock_timestamp() ORDER BY quotes.id, r.payment_id
), claimed AS (
    INSERT INTO payments.idempotency_keys ({", ".join(_KEY)})
    SELECT {", ".join(f"r.{name}" for name in _KEY)}
      FROM {_records("idempotency_keys", KeyRow)}
      JOIN vault.payment_methods m ON m.id = r.payment_method_id AND m.merchant_id = r.merchant_id
                                  AND m.livemode = r.livemode AND m.deleted_at IS NULL
      LEFT JOIN quoted ON quoted.payment_id = r.resource_id
     WHERE (r.fx_quote_id IS NULL OR quoted.id = r.fx_quote_id){" AND (SELECT holds FROM foreseen)" if foreseen else ""}
        ON CONFLICT DO NOTHING
    RETURNING resource_id
), w1 AS ({_insert("payments", Payment, where=_is_claimed("id"))}),
   w2 AS ({_insert_transactions(_is_claimed("payment_id"))}),
   w3 AS ({_insert_postings(_is_claimed("payment_id"))}),
   w4 AS ({_insert("events", EventRow, where=_is_claimed("object_id"))}),
   w5 AS ({_add_to_days(_is_claimed("payment_id"))}),
   w6 AS (UPDATE payments.fx_quotes q SET consumed_by = quoted.payment_id, consumed_at = clock_timestamp()
            FROM quoted JOIN claimed ON claimed.resource_id = quoted.payment_id WHERE q.id = quoted.id)
SELECT resource_id FROM {"foreseen LEFT JOIN claimed ON true WHERE holds" if foreseen else "claimed"}
""",
    )


CREATE = _create("write_create", foreseen=False)
CREATE_FORESEEN = _create("write_create_foreseen", foreseen=True)

_MUTABLE = [
    name
    for name in Payment.__struct_fields__
    if name.startswith(("amount_", "acquirer_"))
    or name
    in (
        "status",
        "connector",
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

CHANGE = Statement(
    "write_change",
    f"""
WITH w1 AS (
    UPDATE payments.payments p SET {", ".join(f"{name} = {_value(Payment, name)}" for name in _MUTABLE)}
      FROM {_records("payments", Payment)} WHERE p.id = r.id AND {_is_one_of("p.id")}
), w2 AS (
    {_insert("operations", Operation)}
    ON CONFLICT (id) DO UPDATE SET status = excluded.status, acquirer_reference = excluded.acquirer_reference,
        failure_code = excluded.failure_code, updated_at = excluded.updated_at
), w3 AS ({_insert_transactions()}),
   w4 AS ({_insert_postings()}),
   w5 AS ({_insert("events", EventRow)}),
   w6 AS ({_insert("idempotency_keys", KeyRow, names=_KEY)}),
   w7 AS ({_add_to_days()})
UPDATE payments.idempotency_keys k SET event_id = r.event_id, status_code = r.status_code
  FROM {_records("answers", AnswerRow)}
 WHERE (k.merchant_id, k.livemode, k.key, k.path) = (r.merchant_id, r.livemode, r.key, r.path) AND k.event_id IS NULL
   AND k.resource_id = r.resource_id
""",
)

LOCK = Statement(
    "write_lock",
    f"""
SELECT {", ".join(Payment.__struct_fields__)} FROM payments.payments
 WHERE {_is_one_of("id")} ORDER BY id FOR UPDATE
""",
)
LOAD_OPERATIONS = Statement(
    "write_load_operations",
    f"""
SELECT {", ".join(Operation.__struct_fields__)} FROM payments.operations WHERE {_is_one_of("id")}
""",
)
CLOCK = Statement("write_clock", "SELECT clock_timestamp()")
FIND_KEYS = Statement(
    "write_find_keys",
    f"""
SELECT k.merchant_id, k.livemode, k.key, k.path, k.resource_id, k.fingerprint, k.status_code, k.event_id,
       k.deadline, clock_timestamp()
  FROM {_records("keys", KeyRow, _PLACE)}
  JOIN payments.idempotency_keys k USING (merchant_id, livemode, key, path)
""",
)
# Apart from the keys: few of a batch's keys are known, and to look for an event in each month costs every batch.
FIND_REPLIES = Statement(
    "write_find_replies",
    f"""
SELECT id, data::text FROM payments.events WHERE {_is_one_of("id")}
""",
)


OPEN_DAYS = Statement(
    "write_open_days",
    f"""
INSERT INTO payments.merchant_days (merchant_id, livemode, day)
SELECT r.merchant_id, r.livemode, r.day FROM {_records("days", DayRow, Day._fields)}
 ORDER BY 1, 2, 3 ON CONFLICT DO NOTHING
""",
)
LOCK_DAYS = Statement(
    "write_lock_days",
    f"""
SELECT 1 FROM {_records("days", DayRow, Day._fields)} JOIN payments.merchant_days d USING (merchant_id, livemode, day)
 ORDER BY d.merchant_id, d.livemode, d.day FOR UPDATE OF d
""",
)
USAGES = Statement(
    "write_usages",
    f"""
SELECT r.merchant_id, r.livemode, r.day,
       {_COUNTED},
       coalesce(sum(d.captured), 0)::bigint, coalesce(sum(d.refunded), 0)::bigint
  FROM {_records("days", DayRow, Day._fields)} LEFT JOIN payments.merchant_days d ON {_OF_THE_MONTH}
 GROUP BY r.merchant_id, r.livemode, r.day
""",
)
