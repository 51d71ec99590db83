"""Runbooks: a page for each alert, complete, with commands that exist."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from manifests.observability.alerts import alerts
from manifests.observability.rules import page_of
from manifests.observability.times import Times
from payments.cli import app

FOLDER = Path(__file__).parents[2] / "docs" / "runbooks"
# The restore is a procedure, not an alert; tests/docs/test_deployment.py reads it.
PAGES = sorted(path for path in FOLDER.glob("*.md") if path.stem not in ("README", "restore"))
SECTIONS = ["Symptom", "First look", "Decision", "Undo"]
KUBECTL = {"get", "logs", "rollout", "scale", "top", "port-forward", "describe", "exec", "delete", "apply"}
_FENCE = re.compile(r"^```sh\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def commands(page: Path) -> list[list[str]]:
    """The words of every command, one for each part of a pipe."""
    found = []
    for block in _FENCE.findall(page.read_text(encoding="utf-8")):
        for line in block.replace("\\\n", " ").splitlines():
            lexer = shlex.shlex(line, posix=True, punctuation_chars="|")
            lexer.whitespace_split = True
            part: list[str] = []
            for word in [*lexer, "|"]:
                if word == "|":
                    found.append(part)
                    part = []
                else:
                    part.append(word)
    return found


def check(words: list[str]) -> None:
    program, *rest = words
    match program:
        case "kubectl":
            verb = next(
                word for at, word in enumerate(rest) if not word.startswith("-") and (at == 0 or rest[at - 1] != "-n")
            )
            assert verb in KUBECTL, words
        case "curl":
            assert any(re.match(r"https?://", word) for word in rest), words
        case "payments":
            known: Any = get_command(app)
            for word in (word for word in rest if not word.startswith("-")):
                known = getattr(known, "commands", {}).get(word)
                assert known is not None, f"there is no command {shlex.join(words)}"
            options = {option for parameter in known.params for option in parameter.opts} | {"--help"}
            assert {word.partition("=")[0] for word in rest if word.startswith("--")} <= options, words
        case "grep":
            re.compile(rest[-1])
        case _:
            pytest.fail(f"what is {program}?")


def test_every_alert_has_a_page_and_every_page_an_alert():
    wanted = {page_of(alert.name) for group in alerts(Times()).values() for alert in group}
    assert {page.stem for page in PAGES} == wanted


def test_the_index_names_every_page():
    index = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| \[(\w+)\]\((\w+)\.md\)", index, re.MULTILINE) == [(page.stem, page.stem) for page in PAGES]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_is_complete_and_its_commands_exist(page):
    text = page.read_text(encoding="utf-8")
    assert text.startswith(f"# {page.stem}\n")
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == SECTIONS
    found = commands(page)
    assert found
    for words in found:
        check(words)
    for link in re.findall(r"\]\(([^)]+)\)", text):
        assert (FOLDER / link).exists(), link


def test_a_wrong_command_would_be_noticed():
    for words in (
        ["payments", "vault", "open"],
        ["kubectl", "-n", "payments", "fix"],
        ["curl", "-s"],
        ["payments", "migrate", "--now"],
    ):
        with pytest.raises((AssertionError, pytest.fail.Exception)):
            check(words)
