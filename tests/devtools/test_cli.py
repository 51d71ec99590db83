"""The command line as a whole."""

import subprocess
import sys

import psycopg
import pytest
from typer.testing import CliRunner

from payments import cli
from payments.devtools import infrastructure
from payments.devtools.errors import ServerError


def payments(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "payments", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"PATH": "/usr/bin:/bin", **environment},
    )


def test_help_imports_nothing_heavy():
    program = "import sys, payments.cli; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert not {"alembic", "cryptography", "fastapi", "httpx2", "psycopg", "pydantic", "sqlalchemy"} & set(loaded)


def test_every_command_is_there():
    told = CliRunner().invoke(cli.app, ["--help"]).output
    for command in ("dev", "demo", "dev-reset", "doctor", "migrate", "worker", "listen", "trigger"):
        assert command in told


@pytest.mark.parametrize(
    ("arguments", "words"), [(["--aws"], "which one?"), (["--stage", "staging"], "only the account of a stage")]
)
def test_the_doctor_of_an_account_needs_a_stage_and_a_stage_an_account(arguments, words):
    asked = CliRunner().invoke(cli.app, ["doctor", *arguments])
    assert asked.exit_code == 2
    assert words in asked.output


def test_the_doctor_of_an_account_is_the_infrastructures(monkeypatch):
    started = []

    def run(module: str, arguments: list[str]) -> int:
        started.append((module, arguments))
        return 1

    monkeypatch.setattr(infrastructure, "run", run)
    asked = CliRunner().invoke(cli.app, ["doctor", "--aws", "--stage", "staging", "--compute", "serverless"])
    assert asked.exit_code == 1
    assert started == [("cdk.doctor", ["--stage", "staging", "--compute", "serverless"])]


def test_a_problem_is_one_line_without_a_traceback(monkeypatch, capsys):
    def fails():
        raise ServerError("postgres did not start; free some disk")

    monkeypatch.setattr(cli, "app", fails)
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == 1
    assert capsys.readouterr().err == "payments: postgres did not start; free some disk\n"


def test_migrate_needs_to_know_where():
    asked = payments("migrate")
    assert asked.returncode == 1
    assert asked.stderr == "payments: PAYMENTS_OWNER_DATABASE_URL: Field required\n"


def test_migrate_twice(postgres):
    postgres.create_database("migrated")
    try:
        url = postgres.url("payments_owner", "migrated")
        for _ in range(2):
            done = payments("migrate", PAYMENTS_OWNER_DATABASE_URL=url)
            assert done.returncode == 0, done.stderr
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT count(*) FROM payments.payments").fetchone() == (0,)
    finally:
        postgres.drop_database("migrated")
