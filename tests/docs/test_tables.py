"""The tables of docs/APPLICATIONS.md agree with the code. Run this file as a program to renew the generated ones."""

import ast
import json
import re
from typing import Any
from unittest.mock import MagicMock

import pytest
from pydantic_settings import BaseSettings
from typer.main import get_command

import gateway.settings
import payments.settings
from payments.cli import app
from payments.connectors.declines import DECLINES
from payments.fraud import rules
from payments.fraud.vocabulary import GROUPS, VARIABLES, WINDOWS
from payments.http.entry import Entry
from payments.main import create_app
from payments.merchants.scopes import SCOPES
from payments.money import EXPONENTS
from payments.payments.states import STATUSES, TRANSITIONS
from payments.worker import tasks
from shared.permissions import PERMISSIONS, ROLES
from shared.problem_catalog import CATALOG
from tests.docs import page

SOURCES = page.PROJECT / "src"
DEFAULT_RULES = page.PROJECT / "migrations" / "versions" / "0003_fraud" / "default_rules.json"
README = page.PROJECT / "README.md"


def generated() -> dict[str, list[str]]:
    """Return the lines of each generated table by its name in the page."""
    return {
        "scopes": [", ".join(f"`{scope}`" for scope in SCOPES) + "."],
        "exponents": _exponents(),
        "transitions": _transitions(),
        "variables": _variables(),
        "rules": _rules(),
        "routes": _routes(),
        "codes": _problems(),
    }


def renewed(document: str) -> str:
    """Return the page with every generated table replaced."""
    for name, lines in generated().items():
        block = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        assert len(block.findall(document)) == 1, f"the page needs one place for the table {name}"
        content = "\n".join(lines)
        parts = block.split(document)
        document = "".join([parts[0], parts[1], content, "\n", *parts[2:]])
    return document


def _exponents() -> list[str]:
    def row(exponent: int) -> str:
        codes = [code for code, value in EXPONENTS.items() if value == exponent]
        return f"| {exponent} | {len(codes)} | {' '.join(sorted(codes))} |"

    return ["| decimals | currencies | |", "|---|---|---|", *(row(each) for each in sorted({*EXPONENTS.values()}))]


def _transitions() -> list[str]:
    def row(source: str) -> str:
        causes = (TRANSITIONS[source, target] for target in STATUSES)
        return f"| `{source}` | {' | '.join('' if cause == '.' else cause for cause in causes)} |"

    head = " | ".join(f"`{status}`" for status in STATUSES)
    return [f"| from \\ to | {head} |", "|---" * (len(STATUSES) + 1) + "|", *(row(status) for status in STATUSES)]


def _variables() -> list[str]:
    others = (name for name in VARIABLES if not name.startswith("signals."))
    windows = ", ".join(f"`{window}`" for window in WINDOWS)
    return [
        "| variable | type | meaning |",
        "|---|---|---|",
        *(f"| `{name}` | {VARIABLES[name][0]} | {VARIABLES[name][1]} |" for name in others),
        *(
            f"| `signals.{group.subject}_{group.quantity}_…` | int | {group.meaning}, in the last … ({windows}) |"
            for group in GROUPS
        ),
    ]


def _routes() -> list[str]:
    application = create_app(MagicMock())
    assert isinstance(application, Entry)
    app: Any = application._app
    # The framework puts a path together only where a router is included.
    included = [each.effective_route_contexts() for each in app.routes if hasattr(each, "effective_route_contexts")]
    found = sorted((route for routes in included for route in routes), key=lambda route: route.path)
    lines = [
        f"| {method} | `{route.path}` | {_needs(method, route.path)} | {(route.description or '').splitlines()[0]} |"
        for route in found
        if route.include_in_schema
        for method in sorted(route.methods)
    ]
    assert len(lines) > 20
    return ["| | route | needs | |", "|---|---|---|---|", *lines]


def _needs(method: str, path: str) -> str:
    """Return the scope and the roles that let a caller through."""
    permission = PERMISSIONS[f"{method} {path}"]
    ways = [f"`{permission.scope}`"] if permission.scope else []
    if permission.roles:
        ways.append("every role" if permission.roles == ROLES else " ".join(f"`{role}`" for role in permission.roles))
    return ", or ".join(ways)


def _problems() -> list[str]:
    rows = (f"| {each.status} | `{each.code}` | {each.meaning} | {each.advice} |" for each in CATALOG)
    return ["| status | code | meaning | what to do |", "|---|---|---|---|", *rows]


def _rules() -> list[str]:
    found = [rules.Rule(id=page.ANY_ID, **rule) for rule in json.loads(DEFAULT_RULES.read_text(encoding="utf-8"))]
    found.sort(key=lambda rule: rule.priority)
    return [
        "| rule | condition | score | action |",
        "|---|---|---|---|",
        *(
            f"| `{rule.name}` | `{rule.condition.replace('|', chr(92) + '|')}` | {rule.score} | `{rule.action}` |"
            for rule in found
        ),
    ]


@pytest.fixture(scope="module")
def document() -> str:
    return page.text()


def test_the_generated_tables_say_what_the_code_says(document):
    assert document == renewed(document), "run: python -m tests.docs.test_tables"


@pytest.mark.parametrize(
    ("name", "settings"),
    [("payments settings", payments.settings.Settings), ("gateway settings", gateway.settings.Settings)],
)
def test_settings_have_their_names_and_defaults(document, name, settings: type[BaseSettings]):
    prefix = settings.model_config["env_prefix"]
    in_code = {
        f"{prefix}{field}".upper(): "required" if about.is_required() else str(about.default or "none")
        for field, about in settings.model_fields.items()
    }
    on_page = {page.bare(variable): page.bare(default) for variable, default, _ in page.table(document, name)}
    assert on_page == in_code


def test_the_worker_does_what_the_table_says(document):
    in_code = [(name, f"{seconds} s") for name, seconds, _ in tasks(MagicMock())]
    on_page = [(name, every.partition(",")[0]) for name, every, _ in page.table(document, "tasks")]
    assert on_page == in_code


def test_every_error_code_is_in_the_catalog():
    """A new one needs a line in shared/problem_catalog.py, from which the page and the OpenAPI document are made."""
    on_page = {(each.status, each.code) for each in CATALOG}
    in_code = _codes()
    for status, code in in_code:
        if status is None:
            assert code in {name for _, name in on_page}
        else:
            assert (status, code) in on_page
    known = {code for _, code in in_code}
    assert {code for _, code in on_page} <= known, "the catalog has codes that nothing raises"


def _codes() -> set[tuple[int | None, str]]:
    """Return what the sources raise or answer: statuses and codes, or codes alone where a variable stands for them."""
    found: set[tuple[int | None, str]] = set()
    for source in SOURCES.rglob("*.py"):
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Problem":
                found |= _answer(dict(zip(("status", "code"), node.args, strict=False)))
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple):
                names = [getattr(target, "id", "") for target in node.targets[0].elts]
                if "code" in names and isinstance(node.value, ast.Tuple):
                    found |= _answer(dict(zip(names, node.value.elts, strict=True)))
            elif isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in ("_CODES", "_HTTP_ANSWERS"):
                for status, answer in ast.literal_eval(node.value).items():
                    found.add((status, answer if isinstance(answer, str) else answer[0]))
    return found


def _answer(parts: dict[str, ast.expr]) -> set[tuple[int | None, str]]:
    status, code = (getattr(parts.get(name), "value", None) for name in ("status", "code"))
    return {(status, code)} if isinstance(code, str) else set()


def test_decline_codes_that_the_page_names_exist(document):
    for code in ("fraudulent", "limit_exceeded", "not_processed", "insufficient_funds"):
        assert f"`{code}`" in document or f'"{code}"' in document
        assert code in DECLINES


def test_commands_exist():
    """Those of make in the README, those of the command line on both pages."""
    targets = set(re.findall(r"^([a-z-]+):", (page.PROJECT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    texts = [README.read_text(encoding="utf-8"), page.text()]
    named = {target for text in texts for target in re.findall(r"[`$] ?make ([a-z-]+)", text)}
    assert {"dev", "demo", "test", "bench"} <= named <= targets
    for text in texts:
        for line in re.findall(r"python -m payments ([a-z][a-z -]*[a-z])", text):
            commands: Any = get_command(app)
            for word in line.split():
                # What follows the last command are arguments.
                known = getattr(commands, "commands", None)
                assert known is None or word in known, f"there is no command {line}"
                commands = known and known[word]


def test_links_lead_somewhere():
    text = page.text()
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        assert (page.PAGE.parent / target).exists(), target
    heads = re.findall(r"^#+ (.*)", text, re.MULTILINE)
    anchors = {re.sub(r"[^a-z0-9 -]", "", head.lower()).replace(" ", "-") for head in heads}
    assert set(re.findall(r"\]\(#([^)]*)\)", text)) <= anchors


if __name__ == "__main__":
    page.PAGE.write_text(renewed(page.text()), encoding="utf-8")
