"""What Kubernetes fills in by itself, so that leaving a field out and writing its default compare as the same."""

import copy
from collections.abc import Iterator
from typing import Any

from payments.devtools.manifests.objects import Body

# Written by the cluster, never by us.
_SERVER_METADATA = ("uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink")
_SERVER_ANNOTATIONS = ("kubectl.kubernetes.io/last-applied-configuration", "deployment.kubernetes.io/revision")

_PROBE = {"periodSeconds": 10, "timeoutSeconds": 1, "successThreshold": 1, "failureThreshold": 3}
_CONTAINER = {"terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File"}
_POD = {
    "dnsPolicy": "ClusterFirst",
    "schedulerName": "default-scheduler",
    "terminationGracePeriodSeconds": 30,
    "restartPolicy": "Always",
    "enableServiceLinks": True,
    "hostNetwork": False,
    "hostPID": False,
    "hostIPC": False,
}
_ROLLING = {"maxSurge": "25%", "maxUnavailable": "25%"}
_SPECS: dict[str, Body] = {
    "Deployment": {"progressDeadlineSeconds": 600, "revisionHistoryLimit": 10, "minReadySeconds": 0, "paused": False},
    "StatefulSet": {"revisionHistoryLimit": 10, "podManagementPolicy": "OrderedReady", "minReadySeconds": 0},
    "DaemonSet": {"revisionHistoryLimit": 10, "minReadySeconds": 0},
    "Job": {"completions": 1, "parallelism": 1, "backoffLimit": 6, "completionMode": "NonIndexed", "suspend": False},
    "CronJob": {
        "concurrencyPolicy": "Allow",
        "suspend": False,
        "successfulJobsHistoryLimit": 3,
        "failedJobsHistoryLimit": 1,
    },
    "Service": {"type": "ClusterIP", "sessionAffinity": "None", "internalTrafficPolicy": "Cluster"},
    "HorizontalPodAutoscaler": {"minReplicas": 1},
}
# Where each kind of workload keeps what its pods are.
_TEMPLATE = ("spec", "template", "spec")
POD_PATHS: dict[str, tuple[str, ...]] = {
    "Pod": ("spec",),
    **dict.fromkeys(("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job"), _TEMPLATE),
    "CronJob": ("spec", "jobTemplate", *_TEMPLATE),
}
_VOLUME_SOURCES = ("configMap", "secret", "projected", "downwardAPI")
_OCTAL_0644 = 420


def completed(body: Body) -> Body:
    """Return a copy with defaults filled in, and without what only the cluster writes."""
    body = copy.deepcopy(body)
    body.pop("status", None)
    metadata = body["metadata"]
    for name in _SERVER_METADATA:
        metadata.pop(name, None)
    _complete_metadata(metadata)
    kind, spec = body["kind"], body.get("spec")
    if isinstance(spec, dict):
        _fill(spec, _SPECS.get(kind, {}))
        _FILLERS.get(kind, _nothing)(spec)
        if isinstance(spec.get("template"), dict):
            _complete_metadata(spec["template"].setdefault("metadata", {}))
        for pod in pod_specs(body):
            _complete_pod(pod)
    return body


def pod_specs(body: Body) -> Iterator[Body]:
    """Yield the specification of a workload's pods, if it is a workload."""
    path = POD_PATHS.get(body["kind"])
    pod: Any = body if path else None
    for name in path or ():
        pod = pod.get(name) if isinstance(pod, dict) else None
    if isinstance(pod, dict):
        yield pod


def containers(pod: Body) -> Iterator[Body]:
    """Yield every container of a pod, those that start it first."""
    for name in ("initContainers", "containers"):
        yield from pod.get(name) or []


def _complete_metadata(metadata: Body) -> None:
    """Have both maps, so that their entries are compared one by one."""
    for name in ("annotations", "labels"):
        metadata[name] = metadata.get(name) or {}
    for name in _SERVER_ANNOTATIONS:
        metadata["annotations"].pop(name, None)


def _fill(target: Body, defaults: Body) -> None:
    for name, value in defaults.items():
        target.setdefault(name, value)


def _nothing(_: Body) -> None:
    pass


def _deployment(spec: Body) -> None:
    strategy = spec.setdefault("strategy", {})
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        _fill(strategy.setdefault("rollingUpdate", {}), _ROLLING)


def _service(spec: Body) -> None:
    for port in spec.get("ports") or []:
        _fill(port, {"protocol": "TCP", "targetPort": port.get("port")})


def _network_policy(spec: Body) -> None:
    if "policyTypes" not in spec:
        spec["policyTypes"] = ["Ingress", *(["Egress"] if "egress" in spec else [])]
    for rule in [*(spec.get("ingress") or []), *(spec.get("egress") or [])]:
        for port in rule.get("ports") or []:
            port.setdefault("protocol", "TCP")


def _cron_job(spec: Body) -> None:
    _fill((spec.get("jobTemplate") or {}).get("spec") or {}, _SPECS["Job"])


_FILLERS = {
    "Deployment": _deployment,
    "Service": _service,
    "NetworkPolicy": _network_policy,
    "CronJob": _cron_job,
}


def _complete_pod(pod: Body) -> None:
    _fill(pod, _POD)
    pod.pop("serviceAccount", None)  # the old name of serviceAccountName, kept in step by the server
    if not pod.get("securityContext"):
        pod.pop("securityContext", None)
    for container in containers(pod):
        _complete_container(container)
    for volume in pod.get("volumes") or []:
        for source in _VOLUME_SOURCES:
            if source in volume:
                volume[source].setdefault("defaultMode", _OCTAL_0644)


def _complete_container(container: Body) -> None:
    image = str(container.get("image", ""))
    latest = "@" not in image and (image.endswith(":latest") or ":" not in image.rpartition("/")[2])
    _fill(container, {**_CONTAINER, "imagePullPolicy": "Always" if latest else "IfNotPresent"})
    for port in container.get("ports") or []:
        port.setdefault("protocol", "TCP")
    for name in ("startupProbe", "readinessProbe", "livenessProbe"):
        probe = container.get(name)
        if probe is not None:
            _fill(probe, _PROBE)
            if "httpGet" in probe:
                _fill(probe["httpGet"], {"scheme": "HTTP", "path": "/"})
    for variable in container.get("env") or []:
        source: Any = (variable.get("valueFrom") or {}).get("fieldRef")
        if source is not None:
            source.setdefault("apiVersion", "v1")
    for name in ("resources", "securityContext"):
        if not container.get(name):
            container.pop(name, None)
