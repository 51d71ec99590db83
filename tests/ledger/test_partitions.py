"""Monthly partitions: there before they are needed, and made again without harm."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import errors

from shared.ids import new_uuid
from tests.conftest import Database, Databases
from tests.ledger.books import TRANSACTION

TABLES = ("payments", "operations", "events", "ledger_transactions", "postings", "settlement_items")
ENSURE = "SELECT payments.ensure_partitions(%s)"


@pytest.fixture
def another(databases: Databases) -> Iterator[Database]:
    """A database that a test may extend."""
    with databases.fresh() as database:
        yield database


def months(first: int, last: int) -> list[datetime]:
    """The first moments of the months from `first` to `last`, counted from this one."""
    now = datetime.now(UTC)
    counted = [now.year * 12 + now.month - 1 + offset for offset in range(first, last + 1)]
    return [datetime(count // 12, count % 12 + 1, 1, tzinfo=UTC) for count in counted]


def partitions(connection: psycopg.Connection[Any], table: str) -> list[str]:
    query = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass ORDER BY 1"
    return [name for (name,) in connection.execute(query, [f"payments.{table}"])]


def smallest_id(moment: datetime) -> UUID:
    milliseconds = round(moment.timestamp() * 1000)
    return UUID(int=milliseconds << 80)


def names(table: str, first: int, last: int) -> list[str]:
    return [f"payments.{table}_{month:%Y_%m}" for month in months(first, last)]


@pytest.mark.parametrize("table", TABLES)
def test_partitions_reach_from_last_month_to_twelve_months_ahead(database: Database, table):
    with psycopg.connect(database.url) as connection:
        # Items are made from postings, also from those that were there before the table was.
        older = ["payments.settlement_items_before"] if table == "settlement_items" else []
        assert sorted(partitions(connection, table)) == names(table, -1, 12) + older


def test_an_id_lands_in_the_month_it_was_made_in(database: Database):
    with psycopg.connect(database.url) as connection:
        for month in months(0, 2):
            start = smallest_id(month).int
            for number, expected in ((start, month), (start - 1, month - timedelta(days=1))):
                row = connection.execute(
                    TRANSACTION + " RETURNING tableoid::regclass::text", [UUID(int=number), new_uuid(), False]
                ).fetchone()
                assert row == (f"payments.ledger_transactions_{expected:%Y_%m}",)
        connection.rollback()


def test_todays_ids_have_a_home_and_ids_out_of_range_have_none(database: Database):
    with psycopg.connect(database.url) as connection:
        connection.execute(TRANSACTION, [new_uuid(), new_uuid(), False])
        connection.rollback()
        (far,) = months(13, 13)
        for identity in (smallest_id(far), smallest_id(months(-2, -2)[0]), UUID(int=2**128 - 1)):
            with pytest.raises(errors.CheckViolation, match="no partition"), connection.transaction():
                connection.execute(TRANSACTION, [identity, new_uuid(), False])


def test_making_partitions_again_makes_none(database: Database):
    with psycopg.connect(database.url) as connection:
        for ahead in (12, 0, -5):
            assert connection.execute(ENSURE, [ahead]).fetchone() == (0,)


def test_the_application_makes_new_months_that_are_as_well_defended(another: Database):
    with psycopg.connect(another.url, autocommit=True) as connection:
        assert connection.execute(ENSURE, [14]).fetchone() == (2 * len(TABLES),)
        assert connection.execute(ENSURE, [14]).fetchone() == (0,)
        new = f"ledger_transactions_{months(14, 14)[0]:%Y_%m}"
        owners = connection.execute("SELECT tableowner FROM pg_tables WHERE tablename = %s", [new]).fetchall()
        assert owners == [("payments_owner",)]
        for statement in ("INSERT INTO payments.{} DEFAULT VALUES", "SELECT FROM payments.{}", "TRUNCATE payments.{}"):
            with pytest.raises(errors.InsufficientPrivilege):
                connection.execute(statement.format(new).encode())
    with psycopg.connect(another.owner_url) as connection:
        for table in ("postings", "ledger_transactions"):
            name = f"payments.{table}_{months(14, 14)[0]:%Y_%m}"
            with pytest.raises(errors.RestrictViolation), connection.transaction():
                connection.execute(f"TRUNCATE {name}".encode())


def test_two_workers_may_make_partitions_at_once(another: Database):
    def ensure(_: int) -> int:
        with psycopg.connect(another.url) as connection:
            (made,) = connection.execute(ENSURE, [16]).fetchone() or (0,)
            return int(made)

    with ThreadPoolExecutor(4) as pool:
        made = sorted(pool.map(ensure, range(4)))
    assert made[:3] == [0, 0, 0]
    assert made[3] == 4 * len(TABLES)
