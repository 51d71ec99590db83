"""``payments rates import``: what operations type."""

import psycopg
import pytest
from typer.testing import CliRunner

from payments.devtools.errors import ToolError
from payments.devtools.workspace import Workspace
from payments.fx import commands
from payments.fx.commands import app

FIRST = """base,quote,rate,effective_at,source
EUR,USD,1.15,2026-11-20T15:00:00Z,ecb
EUR,GBP,0.86,2026-11-20T15:00:00Z,ecb
EUR,JPY,178.4,2026-11-19T15:00:00Z,ecb
"""


@pytest.fixture
def run(database_url, monkeypatch):
    monkeypatch.setenv("PAYMENTS_DATABASE_URL", database_url)

    def invoke(*arguments):
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.output

    return invoke


@pytest.fixture
def recorded(owner_database_url):
    def rows():
        with psycopg.connect(owner_database_url) as connection:
            query = "SELECT quote, rate::text, source, created_by FROM payments.fx_rates ORDER BY id"
            return connection.execute(query).fetchall()

    return rows


def test_import(run, recorded, tmp_path, monkeypatch):
    monkeypatch.setattr(commands, "_ROWS", 2)  # more than one statement
    file = tmp_path / "rates.csv"
    file.write_text(FIRST)
    assert "3 rates from 2026-11-19 to 2026-11-20: would add 3" in run("import", file, "--dry-run")
    assert recorded() == []
    assert "added 3" in run("import", file)
    assert recorded() == [
        ("USD", "1.15", "ecb", "payments rates import"),
        ("GBP", "0.86", "ecb", "payments rates import"),
        ("JPY", "178.4", "ecb", "payments rates import"),
    ]

    # Again: nothing. Corrected: one row more.
    assert "added 0" in run("import", file)
    file.write_text(FIRST.replace("0.86", "0.87"))
    assert "would add 1" in run("import", file, "--dry-run")
    assert "added 1" in run("import", file)
    assert recorded()[3:] == [("GBP", "0.87", "ecb", "payments rates import")]

    # Wrong in the last line: nothing of it.
    file.write_text(FIRST.replace("1.15", "1.16") + "EUR,USD\n")
    with pytest.raises(ToolError, match="not imported:\nline 5: Expected 5 columns"):
        run("import", file)
    assert len(recorded()) == 4


def test_withdrawn_currencies_are_named(run, tmp_path):
    file = tmp_path / "eurofxref.xml"
    file.write_text(
        "<x><Cube time='2001-01-02'><Cube currency='SEK' rate='8.8'/><Cube currency='SIT' rate='9'/></Cube></x>"
    )
    assert "left out, no longer in ISO 4217: SIT" in run("import", file)


def test_what_is_missing_is_said(run, monkeypatch, tmp_path):
    with pytest.raises(ToolError, match="No such file"):
        run("import", tmp_path / "none.xml")
    file = tmp_path / "rates.csv"
    file.write_text(FIRST)
    monkeypatch.setenv("PAYMENTS_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none?connect_timeout=1")
    with pytest.raises(ToolError, match="does not answer, nothing was changed"):
        run("import", file)
    monkeypatch.delenv("PAYMENTS_DATABASE_URL")
    monkeypatch.setattr(Workspace, "of_project", lambda: Workspace(tmp_path / ".dev"))
    with pytest.raises(ToolError, match="make dev"):
        run("import", file)
