"""What follows the ledger reads what is new in it by its index, however many accounts there are."""

from typing import Any

import psycopg
from sqlalchemy.dialects import postgresql

from payments.ledger import repository as ledger
from payments.payouts import repository as payouts

FILL = """
INSERT INTO payments.postings (transaction_id, line, account_id, currency, amount, xact)
SELECT payments.uuid7_floor(now()), n, 10 * n, 'EUR', 1, n / 10 FROM generate_series(1, 20000) n
"""


class Explaining:
    """Takes the place of a connection whose watermark is behind by some transactions, and keeps the plans."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self._ends = iter((1_990, 2_001))
        self.plans: list[str] = []

    async def scalar(self, _: Any) -> int:
        return next(self._ends)

    async def execute(self, statement: Any, values: Any = None) -> "Explaining":
        compiled = statement.compile(dialect=postgresql.psycopg.dialect())
        rows = self._connection.execute(f"EXPLAIN {compiled}", compiled.construct_params(values))
        self.plans.append("\n".join(row[0] for row in rows))
        return self

    def one(self) -> tuple[int, bool]:
        return 0, True

    def all(self) -> list[Any]:
        return []

    @property
    def rowcount(self) -> int:
        return 0


async def test_new_postings_are_found_by_the_transactions_that_wrote_them(databases):
    with databases.fresh() as database, psycopg.connect(database.superuser_url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")  # these postings balance nothing
        connection.execute(FILL)
        connection.execute("ANALYZE payments.postings")
        for follow, looks in ((ledger.roll_up, 1), (payouts.collect, 2)):
            explaining: Any = Explaining(connection)
            await follow(explaining)
            found = [line for plan in explaining.plans for line in plan.splitlines() if "xact_idx on postings" in line]
            assert len(found) == looks, explaining.plans
