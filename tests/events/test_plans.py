"""What looks for new events every moment keeps doing so by an index, whatever has been written since it was planned."""

from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from payments.database import Database
from payments.events import repository


class Explaining:
    """Takes the place of a connection, and keeps the plan that is kept for every further run."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self.plan: list[str] = []

    async def execute(self, statement: sa.TextClause) -> "Explaining":
        self._connection.execute("SET plan_cache_mode = force_generic_plan")
        self._connection.execute(f"PREPARE looking AS {statement.text}".encode())
        self.plan = [row[0].strip() for row in self._connection.execute("EXPLAIN EXECUTE looking")]
        return self

    def mappings(self) -> "Explaining":
        return self

    def one(self) -> None:
        return None


async def test_looking_for_new_events_uses_the_index_though_it_was_planned_without_any(databases):
    with databases.fresh() as database, psycopg.connect(database.url, autocommit=True) as connection:
        explaining: Any = Explaining(connection)
        await repository.pending(explaining)
    scans = [line for line in explaining.plan if " on events_" in line]
    assert scans
    assert all("Index Only Scan" in line for line in scans), explaining.plan


@pytest.mark.parametrize("by_index", [True, False])
async def test_the_worker_reads_no_table_from_end_to_end(database, by_index):
    chosen = Database(database.url, by_index=by_index)
    try:
        async with chosen.snapshot() as connection:
            plan = await connection.execute(sa.text("EXPLAIN SELECT FROM payments.payments WHERE id IS NOT NULL"))
            assert any("Seq Scan" in row[0] for row in plan) is not by_index
    finally:
        await chosen.dispose()
