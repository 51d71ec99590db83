"""docs/OBSERVABILITY.md agrees with the catalogues. Run this file as a program to renew its table."""

import re

from gateway import metrics as gateway
from payments import metrics as payments
from shared.metrics import Metric
from tests.docs import page

PAGE = page.PROJECT / "docs" / "OBSERVABILITY.md"
_BLOCK = re.compile(r"(<!-- metrics -->\n).*?(<!-- /metrics -->)", re.DOTALL)
_SERIES = re.compile(r"at most \d+ series")


def catalogue() -> dict[str, Metric]:
    """Return every metric by its name."""
    found = {metric.name: metric for metric in (*gateway.CATALOGUE, *payments.CATALOGUE)}
    return {name: found[name] for name in sorted(found)}


def renewed(document: str) -> str:
    lines = ["| metric | type | labels | series | kept in CloudWatch | meaning |", "|---|---|---|---|---|---|"]
    lines += [_row(metric) for metric in catalogue().values()]
    document = _SERIES.sub(f"at most {cloudwatch_series()} series", document)
    return _BLOCK.sub(lambda found: found[1] + "\n".join(lines) + "\n" + found[2], document)


def cloudwatch_series() -> int:
    return sum(metric.cloudwatch_series for metric in catalogue().values())


def _row(metric: Metric) -> str:
    labels = ", ".join(f"`{label.name}`{_values(label.values)}" for label in metric.labels)
    kept = "no" if metric.dimensions is None else ", ".join(f"`{name}`" for name in metric.dimensions) or "yes"
    return f"| `{metric.name}` | {metric.kind} | {labels} | {metric.series:,} | {kept} | {metric.meaning} |"


def _values(values: tuple[str, ...]) -> str:
    return f" ({', '.join(values)})" if values else ""


def test_the_table_says_what_the_catalogues_say():
    document = PAGE.read_text(encoding="utf-8")
    assert len(_BLOCK.findall(document)) == len(_SERIES.findall(document)) == 1
    assert document == renewed(document), "run: python -m tests.docs.test_observability"


def test_names_follow_the_conventions_of_prometheus():
    for metric in catalogue().values():
        assert re.fullmatch(r"[a-z][a-z0-9_]*", metric.name)
        assert metric.name.endswith("_total") == (metric.kind == "counter"), metric.name
        assert bool(metric.buckets) == (metric.kind == "histogram"), metric.name
        assert list(metric.buckets) == sorted(metric.buckets)
        assert all(label.bound > 1 for label in metric.labels), metric.name
        assert set(metric.dimensions or ()) <= {label.name for label in metric.labels}, metric.name


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
