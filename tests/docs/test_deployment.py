"""Every command in DEPLOYMENT.md and in the restore runbook exists, with its options."""

import re
import shlex
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore import xform_name
from typer.main import get_command

from payments.cli import app
from tests.docs.page import FENCE, PROJECT

DOCS = PROJECT / "docs"
PAGES = [DOCS / "DEPLOYMENT.md", DOCS / "runbooks" / "restore.md"]
# What the AWS command line has beyond the API.
_AWS_OWN = {
    ("eks", "update-kubeconfig"): {"--name", "--region"},
    ("logs", "tail"): {"--since", "--follow"},
}
_AWS_GLOBAL = {"--query", "--output", "--region", "--profile"}
_KUBECTL = {"apply", "get", "rollout", "scale", "delete", "logs"}
_CDK = {"bootstrap", "diff", "deploy", "destroy"}
_CDK_OPTIONS = {"--all", "--exclusively", "-c"}


def commands(page: Path) -> list[list[str]]:
    blocks = (text for language, text in FENCE.findall(page.read_text(encoding="utf-8")) if language == "sh")
    return [shlex.split(line) for block in blocks for line in block.replace("\\\n", " ").splitlines() if line]


def check(words: list[str]) -> None:
    program, *rest = words
    options = {word.partition("=")[0] for word in rest if word.startswith("-")}
    match program:
        case "aws":
            service, operation = rest[:2]
            assert options <= _aws_options(service, operation) | _AWS_GLOBAL, words
        case "make":
            targets = re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
            assert next(word for word in rest if "=" not in word) in targets, words
        case "payments":
            _check_payments(rest)
        case "cdk":
            assert rest[0] in _CDK, words
            assert options <= _CDK_OPTIONS, words
        case "kubectl":
            assert next(word for at, word in enumerate(rest) if word[0] != "-" and rest[at - 1] != "-n") in _KUBECTL
        case "curl":
            assert rest[0].startswith("https://"), words
        case "helm":
            assert rest[0] == "list", words
        case _:
            pytest.fail(f"what is {program}?")


def _check_payments(rest: list[str]) -> None:
    known: Any = get_command(app)
    for word in rest:
        if word.startswith("-") or not getattr(known, "commands", None):
            break
        assert word in known.commands, f"there is no command payments {shlex.join(rest)}"
        known = known.commands[word]
    options = {option for parameter in known.params for option in parameter.opts}
    assert {word for word in rest if word.startswith("--")} <= options, rest


def _aws_options(service: str, operation: str) -> set[str]:
    if (service, operation) in _AWS_OWN:
        return _AWS_OWN[service, operation]
    model = botocore.session.get_session().get_service_model(service)
    names = {xform_name(name, "-"): name for name in model.operation_names}
    assert operation in names, f"aws {service} has no {operation}"
    shape = model.operation_model(names[operation]).input_shape
    members = shape.members if shape else {}
    known = {f"--{xform_name(name, '-')}" for name in members}
    switches = {f"--no-{xform_name(name, '-')}" for name, member in members.items() if member.type_name == "boolean"}
    return known | switches


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_exists_with_its_options(page: Path):
    found = commands(page)
    assert len(found) > 5
    for words in found:
        check(words)


def test_a_command_that_does_not_exist_is_noticed():
    for wrong in (
        "aws rds make-db",
        "aws rds create-db-snapshot --name x",
        "payments restore",
        "make deploy",
        "cdk up",
    ):
        with pytest.raises(AssertionError):
            check(shlex.split(wrong))


def test_every_link_leads_somewhere():
    for page in PAGES:
        for link in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).exists(), link


def test_every_stack_has_a_line_for_when_it_fails():
    stacks = {
        path.stem for path in (PROJECT / "cdk" / "stacks").glob("*.py") if "Stack(StageStack)" in path.read_text()
    }
    rows = re.findall(r"^\| (\w+) \|", (DOCS / "DEPLOYMENT.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert stacks <= set(rows)


def test_the_runbook_states_what_may_be_lost_and_how_long_it_takes():
    text = PAGES[1].read_text(encoding="utf-8")
    assert "RPO" in text
    assert "RTO" in text
