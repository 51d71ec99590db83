"""Objects as a whole, and the kinds that hold data rather than run."""

import difflib

from payments.devtools.manifests.compare import MISSING, Change, Path
from payments.devtools.manifests.findings import Rank
from payments.devtools.manifests.words.phrases import Phrase, Said, plain, saying

# What it means that an object is gone.
REMOVED: dict[str, tuple[Rank, str]] = {
    "NetworkPolicy": (Rank.CRITICAL, "removed: what it restricted is open, what only it allowed is closed"),
    "Namespace": (Rank.CRITICAL, "removed, with everything inside"),
    "Deployment": (Rank.CRITICAL, "removed: its pods stop"),
    "StatefulSet": (Rank.CRITICAL, "removed: its pods stop"),
    "PersistentVolumeClaim": (Rank.CRITICAL, "removed, with its data"),
    "CustomResourceDefinition": (Rank.CRITICAL, "removed, with every object of its kind"),
    "DaemonSet": (Rank.HIGH, "removed: its pods stop"),
    "Service": (Rank.HIGH, "removed: its name no longer resolves"),
    "Ingress": (Rank.CRITICAL, "removed, with its load balancer"),
    "ExternalSecret": (Rank.HIGH, "removed: the secret is no longer renewed"),
    "Secret": (Rank.HIGH, "removed: pods that mount it do not start"),
    "ConfigMap": (Rank.HIGH, "removed: pods that mount it do not start"),
    "HorizontalPodAutoscaler": (Rank.HIGH, "removed: the number of pods no longer follows the load"),
    "PodDisruptionBudget": (Rank.HIGH, "removed: a node drain may stop all pods at once"),
    "ResourceQuota": (Rank.HIGH, "removed: the namespace may use the whole cluster"),
    "LimitRange": (Rank.MEDIUM, "removed: containers no longer get limits by default"),
    "PrometheusRule": (Rank.HIGH, "removed: its alerts no longer fire"),
    "ServiceMonitor": (Rank.HIGH, "removed: nothing is measured there any more"),
    "PodMonitor": (Rank.HIGH, "removed: nothing is measured there any more"),
}
REMOVED_OTHER = (Rank.MEDIUM, "removed")

ADDED: dict[str, Rank] = {
    "ClusterRole": Rank.HIGH,
    "ClusterRoleBinding": Rank.HIGH,
    "DaemonSet": Rank.HIGH,
    "Role": Rank.HIGH,
    "RoleBinding": Rank.HIGH,
    "NetworkPolicy": Rank.HIGH,
}
ADDED_OTHER = Rank.MEDIUM


def _text(change: Change, found: Path) -> Said:
    label = found[0]
    if not isinstance(change.old, str) or not isinstance(change.new, str) or "\n" not in change.old + change.new:
        return plain(change, label)
    lines = list(difflib.ndiff(change.old.splitlines(), change.new.splitlines()))
    added, removed = (sum(line.startswith(sign) for line in lines) for sign in ("+ ", "- "))
    return Rank.MEDIUM, f"{label}: {_lines(added)} added, {_lines(removed)} removed"


def _lines(count: int) -> str:
    return f"{count} line{'' if count == 1 else 's'}"


def _hidden(change: Change, found: Path) -> Said:
    verb = "added" if change.old is MISSING else "removed" if change.new is MISSING else "changed"
    return Rank.HIGH, f"{found[0]} {verb} (value not shown)", True


def _alert(change: Change, found: Path) -> Said:
    rule = change.new if change.old is MISSING else change.old
    kind = "alert" if isinstance(rule, dict) and "alert" in rule else "recording rule"
    if change.new is MISSING:
        return Rank.HIGH, f"{kind} {found[1]} removed"
    return Rank.MEDIUM, f"{kind} {found[1]} added"


CONFIG_MAP = (Phrase("data *", _text),)
SECRET = (Phrase("data *", _hidden), Phrase("stringData *", _hidden))
EXTERNAL_SECRET = (
    Phrase("spec data * **", saying(Rank.HIGH, "where {0} comes from")),
    Phrase("spec dataFrom **", saying(Rank.HIGH, "where the secret comes from")),
    Phrase("spec refreshInterval", saying(Rank.MEDIUM, "how often the secret is read again")),
)
PROMETHEUS_RULE = (
    Phrase("spec groups * rules *", _alert),
    Phrase("spec groups * rules * expr", saying(Rank.MEDIUM, "{1} fires on")),
    Phrase("spec groups * rules * for", saying(Rank.MEDIUM, "{1} fires after")),
    Phrase("spec groups * rules * labels severity", saying(Rank.HIGH, "severity of {1}")),
    Phrase("spec groups * rules * **", saying(Rank.LOW, "{1}")),
)
EVERY = (
    Phrase("apiVersion", saying(Rank.MEDIUM, "version of the API")),
    Phrase("metadata labels *", saying(Rank.LOW, "label {0}")),
    Phrase("metadata annotations *", saying(Rank.LOW, "annotation {0}")),
)
