"""Add-ons: pinned, waited for, and before whatever uses their custom resources."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from cdk.stacks import charts as addons
from cdk.stages import DEVELOPMENT, STAGES
from manifests.synthesis import objects
from tests.cdk.chart_keys import KEYS

CORE = {"v1", "apps/v1", "batch/v1", "autoscaling/v2", "policy/v1", "networking.k8s.io/v1", "scheduling.k8s.io/v1"}
CORE |= {"storage.k8s.io/v1", "rbac.authorization.k8s.io/v1"}
# Who installs the definitions of the custom resources that we write.
INSTALLS = {"external-secrets.io": "external-secrets", "monitoring.coreos.com": "kube-prometheus-stack"}


def charts(assembly):
    return {
        resource["Properties"]["Chart"]: (name.split("/")[1], resource)
        for name, resource in assembly.resources("Custom::AWSCDK-EKS-HelmChart").items()
    }


def test_charts_are_pinned_and_waited_for(assembly):
    for stage in ("development", "staging", "production"):
        for chart, (_, resource) in charts(assembly(stage, "eks")).items():
            assert resource["Properties"]["Version"][0].isdigit(), chart
            assert resource["Properties"]["Wait"] is True, chart


def keys(values: Mapping[str, Any], known: set[str], above: str = "") -> Iterator[str]:
    """Yield the path of each value, no deeper than the chart knows its keys."""
    for name, value in values.items():
        path = f"{above}{name}"
        if f"{path}.*" in known:
            yield f"{path}.*"
        elif isinstance(value, Mapping):
            yield from keys(value, known, f"{path}.")
        else:
            yield path


def test_charts_are_given_values_that_they_know():
    given: dict[str, set[str]] = {}
    for stage in STAGES.values():
        for chart in addons.charts(stage.on("eks"), vpc_id="vpc", topics="arn:"):
            given.setdefault(chart.name, set()).update(keys(chart.values, KEYS.get(chart.name, set())))
    # Both ways: what nobody sets any more needs no proof.
    assert given == KEYS


def test_monitoring_runs_where_the_stage_says(assembly):
    assert {"kube-prometheus-stack", "loki", "prometheus-adapter"} <= set(charts(assembly("staging", "eks")))
    assert not {"kube-prometheus-stack", "loki"} & set(charts(assembly("development", "eks")))


def test_network_policies_are_enforced(assembly):
    addons = assembly("production", "eks").resources("AWS::EKS::Addon")
    (cni,) = [a["Properties"] for a in addons.values() if a["Properties"]["AddonName"] == "vpc-cni"]
    assert json.loads(cni["ConfigurationValues"]) == {"enableNetworkPolicy": "true"}
    assert all(addon["Properties"]["AddonVersion"].startswith("v") for addon in addons.values())


def test_custom_resources_come_after_the_chart_that_defines_them(assembly):
    development = assembly("development", "eks")
    manifest = json.loads((development.folder / "assembly" / "manifest.json").read_text())
    after = manifest["artifacts"]["payments-development-workloads"]["dependencies"]
    assert "payments-development-addons" in after
    installed = charts(development)
    for name, resource in development.resources("Custom::AWSCDK-EKS-KubernetesResource").items():
        for item in json.loads(literal(resource["Properties"]["Manifest"])):
            if item["apiVersion"] not in CORE:
                assert name.startswith("workloads/"), f"{name} could run before the chart of {item['apiVersion']}"
                assert INSTALLS[item["apiVersion"].split("/")[0]] in installed


def test_the_adapter_comes_after_prometheus(assembly):
    found = charts(assembly("production", "eks"))
    assert found["kube-prometheus-stack"][0] in found["prometheus-adapter"][1]["DependsOn"]


def test_manifests_of_ours_are_literal_and_small(assembly):
    resources = assembly("development", "eks").resources("Custom::AWSCDK-EKS-KubernetesResource", "workloads")
    assert len(resources) >= 8
    for name, resource in resources.items():
        manifest = resource["Properties"]["Manifest"]
        assert isinstance(manifest, str), f"{name} has a token"
        assert len(manifest) < 200_000, name


def test_cdk_applies_what_cdk8s_prints(assembly):
    resources = assembly("development", "eks").resources("Custom::AWSCDK-EKS-KubernetesResource", "workloads")
    applied = [without_prune_label(item) for one in resources.values() for item in json.loads(literal_of(one))]
    printed = [item for chart in objects(DEVELOPMENT).values() for item in chart]
    assert sorted(map(canonical, applied)) == sorted(map(canonical, printed))


def literal_of(resource) -> str:
    return literal(resource["Properties"]["Manifest"])


def without_prune_label(item):
    labels = item["metadata"].get("labels", {})
    kept = {name: value for name, value in labels.items() if not name.startswith("aws.cdk.eks/prune-")}
    assert len(kept) == len(labels) - 1, "CDK prunes by a label of its own"
    metadata = {name: value for name, value in item["metadata"].items() if name != "labels"}
    return {**item, "metadata": metadata | ({"labels": kept} if kept else {})}


def canonical(item) -> str:
    return json.dumps(item, sort_keys=True)


def literal(manifest) -> str:
    """Put something in the place of tokens: what matters here is the kind of object."""
    if isinstance(manifest, str):
        return manifest
    return "".join(part if isinstance(part, str) else "token" for part in manifest["Fn::Join"][1])
