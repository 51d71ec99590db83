"""What the write path looks up by id looks into the months of these ids only; others find their partial indexes."""

import psycopg
import pytest
from psycopg import sql

from payments.payments import write_statements as statements
from payments.payments.write_path import options
from payments.pipeline import Statement
from shared.ids import new_uuid

BY_ID = [statements.LOCK, statements.LOAD_OPERATIONS, statements.FIND_REPLIES, statements.CHANGE]


@pytest.mark.parametrize("statement", BY_ID, ids=lambda statement: statement.name.decode())
def test_one_month_of_fourteen_is_looked_into(database, statement: Statement):
    table = {b"write_load_operations": "operations", b"write_find_replies": "events"}.get(statement.name, "payments")
    ids = sorted(new_uuid() for _ in range(3))
    values = {"ids": f"{{{','.join(map(str, ids))}}}", "first": str(ids[0]), "last": str(ids[-1])}
    given = [values.get(name, "[]") for name in statement.parameters]
    kinds = ["text" if name in values else "json" for name in statement.parameters]
    with psycopg.connect(database.url, options=options(shared=False)) as connection:
        months = connection.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass", [f"payments.{table}"]
        ).fetchall()
        connection.execute(
            sql.SQL("PREPARE it ({}) AS ").format(sql.SQL(", ".join(kinds))) + sql.SQL(statement.text.decode())
        )
        asked = sql.SQL("EXPLAIN EXECUTE it ({})").format(sql.SQL(", ").join(given))
        plan = "\n".join(row[0] for row in connection.execute(asked))
    looked_into = {month for (month,) in months if f" {month.partition('.')[2]} " in plan}
    assert len(months) >= 14
    assert len(looked_into) == 1, plan


@pytest.mark.parametrize(("column", "status"), [("expires_at", "authorized"), ("review_expires_at", "review")])
def test_whoever_borrows_the_connection_finds_partial_indexes(database, column, status):
    query = sql.SQL("PREPARE it (text) AS SELECT id FROM payments.payments WHERE status = $1 AND {} <= now()")
    with psycopg.connect(database.url, options=options(shared=True)) as connection:
        connection.execute(query.format(sql.Identifier(column)))
        asked = sql.SQL("EXPLAIN EXECUTE it ({})").format(status)
        plan = [row[0] for row in connection.execute(asked)]
    scans = [line for line in plan if " on payments_" in line]
    assert scans
    assert not [line for line in scans if "Seq Scan" in line or "_pkey" in line], plan
