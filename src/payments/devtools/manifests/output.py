"""How results are printed: a table for people, JSON for programs, Markdown for pull requests."""

import json
import os
import sys
from collections.abc import Sequence
from typing import Any, TextIO

from payments.devtools.manifests.compare import MISSING
from payments.devtools.manifests.difference import Difference
from payments.devtools.manifests.findings import Rank

_COLORS = {Rank.CRITICAL: "31;1", Rank.HIGH: "33;1", Rank.MEDIUM: "36", Rank.LOW: "2"}
_WIDTH = len("critical")


def colored(stream: TextIO | None = None) -> bool:
    """Whether the reader wants colors: a terminal does, unless NO_COLOR is set."""
    stream = stream or sys.stdout
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM", "dumb") != "dumb"


def paint(rank: Rank, text: str, *, color: bool) -> str:
    """Return the text in the color of its rank."""
    return f"\033[{_COLORS[rank]}m{text}\033[0m" if color else text


def table(found: Sequence[Difference], *, color: bool) -> str:
    """Return one line per finding, below the object it is about."""
    if not found:
        return "no differences"
    lines = []
    for one in found:
        lines.append(f"{one.key} ({one.change})")
        for finding in one.findings:
            label = paint(finding.rank, f"{finding.rank!s:<{_WIDTH}}", color=color)
            text = paint(finding.rank, finding.text, color=color and finding.rank is Rank.CRITICAL)
            lines.append(f"  {label}  {text}")
    return "\n".join([*lines, "", summary(found)])


def summary(found: Sequence[Difference]) -> str:
    """Return `2 objects differ: 1 critical, 3 medium`."""
    ranks = [finding.rank for one in found for finding in one.findings]
    counts = [f"{ranks.count(rank)} {rank}" for rank in sorted(Rank, reverse=True) if rank in ranks]
    objects = f"{len(found)} object{'' if len(found) == 1 else 's'} differ{'s' if len(found) == 1 else ''}"
    return f"{objects}: {', '.join(counts)}"


def markdown(found: Sequence[Difference]) -> str:
    """Return a table that fits a pull request."""
    if not found:
        return "No differences."
    rows = [
        f"| {_escaped(str(one.key))} | {finding.rank} | {_escaped(finding.text)} |"
        for one in found
        for finding in one.findings
    ]
    return "\n".join([f"**{summary(found)}**", "", "| object | rank | change |", "|---|---|---|", *rows])


def as_json(found: Sequence[Difference]) -> str:
    """Return everything, for programs."""
    return json.dumps({"same": not found, "objects": [_object(one) for one in found]}, indent=2)


def _object(one: Difference) -> dict[str, Any]:
    return {
        "kind": one.key.kind,
        "group": one.key.group,
        "namespace": one.key.namespace,
        "name": one.key.name,
        "change": one.change,
        "rank": str(one.rank),
        "findings": [
            {"rank": str(finding.rank), "text": finding.text, "path": finding.path}
            | {name: value for name, value in (("old", finding.old), ("new", finding.new)) if value is not MISSING}
            for finding in one.findings
        ],
    }


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")
