"""Who reaches whom, walked through the network policies as Kubernetes reads them."""

from xml.etree import ElementTree as ET

import pytest

from payments.devtools.manifests import drawing, traffic
from payments.devtools.manifests.objects import Manifest
from tests.manifests.cases import base

SVG = "{http://www.w3.org/2000/svg}"
DATABASE = {"development": "10.10.99.10", "staging": "10.20.99.10", "production": "10.30.99.10"}
BALANCER = {"development": "10.10.96.10", "staging": "10.20.96.10", "production": "10.30.96.10"}
PROMETHEUS = traffic.Pod("prometheus", "monitoring", (("app", "prometheus"),))
STRANGER = traffic.Pod("stranger", "payments", (("app", "stranger"),), (8080,))


@pytest.fixture
def policies(manifests):
    return traffic.Policies(manifests)


@pytest.fixture
def pods(policies):
    return {pod.name.partition("-")[0]: pod for pod in policies.pods}


def test_between_pods(policies, pods):
    gateway, payments, worker = pods["gateway"], pods["payments"], pods["worker"]
    reached = {
        (source.name, target.name)
        for source in (gateway, payments, worker, pods["migrate"], STRANGER)
        for target in (gateway, payments, worker, STRANGER)
        if policies.may_connect(source, target, 8080)
    }
    assert reached == {("gateway", "payments")}


def test_metrics_are_for_prometheus(policies, pods):
    for name in ("gateway", "payments", "worker"):
        assert policies.may_connect(PROMETHEUS, pods[name], 9090)
        assert not policies.may_connect(pods["gateway"], pods[name], 9090)
        assert not policies.may_connect(PROMETHEUS, pods[name], 8080)


def test_traces_go_to_the_collector(manifests, policies, pods):
    told = {
        one.body["metadata"]["name"]: url
        for one in manifests
        if one.key.kind == "ConfigMap"
        for name, url in one.body["data"].items()
        if name.endswith("_OTLP_ENDPOINT")
    }
    assert told == dict.fromkeys(("gateway", "payments", "worker"), "http://opentelemetry-collector.monitoring:4318")
    collector = traffic.Pod("opentelemetry-collector", "monitoring", (("app", "collector"),), (4318,))
    assert {name for name, pod in pods.items() if policies.may_connect(pod, collector, 4318)} == set(told)


def test_logs_are_for_grafana(policies, pods):
    loki = traffic.Pod("loki", "logging", (("app", "loki"),), (3100,))
    assert policies.may_connect(traffic.Pod("grafana", "monitoring", ()), loki, 3100)
    assert policies.may_connect(traffic.Pod("fluent-bit", "logging", ()), loki, 3100)
    assert not any(policies.may_connect(pod, loki, 3100) for pod in pods.values())


def test_database_and_cache(policies, pods, stage):
    reached = {
        (name, port)
        for name, pod in pods.items()
        for port in (5432, 6379)
        if policies.may_leave(pod, DATABASE[stage], port)
    }
    assert reached == {
        ("gateway", 6379),
        ("payments", 5432),
        ("payments", 6379),
        ("worker", 5432),
        ("worker", 6379),
        ("migrate", 5432),
    }


def test_the_gateway_does_not_reach_the_database(policies, pods, stage):
    assert not policies.may_leave(pods["gateway"], DATABASE[stage], 5432)


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.216.34"])
def test_webhooks_and_acquirers(policies, pods, address):
    out = {name for name, pod in pods.items() if policies.may_leave(pod, address, 443)}
    assert out == {"payments", "worker"}
    assert not any(policies.may_leave(pod, address, 80) for pod in pods.values())


@pytest.mark.parametrize(
    "address", ["10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "127.0.0.1"]
)
def test_nothing_private_is_reached_as_if_it_were_public(policies, pods, address):
    assert not any(policies.may_leave(pod, address, 443) for pod in pods.values())


def test_credentials_come_from_the_node(policies, pods):
    out = {name for name, pod in pods.items() if policies.may_leave(pod, "169.254.170.23", 80)}
    assert out == {"gateway", "payments", "worker"}


def test_only_the_load_balancer_comes_in(policies, pods, stage):
    entered = {name for name, pod in pods.items() if policies.may_enter(pod, BALANCER[stage], 8080)}
    assert entered == {"gateway"}
    for address in ("8.8.8.8", DATABASE[stage]):
        assert not any(policies.may_enter(pod, address, 8080) for pod in pods.values())


def test_names_are_looked_up(policies, pods):
    dns = traffic.Pod("coredns", "kube-system", (("k8s-app", "kube-dns"),))
    for pod in pods.values():
        assert policies.may_connect(pod, dns, 53, "UDP")


def test_without_a_policy_everything_is_open(manifests):
    none = traffic.Policies([one for one in manifests if one.key.kind != "NetworkPolicy"])
    gateway = next(pod for pod in none.pods if pod.name == "gateway")
    assert none.may_leave(gateway, "10.0.0.1", 5432)


def test_picture(manifests, stage):
    drawn = ET.fromstring(drawing.svg(traffic.edges(manifests), stage))  # noqa: S314  our own
    texts = {element.text for element in drawn.iter(f"{SVG}text")}
    assert {"gateway", "payments", "worker", "0.0.0.0/0", "8080"} <= texts
    assert drawing.svg(traffic.edges(manifests), stage) == drawing.svg(traffic.edges(manifests[::-1]), stage)
    labels = [(one.get("x"), one.get("y")) for one in drawn.iter(f"{SVG}text") if one.get("class") == "port"]
    assert len(labels) == len(set(labels)), "labels on top of each other"
    boxes = [[int(one.get(side, 0)) for side in ("x", "y", "width", "height")] for one in drawn.iter(f"{SVG}rect")][1:]
    for one, (x, y, width, height) in enumerate(boxes):
        for left, top, _, _ in boxes[one + 1 :]:
            assert not (x <= left < x + width and y <= top < y + height), "boxes on top of each other"


def test_ranges_of_ports_and_expressions():
    policy = base(
        "policy",
        **{
            "spec podSelector": {"matchExpressions": [{"key": "app", "operator": "In", "values": ["payments"]}]},
            "spec egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}], "ports": [{"port": 8000, "endPort": 8010}]}],
        },
    )
    policies = traffic.Policies([Manifest(policy, "policy.yaml")])
    chosen = traffic.Pod("payments", "payments", (("app", "payments"),))
    other = traffic.Pod("gateway", "payments", (("app", "gateway"),))
    assert policies.may_leave(chosen, "10.1.2.3", 8010)
    assert not policies.may_leave(chosen, "10.1.2.3", 8011)
    assert policies.may_leave(other, "10.1.2.3", 8011)
