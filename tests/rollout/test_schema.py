"""Schemas and releases that are not of the same age: rollouts and rollbacks have both, for a while."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from payments.credentials import connection_info
from payments.database import sqlalchemy_url
from payments.devtools import migrate
from payments.devtools.errors import ServerError
from payments.devtools.servers import APP, OWNER
from tests.support import body_of, platform_on

# What a later release may do: add to everything that is there.
_EXPANSION = '''
"""What the next release adds."""

from alembic import op
import sqlalchemy as sa

revision = "9999"
down_revision = "{head}"


def upgrade() -> None:
    tables = op.get_bind().scalars(sa.text(
        "SELECT format('%I.%I', relnamespace::regnamespace, relname) FROM pg_class WHERE relkind IN ('r', 'p') "
        "AND NOT relispartition AND relnamespace::regnamespace::text IN ('payments', 'vault', 'sandbox') "
        "AND relname <> 'alembic_version'"
    )).all()
    assert len(tables) > 10
    for table in tables:
        op.execute(f"ALTER TABLE {{table}} ADD COLUMN added_later text")
        op.execute(f"ALTER TABLE {{table}} ADD COLUMN counted_later integer NOT NULL DEFAULT 0")
    op.execute("CREATE TABLE payments.added_later (id bigint PRIMARY KEY)")
    op.execute("ALTER TABLE payments.payments ADD CONSTRAINT later CHECK (counted_later >= 0) NOT VALID")
'''
# What takes something away from a release that is still running.
_CONTRACTING = re.compile(
    r"\bDROP\s+(TABLE|COLUMN|SCHEMA|TYPE|VIEW|DEFAULT)|\bRENAME\s+(TO|COLUMN)|\bALTER\s+COLUMN\s+\w+\s+(SET\s+DATA\s+)?"
    r"TYPE\b|\bSET\s+NOT\s+NULL|\bREVOKE\b(?!.*\bFROM\s+PUBLIC\b)",
    re.IGNORECASE,
)


def payments(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "payments", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"PATH": "/usr/bin:/bin", **environment},
    )


def head() -> str:
    found = ScriptDirectory(str(migrate.MIGRATIONS)).get_current_head()
    assert found is not None
    return found


def upgrade(url: str, scripts: Path, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(scripts))
    config.set_main_option("sqlalchemy.url", sqlalchemy_url(url).replace("%", "%%"))
    command.upgrade(config, revision)


@pytest.fixture
def next_schema(databases, tmp_path):
    """A database that the release after this one has migrated."""
    scripts = tmp_path / "migrations"
    shutil.copytree(migrate.MIGRATIONS, scripts, ignore=shutil.ignore_patterns("__pycache__"))
    (scripts / "versions" / "9999_next.py").write_text(_EXPANSION.format(head=head()))
    with databases.fresh() as database:
        upgrade(database.owner_url, scripts, "head")
        yield database


async def test_this_release_works_on_the_schema_of_the_next(next_schema, redis_url, tmp_path):
    async with platform_on(next_schema, redis_url, tmp_path / "keys") as platform:
        shop = await platform.shop()
        paid = await shop.pay()
        assert paid["status"] == "captured"
        refund = await shop.post(f"/v1/payments/{paid['id']}/refunds", {"amount": 1_000})
        assert body_of(refund, 201)["status"] == "succeeded"
        held = await shop.authorize()
        captured = await shop.post(f"/v1/payments/{held['id']}/capture", {})
        assert body_of(captured, 200)["status"] == "captured"
        assert (await shop.balance())["pending"] == 19_000


def test_its_pods_start_on_the_schema_of_the_next(next_schema):
    waited = payments("migrate", "--wait", PAYMENTS_DATABASE_URL=next_schema.url)
    assert waited.returncode == 0, waited.stderr


def test_pods_wait_for_the_schema_they_need(postgres):
    """They come before the migration, see half of it, and start once it is done."""
    postgres.create_database("behind")
    try:
        info = connection_info(postgres.url(APP, "behind"))
        with pytest.raises(ServerError, match=rf"after 0 s, and this release needs {head()}"):
            migrate.wait_for_schema(info, seconds=0)
        upgrade(postgres.url(OWNER, "behind"), migrate.MIGRATIONS, "0001")
        with pytest.raises(ServerError, match=rf"after 0 s, and this release needs {head()}"):
            migrate.wait_for_schema(info, seconds=0)
        migrate.migrate(postgres.url(OWNER, "behind"))
        migrate.wait_for_schema(info, seconds=0)
    finally:
        postgres.drop_database("behind")


def test_waiting_survives_a_database_that_is_not_there_yet():
    with pytest.raises(ServerError, match="unknown"):
        migrate.wait_for_schema(lambda: "postgresql://nobody@127.0.0.1:1/none", seconds=0)


def test_waiting_changes_nothing_and_needs_no_owner(database):
    with psycopg.connect(database.owner_url) as connection:
        before = connection.execute("SELECT count(*) FROM pg_class").fetchone()
        assert payments("migrate", "--wait", PAYMENTS_DATABASE_URL=database.url).returncode == 0
        assert connection.execute("SELECT count(*) FROM pg_class").fetchone() == before


def test_the_url_may_be_a_file(database, tmp_path):
    (tmp_path / "payments_owner_database_url").write_text(database.owner_url)
    done = payments("migrate", PAYMENTS_SECRETS_DIR=str(tmp_path))
    assert done.returncode == 0, done.stderr


def test_migrations_only_expand():
    versions = migrate.MIGRATIONS / "versions"
    files = [path for path in sorted(versions.rglob("*")) if path.suffix in {".sql", ".py"}]
    assert len(files) > 10
    found = []
    for path in files:
        text = re.sub(r"--.*", "", path.read_text(encoding="utf-8"))
        text = re.sub(r"\$\$.*?\$\$", "", text, flags=re.DOTALL)  # what functions do later: old partitions do go
        found += [f"{path.relative_to(versions)}: {match[0]}" for match in _CONTRACTING.finditer(text)]
    assert found == []


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE payments.payments DROP COLUMN amount",
        "ALTER TABLE payments.payments RENAME COLUMN amount TO total",
        "ALTER TABLE payments.payments ALTER COLUMN amount TYPE integer",
        "ALTER TABLE payments.payments ALTER COLUMN note SET NOT NULL",
        "drop table payments.quotes",
        "REVOKE SELECT ON payments.payments FROM payments_app",
    ],
)
def test_what_contracts_is_noticed(statement):
    assert _CONTRACTING.search(statement)
