"""How many nodes the pods need: pods from the manifests, add-ons from the charts' values, groups from the templates."""

import json
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from cdk.cost.inputs import Inputs
from cdk.cost.load import CPU_MS, Load
from cdk.cost.prices import CostError


class Need(NamedTuple):
    """What pods ask the scheduler for."""

    millis: int
    mib: int
    pods: int

    def times(self, count: int) -> "Need":
        """Return what so many of it need."""
        return Need(self.millis * count, self.mib * count, self.pods * count)


# What the kubelet leaves for pods: CPU and memory after its own reserve, and addresses of the instance's interfaces.
NODES = {
    "t4g.medium": Need(1930, 3300, 17),
    "t4g.large": Need(1930, 7100, 35),
    "m7g.large": Need(1930, 7100, 29),
}
# On every node: network, proxy, volumes, identity, logs, node metrics.
_EACH_NODE = Need(250, 400, 7)
# CoreDNS (2) and the volume driver's controller (2), which are add-ons of EKS, not charts.
_EKS_ADDONS = Need(220, 320, 4)
# A chart that states nothing asks for nothing; its pods use something all the same.
_UNSTATED = Need(50, 128, 1)


class Deployed(NamedTuple):
    """A workload of the manifests, and how far it scales."""

    name: str
    each: Need
    least: int
    most: int
    cpu_target: int


@dataclass(frozen=True)
class Fleet:
    """The nodes of one month."""

    nodes: dict[str, int]
    """By node group."""
    pods: dict[str, int]
    notes: tuple[str, ...]


def fleet(inputs: Inputs, load: Load) -> Fleet:
    """Return the nodes that a month needs, group by group: those that stand anyway, then spot, then the rest."""
    groups = [resource["Properties"] for resource in _resources(inputs, "AWS::EKS::Nodegroup")]
    if not groups:
        return Fleet({}, {}, ())
    wanted, notes = _pods(inputs, load)
    need = total([each.times(count) for each, count in wanted.values()] + list(_addons(inputs)))
    nodes = {group["NodegroupName"]: int(group["ScalingConfig"]["MinSize"]) for group in groups}
    for group in sorted(groups, key=lambda group: group["CapacityType"] != "SPOT"):
        while not _fits(need, groups, nodes) and nodes[group["NodegroupName"]] < group["ScalingConfig"]["MaxSize"]:
            nodes[group["NodegroupName"]] += 1
    if not _fits(need, groups, nodes):
        notes.append(f"the pods need more than the {sum(nodes.values())} nodes that the groups may have")
    return Fleet(nodes, {name: count for name, (_, count) in wanted.items()}, tuple(notes))


def workloads(manifests: Iterable[dict[str, Any]]) -> Iterator[Deployed]:
    """Yield the deployments with what their autoscalers allow."""
    objects = list(manifests)
    scalers = {
        each["spec"]["scaleTargetRef"]["name"]: each["spec"]
        for each in objects
        if each["kind"] == "HorizontalPodAutoscaler"
    }
    for each in objects:
        if each["kind"] != "Deployment":
            continue
        name, pod = each["metadata"]["name"], each["spec"]["template"]["spec"]
        scaler = scalers.get(name)
        count = each["spec"].get("replicas", 1)
        targets = [
            metric["resource"]["target"]["averageUtilization"]
            for metric in (scaler or {}).get("metrics", ())
            if metric["type"] == "Resource" and metric["resource"]["name"] == "cpu"
        ]
        yield Deployed(
            name,
            _pod(pod),
            scaler["minReplicas"] if scaler else count,
            scaler["maxReplicas"] if scaler else count,
            targets[0] if targets else 100,
        )


def total(needs: Iterable[Need]) -> Need:
    """Return the sum."""
    millis, mib, pods = (sum(column) for column in zip(Need(0, 0, 0), *needs, strict=True))
    return Need(millis, mib, pods)


def values(chart: dict[str, Any]) -> dict[str, Any]:
    """Return the values of a Helm chart in a template; what CloudFormation fills in becomes an empty text."""
    text = chart["Properties"].get("Values", "{}")
    if isinstance(text, dict):
        text = "".join(part if isinstance(part, str) else "" for part in text["Fn::Join"][1])
    parsed: dict[str, Any] = json.loads(text)
    return parsed


def _pods(inputs: Inputs, load: Load) -> tuple[dict[str, tuple[Need, int]], list[str]]:
    wanted, notes = {}, []
    for each in workloads(inputs.manifests):
        busy = load.peak * CPU_MS.get(each.name, Decimal(0))
        needed = math.ceil(busy / (Decimal(each.each.millis * each.cpu_target) / 100))
        count = each.most if load.all_pods else min(max(each.least, needed), each.most)
        if needed > each.most:
            notes.append(f"{each.name} needs {needed} pods and may have {each.most}")
        wanted[each.name] = (each.each, count)
    return wanted, notes


def _addons(inputs: Inputs) -> Iterator[Need]:
    yield _EKS_ADDONS
    for chart in _resources(inputs, "Custom::AWSCDK-EKS-HelmChart"):
        stated = list(_stated(values(chart)))
        yield total(stated) if stated else _UNSTATED


def _stated(node: Any) -> Iterator[Need]:  # noqa: ANN401 - any part of a chart's values
    if not isinstance(node, dict):
        return
    requests = node.get("resources", {}).get("requests", {}) if isinstance(node.get("resources"), dict) else {}
    if "cpu" in requests:
        yield Need(_millis(requests["cpu"]), _mib(requests["memory"]), 1).times(int(node.get("replicas", 1)))
    for child in node.values():
        yield from _stated(child)


def _fits(need: Need, groups: list[dict[str, Any]], nodes: dict[str, int]) -> bool:
    room = total(_room(group["InstanceTypes"][0]).times(nodes[group["NodegroupName"]]) for group in groups)
    return all(wanted <= there for wanted, there in zip(need, room, strict=True))


def _room(instance: str) -> Need:
    if instance not in NODES:
        raise CostError(f"how much room a {instance} has is not known: add it to cdk/cost/pods.py")
    return Need(*(there - taken for there, taken in zip(NODES[instance], _EACH_NODE, strict=True)))


def _pod(spec: dict[str, Any]) -> Need:
    running = total(_container(each) for each in spec["containers"])
    first = [_container(each) for each in spec.get("initContainers", ())]
    return Need(
        max(running.millis, *(each.millis for each in first), 0),
        max(running.mib, *(each.mib for each in first), 0),
        1,
    )


def _container(container: dict[str, Any]) -> Need:
    requests = container.get("resources", {}).get("requests", {})
    return Need(_millis(str(requests.get("cpu", "0"))), _mib(str(requests.get("memory", "0Mi"))), 0)


def _millis(text: str) -> int:
    return int(text[:-1]) if text.endswith("m") else int(Decimal(text) * 1000)


def _mib(text: str) -> int:
    return int(gib(text) * 1024)


def gib(text: str) -> Decimal:
    """Return a size of Kubernetes in GiB."""
    number, unit = re.fullmatch(r"([\d.]+)(Mi|Gi)?", text).groups()  # type: ignore[union-attr]  # ours to write
    return Decimal(number) / {"Mi": 1024, "Gi": 1, None: 2**30}[unit]


def _resources(inputs: Inputs, kind: str) -> Iterator[dict[str, Any]]:
    for template in inputs.templates.values():
        for resource in template["Resources"].values():
            if resource["Type"] == kind:
                yield resource
