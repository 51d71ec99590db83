"""What rules and dashboards read."""

import json
import re
from collections.abc import Iterator

from manifests.observability.dashboards import dashboards
from manifests.observability.rules import rules


def names_in(expression: str) -> set[str]:
    """Metrics that an expression reads; recorded ones belong to the rules themselves."""
    without = re.sub(r'"[^"]*"', "", expression)
    return set(re.findall(r"\b(?:up|(?:gateway|payments|process|event_loop)_[a-z0-9_]+)\b(?=[\[{ )]|$)", without))


def expressions() -> Iterator[str]:
    """Every one of them."""
    for group in rules()["groups"]:
        for rule in group["rules"]:
            yield rule["expr"]
    for text in dashboards().values():
        for panel in json.loads(text)["panels"]:
            for target in panel.get("targets", ()):
                yield target["expr"]
