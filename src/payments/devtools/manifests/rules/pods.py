"""What pods may do to the node, to each other, and to secrets."""

import re

from payments.devtools.manifests.findings import Rank
from payments.devtools.manifests.objects import Body, Value
from payments.devtools.manifests.rules.rule import Found, Rule, Scope

_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")
_PLACEHOLDER = "@sha256:" + "0" * 64
_SECRET = re.compile(r"(PASSWORD|SECRET|TOKEN|CREDENTIALS?|PRIVATE_KEY)(?!S?_(DIR|FILE|PATH))", re.IGNORECASE)
_URL_PASSWORD = re.compile(r"\w+://[^/\s:@]*:[^/\s@]+@")


def _security(pod: Body, container: Body, name: str) -> Value:
    """Return what holds for a container: its own word, or the pod's."""
    own = container.get("securityContext") or {}
    return own.get(name, (pod.get("securityContext") or {}).get(name))


def _root(scope: Scope) -> Found:
    for one, pod, container in scope.containers():
        if _security(pod, container, "runAsNonRoot") is not True or _security(pod, container, "runAsUser") == 0:
            yield one, f"{container['name']} may run as root"


def _privileged(scope: Scope) -> Found:
    for one, _, container in scope.containers():
        if (container.get("securityContext") or {}).get("privileged"):
            yield one, f"{container['name']} is privileged"


def _escalation(scope: Scope) -> Found:
    for one, _, container in scope.containers():
        if (container.get("securityContext") or {}).get("allowPrivilegeEscalation") is not False:
            yield one, f"{container['name']} may gain privileges"


def _root_file_system(scope: Scope) -> Found:
    for one, _, container in scope.containers():
        if (container.get("securityContext") or {}).get("readOnlyRootFilesystem") is not True:
            yield one, f"{container['name']} may write to its own file system"


def _capabilities(scope: Scope) -> Found:
    for one, _, container in scope.containers():
        found = (container.get("securityContext") or {}).get("capabilities") or {}
        if "ALL" not in (found.get("drop") or []):
            yield one, f"{container['name']} keeps capabilities"
        if found.get("add"):
            yield one, f"{container['name']} gets {', '.join(found['add'])}"


def _seccomp(scope: Scope) -> Found:
    for one, pod, container in scope.containers():
        profile = _security(pod, container, "seccompProfile") or {}
        if profile.get("type") not in {"RuntimeDefault", "Localhost"}:
            yield one, f"{container['name']} may make any system call"


def _host(scope: Scope) -> Found:
    for one, pod in scope.pods():
        for name in ("hostNetwork", "hostPID", "hostIPC"):
            if pod.get(name):
                yield one, f"{name} is on"
        for volume in pod.get("volumes") or []:
            if "hostPath" in volume:
                yield one, f"volume {volume['name']} is a folder of the node"
        for container in pod["containers"]:
            if any("hostPort" in port for port in container.get("ports") or []):
                yield one, f"{container['name']} takes a port of the node"


def _token(scope: Scope) -> Found:
    for one, pod in scope.pods():
        if pod.get("automountServiceAccountToken") is not False:
            yield one, "pods get a token for the cluster's API"
        if pod.get("serviceAccountName", "default") == "default":
            yield one, "pods run as the default service account"


def _digest(scope: Scope) -> Found:
    for one, _, container in scope.containers():
        image = str(container.get("image", ""))
        if not _DIGEST.search(image):
            yield one, f"{container['name']}: {image} is not pinned by digest"


def _pinned(scope: Scope) -> Found:
    for one, _, container in scope.containers():
        if scope.guarded and _PLACEHOLDER in str(container.get("image", "")):
            yield one, f"{container['name']} has no image yet: `payments images pin --stage {scope.stage}`"


def _resources(scope: Scope) -> Found:
    for one, _, container in scope.containers():
        for kind in ("requests", "limits"):
            for name in ("cpu", "memory"):
                if not ((container.get("resources") or {}).get(kind) or {}).get(name):
                    yield one, f"{container['name']} has no {kind} of {name}"


def _secret_in_environment(scope: Scope) -> Found:
    for one, _, container in scope.containers():
        for variable in container.get("env") or []:
            if "secretKeyRef" in (variable.get("valueFrom") or {}):
                yield one, f"{variable['name']} is a secret in the environment; mount it as a file"
            elif _tells(variable["name"], variable.get("value")):
                yield one, f"{variable['name']} of {container['name']} looks like a secret"
        for source in container.get("envFrom") or []:
            if "secretRef" in source:
                yield one, f"{container['name']} takes secret {source['secretRef'].get('name')} into its environment"
    for one in scope.of_kind("ConfigMap"):
        for name, value in (one.body.get("data") or {}).items():
            if _tells(name, value):
                yield one, f"{name} looks like a secret"


def _tells(name: str, value: Value) -> bool:
    return bool(value) and bool(_SECRET.search(name) or _URL_PASSWORD.search(str(value)))


def _secret(scope: Scope) -> Found:
    for one in scope.of_kind("Secret"):
        if one.body.get("data") or one.body.get("stringData"):
            yield one, "a secret's value is in the manifests"


RULES = (
    Rule("non-root", Rank.CRITICAL, "No container runs as root", _root),
    Rule("privileged", Rank.CRITICAL, "No container is privileged", _privileged),
    Rule("privilege-escalation", Rank.HIGH, "No container gains privileges", _escalation),
    Rule("read-only-root", Rank.HIGH, "No container writes to its own file system", _root_file_system),
    Rule("capabilities", Rank.HIGH, "No container has capabilities", _capabilities),
    Rule("seccomp", Rank.HIGH, "System calls are filtered", _seccomp),
    Rule("host", Rank.CRITICAL, "Nothing of the node is shared", _host),
    Rule("api-token", Rank.HIGH, "No pod gets a token that it does not need", _token),
    Rule("image-digest", Rank.HIGH, "Images are named by digest", _digest),
    Rule("image-pinned", Rank.CRITICAL, "Images are pinned where operations approve", _pinned),
    Rule("resources", Rank.HIGH, "Every container says what it needs and what it may take", _resources),
    Rule("secret-environment", Rank.HIGH, "Secrets are files, not variables", _secret_in_environment),
    Rule("secret-value", Rank.CRITICAL, "No secret is in a manifest", _secret),
)
