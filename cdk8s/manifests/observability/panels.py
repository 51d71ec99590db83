"""The few kinds of Grafana panels that the dashboards are made of, laid out from left to right."""

import json
from collections.abc import Sequence
from typing import Any

_WIDTH = 24
_SOURCE = {"type": "prometheus", "uid": "${source}"}


def graph(title: str, unit: str, **queries: str) -> dict[str, Any]:
    """Return lines over time; each query is named by its legend: `by_LABEL` for one line per value of a label."""
    return _panel("timeseries", title, unit, 8, queries)


def number(title: str, unit: str, query: str) -> dict[str, Any]:
    """Return one value."""
    return _panel("stat", title, unit, 4, {"": query})


def table(title: str, unit: str, query: str) -> dict[str, Any]:
    """Return the latest values by label, largest first."""
    panel = _panel("table", title, unit, 12, {"": query})
    panel["targets"][0] |= {"instant": True, "format": "table"}
    return panel


def dashboard(uid: str, title: str, rows: Sequence[tuple[str, Sequence[dict[str, Any]]]]) -> str:
    """Return a dashboard of titled rows as JSON, the same bytes every time."""
    panels: list[dict[str, Any]] = []
    y = 0
    for name, content in rows:
        panels.append({"type": "row", "title": name, "gridPos": {"h": 1, "w": _WIDTH, "x": 0, "y": y}, "panels": []})
        x, y, height = 0, y + 1, 0
        for panel in content:
            width, tall = panel["gridPos"]["w"], panel["gridPos"]["h"]
            if x + width > _WIDTH:
                x, y, height = 0, y + height, 0
            panels.append({**panel, "gridPos": {"h": tall, "w": width, "x": x, "y": y}})
            x, height = x + width, max(height, tall)
        y += height
    document = {
        "uid": uid,
        "title": title,
        "tags": ["payments"],
        "schemaVersion": 39,
        "editable": False,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {"list": [{"name": "source", "type": "datasource", "query": "prometheus", "label": "Source"}]},
        "panels": [{**panel, "id": number} for number, panel in enumerate(panels, start=1)],
    }
    return json.dumps(document, indent=1, sort_keys=True)


def _panel(kind: str, title: str, unit: str, width: int, queries: dict[str, str]) -> dict[str, Any]:
    return {
        "type": kind,
        "title": title,
        "datasource": _SOURCE,
        "gridPos": {"h": 8 if kind != "stat" else 4, "w": width, "x": 0, "y": 0},
        "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
        "targets": [
            {
                "refId": chr(ord("A") + place),
                "datasource": _SOURCE,
                "expr": query,
                "legendFormat": _legend(legend),
            }
            for place, (legend, query) in enumerate(queries.items())
        ],
    }


def _legend(name: str) -> str:
    if name.startswith("by_"):
        return "{{" + name.removeprefix("by_") + "}}"
    return name.replace("_", " ") or "__auto"
