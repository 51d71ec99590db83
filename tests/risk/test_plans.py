"""Watching for alerts costs what is new, not what there is."""

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from payments.risk import repository


class Explaining:
    """Takes the place of a connection, and keeps the plan."""

    def __init__(self, connection):
        self._connection = connection
        self.plan = ""

    async def execute(self, statement: sa.TextClause, values=None):
        compiled = statement.compile(dialect=postgresql.psycopg.dialect())
        self._connection.execute("SET enable_seqscan = off")
        found = self._connection.execute(f"EXPLAIN {compiled}", compiled.construct_params(values))
        self.plan = "\n".join(row[0] for row in found)
        return self

    def mappings(self):
        return self

    def all(self):
        return []


async def test_payments_are_counted_by_a_range_of_their_ids(database):
    with psycopg.connect(database.owner_url, autocommit=True) as connection:
        explaining: Any = Explaining(connection)
        until = datetime.now(UTC)
        await repository.counts(explaining, until - timedelta(seconds=2), until)
        scans = [line for line in explaining.plan.splitlines() if " on payments_20" in line]
        assert len(scans) in (1, 2), "all other months are pruned"
        assert explaining.plan.count("Index Cond: ((id >= ") == len(scans), explaining.plan
        await repository.busy_days(explaining)
        assert "payments_20" not in explaining.plan, "no payment is read for the days"
