"""What rules and dashboards read exists, and each alert links to its page."""

import re

from gateway import metrics as gateway
from manifests.observability.alerts import alerts
from manifests.observability.rules import page_of, rules
from manifests.observability.times import Times
from payments import metrics as payments
from tests.observability.expressions import expressions, names_in

# Named by rules and dashboards, and made by Prometheus itself or by its client library.
FOREIGN = {"up", "process_resident_memory_bytes", "process_cpu_seconds_total"}


def test_every_metric_named_is_defined():
    defined = {metric.name: metric for metric in (*gateway.CATALOGUE, *payments.CATALOGUE)}
    named = set().union(*map(names_in, expressions()))
    assert len(named) > 30
    suffixed = {re.sub(r"_(bucket|count|sum)$", "", name) if name not in defined else name for name in named}
    assert suffixed - FOREIGN <= defined.keys()


def test_every_label_named_is_defined():
    defined = {metric.name: metric for metric in (*gateway.CATALOGUE, *payments.CATALOGUE)}
    for expression in expressions():
        for name, where in re.findall(r"\b((?:gateway|payments)_[a-z0-9_]+)\{([^}]*)\}", expression):
            metric = defined[re.sub(r"_(bucket|count|sum)$", "", name) if name not in defined else name]
            labels = {label.name: label for label in metric.labels}
            for label, value in re.findall(r'(\w+)(?:=~|!~|!=|=)"([^"]*)"', where):
                assert label in labels or label == "le", f"{name} has no {label}"
                if label in labels and labels[label].values:
                    assert value in labels[label].values, f"{name} {label} {value}"
                if label == "le":
                    assert float(value) in metric.buckets


def test_each_alert_links_to_its_page():
    linked = {
        rule["annotations"]["runbook_url"] for group in rules()["groups"] for rule in group["rules"] if "alert" in rule
    }
    assert linked == {f"docs/runbooks/{page_of(name)}.md" for group in alerts(Times()).values() for name, *_ in group}
