"""`payments fraud backtest` on the command line."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from payments.devtools.errors import ToolError
from payments.fraud import commands
from tests.fraud.support import default_rules
from tests.support import Platform


def run(service: Platform, *arguments: str) -> Any:
    return CliRunner().invoke(commands.app, ["--database-url", service.database.url, "backtest", *arguments])


def test_the_command_prints_the_difference(service, history, tmp_path):
    candidate = tmp_path / "candidate.yaml"
    candidate.write_text("- name: large\n  condition: payment.amount_usd > 50000\n  score: 90\n", encoding="utf-8")
    result = run(service, "--rules", str(candidate), "--since", "7d")
    assert result.exit_code == 0, result.output
    assert "4 payments compared, 2 decided otherwise; 1 left out" in result.output
    assert "newly declined: 700.01 EUR, 2500.00 USD" in result.output
    assert "newly approved: nothing" in result.output
    assert "1 from approve to decline" in result.output


def test_the_command_reads_json_and_live_payments(service, history, tmp_path):
    kept = [{"name": rule.name, "condition": rule.condition, "score": rule.score} for rule in default_rules()]
    candidate = tmp_path / "candidate.json"
    candidate.write_text(json.dumps(kept), encoding="utf-8")
    result = run(service, "--rules", str(candidate), "--since", "12h", "--live")
    assert "0 payments compared, 0 decided otherwise" in result.output


@pytest.mark.parametrize(
    ("content", "since", "message"),
    [
        ("- name: a\n  condition: payment.amont > 1\n  score: 1\n", "7d", "rule 0/condition: Line 1, column 1"),
        ("- [", "7d", "is not YAML"),
        ("name: a\n", "7d", "does not hold rules"),
        ("[]", "7 days", "is not understood"),
        (None, "7d", "cannot be read"),
    ],
)
def test_the_command_says_what_is_wrong(service, tmp_path, content, since, message):
    candidate = tmp_path / "candidate.yaml"
    if content is not None:
        candidate.write_text(content, encoding="utf-8")
    result = run(service, "--rules", str(candidate), "--since", since)
    assert isinstance(result.exception, ToolError)
    assert message in str(result.exception)
