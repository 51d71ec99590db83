"""How a check is printed: a table for people, JSON for programs, SARIF for code scanning."""

import json
from collections.abc import Sequence
from typing import Any

from payments.devtools.manifests.findings import Rank
from payments.devtools.manifests.output import paint
from payments.devtools.manifests.rules import RULES
from payments.devtools.manifests.rules.rule import Problem

_LEVELS = {Rank.CRITICAL: "error", Rank.HIGH: "error", Rank.MEDIUM: "warning", Rank.LOW: "note"}


def table(problems: Sequence[Problem], objects: int, *, color: bool) -> str:
    """Return one line per problem, and what was checked."""
    lines = [
        f"{paint(one.rule.rank, f'{one.rule.rank!s:<8}', color=color)}  {one.rule.id:<20}  {one.key}: {one.text}"
        for one in problems
    ]
    verdict = f"{len(problems)} problems" if problems else "no problems"
    return "\n".join([*lines, f"{objects} objects, {len(RULES)} rules: {verdict}"])


def as_json(problems: Sequence[Problem], objects: int) -> str:
    """Return everything, for programs."""
    found = [
        {"rule": one.rule.id, "rank": str(one.rule.rank), "object": str(one.key), "file": one.file, "text": one.text}
        for one in problems
    ]
    return json.dumps({"objects": objects, "rules": len(RULES), "problems": found}, indent=2)


def sarif(problems: Sequence[Problem]) -> str:
    """Return SARIF 2.1.0, which code scanning shows beside the change."""
    driver = {
        "name": "payments manifests check",
        "rules": [{"id": rule.id, "shortDescription": {"text": rule.title}} for rule in RULES],
    }
    run = {"tool": {"driver": driver}, "results": [_result(one) for one in problems]}
    schema = "https://json.schemastore.org/sarif-2.1.0.json"
    return json.dumps({"$schema": schema, "version": "2.1.0", "runs": [run]}, indent=2)


def _result(one: Problem) -> dict[str, Any]:
    return {
        "ruleId": one.rule.id,
        "level": _LEVELS[one.rule.rank],
        "message": {"text": f"{one.key}: {one.text}"},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": one.file}}}],
    }
