"""Differences in words, ranked by what they can break.

Each module knows some kinds. It lists what it has to say as `Phrase(pattern, say)`: the first phrase whose pattern fits
the path of a changed field says it; a field that none fits is told as it is.
"""

from payments.devtools.manifests.compare import Change
from payments.devtools.manifests.defaults import POD_PATHS
from payments.devtools.manifests.findings import Finding
from payments.devtools.manifests.words import access, network, objects, pods, scaling
from payments.devtools.manifests.words.phrases import Phrase, Said, plain

_BY_KIND: dict[str, tuple[Phrase, ...]] = {
    "NetworkPolicy": network.POLICY,
    "Ingress": network.INGRESS,
    "Service": network.SERVICE,
    "HorizontalPodAutoscaler": scaling.AUTOSCALER,
    "PodDisruptionBudget": scaling.DISRUPTION,
    "Namespace": access.NAMESPACE,
    "Role": access.ROLE,
    "ClusterRole": access.ROLE,
    "RoleBinding": access.BINDING,
    "ClusterRoleBinding": access.BINDING,
    "ServiceAccount": access.ACCOUNT,
    "ExternalSecret": objects.EXTERNAL_SECRET,
    "ConfigMap": objects.CONFIG_MAP,
    "Secret": objects.SECRET,
    "PrometheusRule": objects.PROMETHEUS_RULE,
}


def describe(kind: str, change: Change) -> Finding:
    """Say one change of an object that exists before and after."""
    path = ".".join(change.path)
    phrases = _BY_KIND.get(kind, ())
    prefix = POD_PATHS.get(kind)
    if prefix is not None and change.path[: len(prefix)] == prefix:
        phrases, change = pods.POD, Change(change.path[len(prefix) :], change.old, change.new)
    elif prefix is not None:
        phrases = scaling.WORKLOAD
    for phrase in (*phrases, *objects.EVERY):
        found = phrase.fits(change.path)
        if found is not None and (said := phrase.say(change, found)) is not None:
            return _finding(said, path, change)
    return _finding(plain(change), path, change)


def _finding(said: Said, path: str, change: Change) -> Finding:
    rank, text, *hidden = said
    return Finding(rank, text, path) if hidden else Finding(rank, text, path, change.old, change.new)
