"""What Helm is given for the add-ons: the tested pipelines, and nothing that a reviewer would refuse."""

import json

import pytest
import yaml

from cdk.stacks import chart_rules
from cdk.stacks.chart_rules import problems
from cdk.stacks.charts import Chart, charts
from cdk.stages import DEVELOPMENT, PRODUCTION, STAGING
from manifests.observability import pipelines


def values(stage, name):
    [found] = [chart.values for chart in charts(stage.on("eks"), vpc_id="vpc", topics="arn:") if chart.name == name]
    return found


@pytest.mark.parametrize("stage", [DEVELOPMENT, STAGING, PRODUCTION], ids=lambda stage: stage.name)
def test_helm_is_given_these_pipelines(stage):
    fluent_bit = values(stage, "fluent-bit")
    output = (
        pipelines.to_loki("loki.logging.svc")
        if stage.cluster.monitoring
        else pipelines.to_cloudwatch(stage.region, f"/aws/eks/{stage.prefix}/pods")
    )
    [(file, text)] = fluent_bit["config"]["extraFiles"].items()
    assert yaml.safe_load(text) == pipelines.fluent_bit(output)
    assert f"--config=/fluent-bit/etc/conf/{file}" in fluent_bit["args"]
    assert values(stage, "opentelemetry-collector")["alternateConfig"] == pipelines.collector(stage.region)
    if stage.cluster.monitoring:
        assert values(stage, "loki")["loki"] == pipelines.loki(30)


@pytest.mark.parametrize("stage", ["development", "production"])
def test_they_arrive_in_the_template(assembly, stage):
    """Nothing is lost on the way: a null, for example, would be."""
    found = {
        resource["Properties"]["Chart"]: resource["Properties"]["Values"]
        for resource in assembly(stage, "eks").resources("Custom::AWSCDK-EKS-HelmChart").values()
    }
    for name in ("fluent-bit", "opentelemetry-collector"):
        assert json.loads(found[name]) == values(DEVELOPMENT if stage == "development" else PRODUCTION, name)


def test_what_is_read_twice_or_sent_in_a_circle():
    [tail] = yaml.safe_load(values(PRODUCTION, "fluent-bit")["config"]["extraFiles"]["fluent-bit.yaml"])["pipeline"][
        "inputs"
    ]
    mounted = [mount["mountPath"] for mount in values(PRODUCTION, "fluent-bit")["extraVolumeMounts"]]
    assert any(tail["db"].startswith(path + "/") for path in mounted), "a restart would read everything again"
    assert "fluent-bit" in tail["exclude_path"]


def everywhere():
    return [
        pytest.param(chart, id=f"{stage.name}-{chart.name}")
        for stage in (DEVELOPMENT, STAGING, PRODUCTION)
        for chart in charts(stage.on("eks"), vpc_id="vpc", topics="arn:")
    ]


@pytest.mark.parametrize("chart", everywhere())
def test_nothing_that_a_reviewer_would_refuse(chart):
    assert list(problems(chart)) == []


def test_every_exception_is_needed(monkeypatch):
    needed = {param.id.partition("-")[2]: param.values[0] for param in everywhere()}
    allowed = dict(chart_rules.ALLOWED)
    monkeypatch.setattr(chart_rules, "ALLOWED", {})
    found = {(name, problem.partition(":")[0]) for name, chart in needed.items() for problem in problems(chart)}
    assert found == set(allowed)
    assert all(allowed.values())


@pytest.mark.parametrize(
    ("name", "change", "path"),
    [
        ("fluent-bit", {"securityContext": {"privileged": True}}, "securityContext.privileged"),
        ("fluent-bit", {"hostNetwork": True}, "hostNetwork"),
        ("metrics-server", {"hostNetwork": {"enabled": True}}, "hostNetwork"),
        (
            "loki",
            {"singleBinary": {"extraVolumes": [{"hostPath": {"path": "/"}}]}},
            "singleBinary.extraVolumes.0.hostPath",
        ),
        ("fluent-bit", {"extraVolumes": [{}, {"hostPath": {"path": "/"}}]}, "extraVolumes.1.hostPath"),
        ("opentelemetry-collector", {"ports": {"otlp-http": {"hostPort": 4318}}}, "ports.otlp-http.hostPort"),
        ("external-dns", {"securityContext": {"runAsUser": 0}}, "securityContext.runAsUser"),
        ("external-dns", {"securityContext": {"runAsNonRoot": False}}, "securityContext.runAsNonRoot"),
        ("kube-prometheus-stack", {"grafana": {"ingress": {"enabled": True}}}, "grafana.ingress"),
        ("kube-prometheus-stack", {"grafana": {"adminPassword": "admin"}}, "grafana.adminPassword"),
        ("kube-prometheus-stack", {"prometheus": {"service": {"type": "LoadBalancer"}}}, "prometheus.service.type"),
        ("prometheus-adapter", {"resources": {"limits": None}}, "resources.limits.memory"),
        (
            "kube-prometheus-stack",
            {"kube-state-metrics": {"resources": None}},
            "kube-state-metrics.resources.requests.cpu",
        ),
        ("cluster-autoscaler", {"containerSecurityContext": {"capabilities": {"drop": []}}}, "capabilities"),
        ("cluster-autoscaler", {"securityContext": {"seccompProfile": None}}, "seccompProfile"),
        ("external-secrets", {"image": {"tag": "latest"}}, "image.tag"),
        ("loki", {"loki": {"storage": {"s3": {"secretAccessKey": "wJalr"}}}}, "loki.storage.s3.secretAccessKey"),
    ],
)
def test_a_bad_value_is_found(name, change, path):
    [chart] = [each for each in charts(PRODUCTION, vpc_id="vpc", topics="arn:") if each.name == name]
    assert path in {
        problem.partition(":")[0] for problem in problems(chart._replace(values=merged(chart.values, change)))
    }


def test_an_unknown_chart_has_to_say_its_pods():
    [found] = problems(Chart("tempo", "https://example.com", "1.0.0", "monitoring", {}))
    assert found.startswith("pods:")


@pytest.mark.parametrize("version", ["", "1", "1.2.x", ">=1.2.3", "^1.2.3", "latest"])
def test_a_version_is_one_version(version):
    chart = next(charts(PRODUCTION, vpc_id="vpc", topics="arn:"))
    assert any(problem.startswith("version:") for problem in problems(chart._replace(version=version)))


def merged(values, change):
    both = dict(values)
    for key, value in change.items():
        both[key] = merged(both.get(key, {}), value) if isinstance(value, dict) else value
    return both


def test_alerts_reach_the_topic_of_the_alarms(assembly):
    found = assembly("production", "eks")
    topics = {each["Properties"]["TopicName"] for each in found.resources("AWS::SNS::Topic", "observability").values()}
    assert topics == {PRODUCTION.alarm_topic, PRODUCTION.heartbeat_topic}
    [installed] = [
        json.dumps(each["Properties"]["Values"])
        for each in found.resources("Custom::AWSCDK-EKS-HelmChart").values()
        if each["Properties"]["Chart"] == "kube-prometheus-stack"
    ]
    policies = json.dumps(found.resources("AWS::IAM::Policy", "identity"))
    assert "sns:Publish" in policies
    for topic in topics:
        assert f":{topic}" in installed
        assert f":{topic}" in policies
    config = values(PRODUCTION, "kube-prometheus-stack")["alertmanager"]["config"]
    named = {receiver["name"]: receiver for receiver in config["receivers"]}
    assert named[config["route"]["receiver"]]["sns_configs"][0]["topic_arn"] == f"arn:{PRODUCTION.alarm_topic}"
    assert {route["receiver"] for route in config["route"]["routes"]} <= set(named)


def test_somebody_is_told_when_alertmanager_itself_is_silent(assembly):
    config = values(PRODUCTION, "kube-prometheus-stack")["alertmanager"]["config"]
    [route] = [route for route in config["route"]["routes"] if route["matchers"] == ['alertname = "Watchdog"']]
    [receiver] = [each for each in config["receivers"] if each["name"] == route["receiver"]]
    assert receiver["sns_configs"][0]["topic_arn"] == f"arn:{PRODUCTION.heartbeat_topic}"
    # Three in the time that the alarm looks at, so that one lost message rings nobody.
    assert route["repeat_interval"] == "5m"
    alarms = assembly("production", "eks").resources("AWS::CloudWatch::Alarm", "observability").values()
    [silent] = [each["Properties"] for each in alarms if each["Properties"]["Namespace"] == "AWS/SNS"]
    assert silent["Dimensions"] == [{"Name": "TopicName", "Value": PRODUCTION.heartbeat_topic}]
    assert (silent["Threshold"], silent["ComparisonOperator"]) == (1, "LessThanThreshold")
    assert silent["Period"] * silent["EvaluationPeriods"] == 900
    assert silent["TreatMissingData"] == "breaching"
    assert silent["AlarmActions"]
