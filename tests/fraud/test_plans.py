"""Whatever looks for payments of a card, a merchant, an IP address or a device finds them by an index."""

from typing import Any

import psycopg
import pytest
from sqlalchemy.dialects import postgresql

from payments.fraud import backtest_repository, desk_repository, repository, rule_repository
from payments.fraud.desk_repository import Viewer
from shared.ids import new_uuid
from tests.fraud.support import MERCHANT, NOON

INDEXES = {"card": "left", "merchant": "merchant_id", "ip": "customer_ip", "device": "device_id"}


class Explaining:
    """Takes the place of a connection, and keeps the plan instead of running the statement."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.plan = ""

    async def execute(self, statement: Any, parameters: Any = None) -> "Explaining":
        compiled = statement.compile(dialect=postgresql.psycopg.dialect())
        values = compiled.construct_params(parameters)
        self._connection.execute("SET enable_seqscan = off")
        self.plan = "\n".join(row[0] for row in self._connection.execute(f"EXPLAIN {compiled}", values))
        return self

    async def scalar(self, statement: Any, parameters: Any = None) -> None:
        await self.execute(statement, parameters)

    def mappings(self) -> "Explaining":
        return self

    def all(self) -> list[Any]:
        return []

    def __iter__(self) -> Any:
        return iter(())


@pytest.fixture
def explaining(database):
    with psycopg.connect(database.owner_url, autocommit=True) as connection:
        yield Explaining(connection)


@pytest.mark.parametrize("subject", INDEXES)
async def test_signals_from_the_database_use_an_index_and_prune(explaining, subject):
    value = str(MERCHANT) if subject == "merchant" else "a" * 64
    await repository.recent(explaining, subject, [(value, True)], NOON)
    scans = [line for line in explaining.plan.splitlines() if "Scan" in line and "recordset" not in line]
    assert scans
    assert all("Index Scan" in line for line in scans), explaining.plan
    conditions = [line for line in explaining.plan.splitlines() if "Index Cond" in line]
    assert all(INDEXES[subject] in line and "livemode" in line and "id >=" in line for line in conditions)
    assert "Sort" not in explaining.plan


@pytest.mark.parametrize("column", ["card_fingerprint", "customer_ip", "device_id"])
async def test_links_use_an_index(explaining, column):
    payment: Any = {"id": MERCHANT, "livemode": True, column: "a" * 64}
    await desk_repository.linked(explaining, Viewer(MERCHANT, True), payment, column)
    assert "Index Scan using" in explaining.plan
    assert "Seq Scan" not in explaining.plan


async def test_pages_of_payments_are_read_by_their_ids(explaining):
    await repository.attempts(explaining, NOON, new_uuid(), 100)
    assert "Index Scan" in explaining.plan
    assert "Seq Scan" not in explaining.plan
    await backtest_repository.receipts(explaining, NOON, None, 100, livemode=True)
    assert "Seq Scan" not in explaining.plan


async def test_hits_are_counted_from_where_the_last_count_ended(explaining):
    await rule_repository.count_hits(explaining, seconds=20, limit=100)
    conditions = [line for line in explaining.plan.splitlines() if "Index Cond: ((id" in line]
    assert conditions
    assert all("id > " in line and "id < " in line for line in conditions), explaining.plan
    assert "Join Filter" not in explaining.plan
