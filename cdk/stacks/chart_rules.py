"""What the values of an add-on's Helm chart may not say, and must. `tests/cdk/test_addons.py` holds every stage to it.

The charts themselves are not here to be rendered, so this sees what we hand to them: each pod that a chart makes must
have its resources said, and its security too where the chart has no strict default of its own.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from cdk.stacks.charts import Chart


class Pod(NamedTuple):
    """Where a chart takes a pod's values from."""

    path: str = ""
    security: tuple[str, ...] = ()
    """Keys that hold its security contexts; none where the chart's own default is `restricted` already."""


PODS: dict[str, tuple[Pod, ...]] = {
    "aws-load-balancer-controller": (Pod(),),
    "external-secrets": (Pod(), Pod("webhook"), Pod("certController")),
    "metrics-server": (Pod(),),
    "cluster-autoscaler": (Pod("", ("securityContext", "containerSecurityContext")),),
    "external-dns": (Pod(),),
    "kube-prometheus-stack": (
        Pod("prometheusOperator"),
        Pod("prometheusOperator.prometheusConfigReloader"),
        Pod("prometheusOperator.admissionWebhooks.patch"),
        Pod("prometheus.prometheusSpec"),
        Pod("alertmanager.alertmanagerSpec"),
        Pod("kube-state-metrics"),
        Pod("prometheus-node-exporter"),
        Pod("grafana"),
        Pod("grafana.sidecar"),
    ),
    "prometheus-adapter": (Pod(),),
    "loki": (Pod("singleBinary"),),
    "opentelemetry-collector": (Pod("", ("podSecurityContext", "securityContext")),),
    "fluent-bit": (Pod("", ("podSecurityContext", "securityContext")),),
}

ALLOWED = {
    ("fluent-bit", "extraVolumes.0.hostPath"): "what it has read and could not deliver yet outlives its pod",
    ("fluent-bit", "podSecurityContext.runAsUser"): "the log files of a node's pods are only for root to read",
    ("fluent-bit", "runAsNonRoot"): "the same",
    ("kube-prometheus-stack", "prometheus-node-exporter.hostNetwork"): "it reports the node's network, not a pod's",
    ("kube-prometheus-stack", "prometheus-node-exporter.hostPID"): "it reports the node's processes",
}
"""Exceptions, each with its reason."""

_RESTRICTED: dict[str, object] = {
    "runAsNonRoot": True,
    "readOnlyRootFilesystem": True,
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}
_SECRET = re.compile(r"(password|secretkey|accesskey|token|apikey)$", re.IGNORECASE)


def _on(value: object) -> bool:
    return value is True or (isinstance(value, Mapping) and value.get("enabled") is True)


# By the last part of a path: when a value there is refused, and why.
_REFUSED: dict[str, tuple[Callable[[Any], bool], str]] = {
    "privileged": (_on, "is all of the node"),
    "allowPrivilegeEscalation": (_on, "lets a process become root"),
    "hostNetwork": (_on, "listens on the node and goes around network policies"),
    "hostPID": (_on, "sees every process of the node"),
    "hostIPC": (_on, "shares memory with every process of the node"),
    "hostPath": (bool, "reads or writes files of the node"),
    "hostPort": (bool, "listens on the node"),
    "runAsUser": (lambda value: value == 0, "is root"),
    "runAsGroup": (lambda value: value == 0, "is root's group"),
    "runAsNonRoot": (lambda value: value is False, "may be root"),
    "readOnlyRootFilesystem": (lambda value: value is False, "can change its own image"),
    "add": (bool, "adds capabilities"),
    "ingress": (_on, "is public: only our gateway is"),
    "type": (lambda value: value in ("LoadBalancer", "NodePort"), "is public: only our gateway is"),
    "aws-load-balancer-scheme": (lambda value: value == "internet-facing", "is public: only our gateway is"),
    "insecureSkipTLSVerify": (_on, "trusts whoever answers"),
    "tag": (lambda value: value == "latest", "moves"),
}


def problems(chart: Chart) -> Iterator[str]:
    """Yield what is wrong with a chart's values, the path first."""
    if not re.fullmatch(r"\d+\.\d+\.\d+", chart.version):
        yield f"version: {chart.version!r} is not one version"
    if not chart.repository.startswith("https://"):
        yield f"repository: {chart.repository!r} is not https"
    if chart.name not in PODS:
        yield "pods: add to PODS which pods it makes"
    found = [*_refused(chart.values), *(each for pod in PODS.get(chart.name, ()) for each in _lacking(chart, pod))]
    for path, problem in found:
        if (chart.name, path) not in ALLOWED:
            yield f"{path}: {problem}"


def _refused(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for path, value in _walk(values):
        key = path.rpartition(".")[2].rpartition("/")[2]
        applies, problem = _REFUSED.get(key, (None, ""))
        if applies and applies(value):
            yield path, problem
        if _SECRET.search(key) and isinstance(value, str) and value:
            yield path, "is a secret in a template"


def _walk(node: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Yield every value with its path, groups of them too."""
    if path:
        yield path, node
    children: Iterator[tuple[object, object]] = iter(())
    if isinstance(node, Mapping):
        children = iter(node.items())
    elif isinstance(node, list):
        children = iter(enumerate(node))
    for key, value in children:
        yield from _walk(value, f"{path}.{key}" if path else str(key))


def _lacking(chart: Chart, pod: Pod) -> Iterator[tuple[str, str]]:
    """Yield what a pod does not say."""
    values = _at(chart.values, pod.path)
    prefix = f"{pod.path}." if pod.path else ""
    for kind, name in (("requests", "cpu"), ("requests", "memory"), ("limits", "memory")):
        if name not in _at(values, f"resources.{kind}"):
            yield f"{prefix}resources.{kind}.{name}", "is missing"
    if pod.security:
        said: dict[str, object] = {}
        for key in pod.security:
            said |= _at(values, key)
        for key, wanted in _RESTRICTED.items():
            if said.get(key) != wanted:
                yield f"{prefix}{key}", f"is {said.get(key)!r}, not {wanted!r}"


def _at(values: Mapping[str, Any], path: str) -> Mapping[str, Any]:
    found: Any = values
    for key in filter(None, path.split(".")):
        found = found.get(key, {}) if isinstance(found, Mapping) else {}
    return found if isinstance(found, Mapping) else {}
