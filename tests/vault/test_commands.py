"""``payments vault``: what operations type."""

import pytest
from typer.testing import CliRunner

from payments.devtools.errors import ToolError
from payments.devtools.workspace import Workspace
from payments.vault.commands import app
from tests.vault.support import card, write_keys


@pytest.fixture
def run(database_url, key_file, monkeypatch):
    monkeypatch.setenv("PAYMENTS_DATABASE_URL", database_url)
    monkeypatch.setenv("PAYMENTS_VAULT_KEY_FILE", str(key_file))
    monkeypatch.delenv("PAYMENTS_VAULT_KMS_KEY_ID", raising=False)

    def invoke(*arguments):
        result = CliRunner().invoke(app, arguments)
        if isinstance(result.exception, ToolError):
            raise result.exception
        return result

    return invoke


@pytest.fixture
async def two_cards(vault, merchant):
    for _ in range(2):
        await vault.tokenize(merchant, card(), livemode=False)


def test_rotation(two_cards, run, key_file):
    first = run("status")
    assert first.exit_code == 0
    assert "k1" in first.output

    write_keys(key_file, {"k1": bytes(range(32)), "k2": bytes(32)}, "k2")
    assert "re-encrypt, then remove" in run("status").output
    done = run("reencrypt", "--batch", "1")
    assert done.exit_code == 0
    assert "2 re-encrypted" in done.output
    assert "k1" not in run("status").output


def test_what_is_missing_is_said(run, monkeypatch, tmp_path):
    monkeypatch.setenv("PAYMENTS_VAULT_KEY_FILE", str(tmp_path / "none.json"))
    with pytest.raises(ToolError, match=r"none\.json"):
        run("status")
    monkeypatch.delenv("PAYMENTS_VAULT_KEY_FILE")
    with pytest.raises(ToolError, match="PAYMENTS_VAULT_KMS_KEY_ID"):
        run("status")
    monkeypatch.delenv("PAYMENTS_DATABASE_URL")
    monkeypatch.setattr(Workspace, "of_project", lambda: Workspace(tmp_path / ".dev"))
    with pytest.raises(ToolError, match="make dev"):
        run("status")


@pytest.mark.parametrize("arguments", [("reencrypt", "--batch", "0"), ("rotate",)])
def test_wrong_arguments(run, arguments):
    assert run(*arguments).exit_code == 2
