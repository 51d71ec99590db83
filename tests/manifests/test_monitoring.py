"""Rules, dashboards and scrapes as objects of the cluster."""

import json

from cdk.stages import STAGES
from manifests.observability.dashboards import dashboards
from manifests.observability.rules import rules


def test_every_group_of_rules_is_there(manifests, stage):
    found = [group for one in manifests if one.key.kind == "PrometheusRule" for group in one.body["spec"]["groups"]]
    wanted = rules()["groups"] if STAGES[stage].cluster.monitoring else []
    assert sorted(found, key=lambda group: group["name"]) == sorted(wanted, key=lambda group: group["name"])


def test_every_dashboard_is_there(manifests, stage):
    found = {
        name: json.loads(text)
        for one in manifests
        if one.key.kind == "ConfigMap" and one.body["metadata"].get("labels", {}).get("grafana_dashboard") == "1"
        for name, text in one.body["data"].items()
    }
    wanted = dashboards() if STAGES[stage].cluster.monitoring else {}
    assert found == {f"{name}.json": json.loads(text) for name, text in wanted.items()}


def test_every_workload_is_scraped_on_the_port_that_it_has(manifests, stage):
    if not STAGES[stage].cluster.monitoring:
        return
    monitors = [one.body["spec"] for one in manifests if one.key.kind == "PodMonitor"]
    for one in manifests:
        if one.key.kind != "Deployment":
            continue
        labels = one.body["spec"]["template"]["metadata"]["labels"]
        (monitor,) = [spec for spec in monitors if spec["selector"]["matchLabels"].items() <= labels.items()]
        ports = [port["name"] for port in one.body["spec"]["template"]["spec"]["containers"][0]["ports"]]
        assert [endpoint["port"] for endpoint in monitor["podMetricsEndpoints"]] == ["metrics"]
        assert "metrics" in ports
        # Alerts say job="gateway", as on a laptop.
        assert monitor["jobLabel"] == "app.kubernetes.io/name"
        assert labels[monitor["jobLabel"]] == one.key.name
