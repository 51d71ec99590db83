"""A copy that was restored is trusted only if it is whole."""

import asyncio
import os
import subprocess
import sys

import psycopg
import pytest

from payments.devtools.servers import SUPERUSER
from tests.books.life import live
from tests.support import Platform

pytestmark = pytest.mark.asyncio(loop_scope="module")

DAMAGE = {
    "a posting changed": (
        """UPDATE payments.postings SET amount = amount + 1 WHERE (transaction_id, line) IN (
            SELECT transaction_id, line FROM payments.postings LIMIT 1)""",
        "✗ balanced: 1 differences",
    ),
    "a roll-up lost": ("UPDATE payments.ledger_balances SET amount = amount + 1", "✗ roll-ups"),
    "a payment changed": (
        "UPDATE payments.payments SET amount_captured = 2221 WHERE amount = 2222",
        "payments: captured",
    ),
    "an older schema": ("UPDATE payments.alembic_version SET version_num = '0001'", "its schema is 0001"),
}


@pytest.fixture(scope="module")
def copies(postgres):
    """Restore a database under another name, as `CREATE DATABASE … TEMPLATE` does from its files."""
    made: list[str] = []

    def restore(source: str) -> tuple[str, str]:
        name = f"restored_{len(made)}"
        with postgres.connect() as connection:
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [source])
        postgres.create_database(name, template=source)
        made.append(name)
        return postgres.url("payments_app", name), postgres.url(SUPERUSER, name)

    yield restore
    for name in made:
        postgres.drop_database(name)


async def check(url: str) -> tuple[int, str]:
    ran = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "payments", "restore-check"],
        env=os.environ | {"PAYMENTS_DATABASE_URL": url, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return ran.returncode, ran.stdout + ran.stderr


async def test_a_whole_copy_is_trusted_and_a_damaged_one_is_not(service: Platform, copies):
    await live(service)
    source = service.database.name
    whole, _ = copies(source)
    code, shown = await check(whole)
    assert code == 0, shown
    assert "this copy can be trusted" in shown
    assert "test EUR: debits" in shown
    for damage, (statement, told) in DAMAGE.items():
        url, superuser = copies(source)
        with psycopg.connect(superuser) as connection:
            # What writes to files does not ask triggers.
            connection.execute("SET session_replication_role = replica")
            connection.execute(statement)
        code, shown = await check(url)
        assert code == 1, (damage, shown)
        assert told in shown, damage
        assert "can be trusted" not in shown


async def test_an_empty_database_proves_nothing(databases):
    with databases.fresh() as empty:
        code, shown = await check(empty.url)
    assert code == 1
    assert "an empty database balances, and proves nothing" in shown


async def test_another_database_is_refused_in_words(postgres):
    code, shown = await check(postgres.url(SUPERUSER, "postgres"))
    assert code == 1
    assert "this is not a database of the platform" in shown
    assert "Traceback" not in shown
