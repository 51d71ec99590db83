"""Pods and their containers."""

from payments.devtools.manifests.compare import MISSING, Change, Path
from payments.devtools.manifests.findings import Rank
from payments.devtools.manifests.words.phrases import (
    Phrase,
    Said,
    amount,
    arrow,
    at_ranks,
    guard,
    plain,
    saying,
    shown,
    switch,
)

_SECRET_NAMES = ("PASSWORD", "TOKEN", "SECRET", "KEY", "CREDENTIAL", "DSN")
_ROOT = 0
# Where the image of a stage without pins comes from: nowhere.
_UNPINNED = "unpinned.invalid/"


def _image(change: Change, found: Path) -> Said:
    label = f"image of {found[1]}"
    if MISSING in (change.old, change.new):
        return plain(change, label, Rank.HIGH)
    (old, old_digest), (new, new_digest) = (_split(str(image)) for image in (change.old, change.new))
    if not new_digest:
        return Rank.HIGH, f"{label} is not pinned by digest: {arrow(change)}"
    if old.startswith(_UNPINNED):
        return Rank.MEDIUM, f"{label} is pinned: {change.new}"
    if old != new:
        return Rank.HIGH, f"{label} comes from elsewhere: {arrow(change)}"
    return Rank.MEDIUM, f"{label}: {_short(old_digest)} → {_short(new_digest)}"


def _split(image: str) -> tuple[str, str]:
    name, _, digest = image.partition("@")
    return name, digest


def _short(digest: str) -> str:
    return digest[: len("sha256:") + 12] or "no digest"


def _capability_added(change: Change, found: Path) -> Said:
    if change.new is MISSING:
        return Rank.LOW, f"{found[1]} gives up the capability {change.old}"
    return Rank.CRITICAL, f"{found[1]} gains the capability {change.new}"


def _capability_dropped(change: Change, found: Path) -> Said:
    if change.new is MISSING:
        return Rank.CRITICAL, f"{found[1]} no longer drops the capability {change.old}"
    return Rank.LOW, f"{found[1]} drops the capability {change.new}"


def _user(change: Change, found: Path) -> Said:
    who = found[1] if found else "the pod"
    if change.new == _ROOT:
        return Rank.CRITICAL, f"{who} runs as root ({arrow(change)})"
    return plain(change, f"user of {who}", Rank.HIGH)


def _variable(change: Change, found: Path) -> Said:
    label = f"environment variable {found[2]} of {found[1]}"
    if any(word in found[2].upper() for word in _SECRET_NAMES):
        verb = "added" if change.old is MISSING else "removed" if change.new is MISSING else "changed"
        return Rank.MEDIUM, f"{label} {verb} (value not shown)", True
    value = Change(change.path, _value(change.old), _value(change.new))
    return plain(value, label)


def _value(variable: object) -> object:
    return variable.get("value", variable.get("valueFrom")) if isinstance(variable, dict) else variable


def _volume(change: Change, found: Path) -> Said:
    if isinstance(change.new, dict) and "hostPath" in change.new:
        return Rank.CRITICAL, f"volume {found[0]} mounts the node's {shown(change.new['hostPath'].get('path'))}"
    return plain(change, f"volume {found[0]}")


def _container(change: Change, found: Path) -> Said:
    kind = "start-up container" if change.path[0] == "initContainers" else "container"
    if change.old is MISSING:
        return Rank.HIGH, f"{kind} {found[1]} added: {shown(change.new.get('image'))}"
    return Rank.HIGH, f"{kind} {found[1]} removed"


def _privilege(who: str, prefix: str) -> tuple[Phrase, ...]:
    """The part of a security context that pods and containers share."""
    return (
        Phrase(
            f"{prefix} runAsNonRoot",
            guard(
                True,  # noqa: FBT003  the value that protects
                worse=(Rank.CRITICAL, f"{who} may run as root"),
                better=f"{who} may no longer run as root",
            ),
        ),
        Phrase(f"{prefix} runAsUser", _user),
        Phrase(f"{prefix} runAsGroup", _user),
        Phrase(
            f"{prefix} seccompProfile type",
            guard(
                "RuntimeDefault",
                worse=(Rank.HIGH, f"{who} may make any system call"),
                better=f"{who} is held to the usual system calls",
            ),
        ),
        Phrase(f"{prefix} seccompProfile", saying(Rank.HIGH, f"system calls of {who}")),
    )


_LAX = "{1} may gain privileges while it runs"
_CONTAINER = (
    Phrase("*ontainers *", _container),
    Phrase("*ontainers * image", _image),
    Phrase("*ontainers * resources limits memory", amount("memory limit of {1}", lower=Rank.HIGH, higher=Rank.MEDIUM)),
    Phrase("*ontainers * resources limits cpu", amount("CPU limit of {1}", lower=Rank.MEDIUM, higher=Rank.LOW)),
    Phrase(
        "*ontainers * resources requests memory", amount("memory request of {1}", lower=Rank.MEDIUM, higher=Rank.MEDIUM)
    ),
    Phrase("*ontainers * resources requests cpu", amount("CPU request of {1}", lower=Rank.MEDIUM, higher=Rank.MEDIUM)),
    Phrase("*ontainers * resources **", saying(Rank.HIGH, "resources of {1}")),
    Phrase(
        "*ontainers * securityContext",
        at_ranks("privileges of {1}", added=Rank.HIGH, changed=Rank.HIGH, removed=Rank.CRITICAL),
    ),
    Phrase(
        "*ontainers * securityContext privileged",
        switch(
            True,  # noqa: FBT003  the value that endangers
            worse=(Rank.CRITICAL, "{1} becomes privileged: it owns the node"),
            better="{1} is no longer privileged",
        ),
    ),
    Phrase(
        "*ontainers * securityContext allowPrivilegeEscalation",
        guard(False, worse=(Rank.CRITICAL, _LAX), better="{1} can no longer gain privileges"),  # noqa: FBT003
    ),
    Phrase(
        "*ontainers * securityContext readOnlyRootFilesystem",
        guard(
            True,  # noqa: FBT003  the value that protects
            worse=(Rank.HIGH, "{1} may write to its own file system"),
            better="{1} can no longer write to its own file system",
        ),
    ),
    Phrase("*ontainers * securityContext capabilities add *", _capability_added),
    Phrase("*ontainers * securityContext capabilities drop *", _capability_dropped),
    Phrase(
        "*ontainers * securityContext capabilities add",
        at_ranks("capabilities of {1}", added=Rank.CRITICAL, changed=Rank.CRITICAL, removed=Rank.LOW),
    ),
    Phrase(
        "*ontainers * securityContext capabilities **",
        at_ranks("dropped capabilities of {1}", added=Rank.LOW, changed=Rank.HIGH, removed=Rank.CRITICAL),
    ),
    *_privilege("{1}", "*ontainers * securityContext"),
    Phrase("*ontainers * env * **", _variable),
    Phrase("*ontainers * env *", _variable),
    Phrase("*ontainers * *Probe", at_ranks("{2} of {1}", added=Rank.LOW, changed=Rank.MEDIUM, removed=Rank.HIGH)),
    Phrase("*ontainers * lifecycle **", saying(Rank.HIGH, "what {1} does before it stops")),
    Phrase("*ontainers * command", saying(Rank.HIGH, "command of {1}")),
    Phrase("*ontainers * args", saying(Rank.HIGH, "arguments of {1}")),
)
_POD = (
    Phrase("serviceAccountName", saying(Rank.HIGH, "identity of the pods (service account)")),
    Phrase(
        "automountServiceAccountToken",
        guard(
            False,  # noqa: FBT003  the value that protects
            worse=(Rank.HIGH, "pods get a token for the cluster's API"),
            better="pods no longer get a token for the cluster's API",
        ),
    ),
    *(
        Phrase(
            f"host{share}",
            switch(
                True,  # noqa: FBT003  the value that endangers
                worse=(Rank.CRITICAL, f"pods share the node's {what}"),
                better=f"pods no longer share the node's {what}",
            ),
        )
        for share, what in (("Network", "network"), ("PID", "processes"), ("IPC", "memory"))
    ),
    *_privilege("the pod", "securityContext"),
    Phrase("terminationGracePeriodSeconds", amount("seconds to finish work in", lower=Rank.HIGH, higher=Rank.LOW)),
    Phrase("topologySpreadConstraints **", saying(Rank.HIGH, "how pods spread over zones and nodes")),
    Phrase("priorityClassName", saying(Rank.HIGH, "priority of the pods")),
    Phrase("volumes * hostPath **", saying(Rank.CRITICAL, "volume {0} mounts the node's files")),
    Phrase("volumes *", _volume),
)
POD = (*_CONTAINER, *_POD)
