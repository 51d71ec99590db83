"""What the write path looks up by id looks into the months of these ids only, with the plan that every batch shares."""

import psycopg
import pytest
from psycopg import sql

from payments.payments import write_statements as statements
from payments.payments.write_path import OPTIONS
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
    with psycopg.connect(database.url, options=OPTIONS) as connection:
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
