"""The rules of Prometheus: recordings and alerts, as the data of a rule file or of a PrometheusRule's spec."""

import re
from typing import Any

from manifests.observability.alerts import Alert, alerts
from manifests.observability.objectives import recordings
from manifests.observability.times import Times

_CLUSTER = Times()
RUNBOOKS = "docs/runbooks"
_OBJECTIVE = re.compile(r"^(\w+Budget)(?:Fast|Slow|Leak)$")


def rules(times: Times = _CLUSTER, runbooks: str = RUNBOOKS) -> dict[str, Any]:
    """Return every group; ``runbooks`` is where links to the pages begin."""
    groups: list[dict[str, Any]] = [{"name": "objectives:ratios", "rules": recordings(times)}]
    for name, found in alerts(times).items():
        groups.append({"name": name, "rules": [_rule(alert, times, runbooks) for alert in found]})
    return {"groups": groups}


def page_of(alert: str) -> str:
    """Return the page of an alert; those of one objective share theirs."""
    return _OBJECTIVE.sub(r"\1", alert)


def _rule(alert: Alert, times: Times, runbooks: str) -> dict[str, Any]:
    return {
        "alert": alert.name,
        "expr": alert.expr,
        "for": times(alert.patience),
        "labels": {"severity": alert.severity},
        "annotations": {"summary": alert.summary, "runbook_url": f"{runbooks}/{page_of(alert.name)}.md"},
    }
