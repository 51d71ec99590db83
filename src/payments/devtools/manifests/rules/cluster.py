"""Namespaces and rights."""

from payments.devtools.manifests.findings import Rank
from payments.devtools.manifests.rules.rule import Found, Rule, Scope
from payments.devtools.manifests.words.access import is_powerful

_LEVEL = "pod-security.kubernetes.io/enforce"
_REASON = "payments/pod-security-reason"


def _pod_security(scope: Scope) -> Found:
    for one in scope.of_kind("Namespace"):
        metadata = one.body["metadata"]
        level = metadata["labels"].get(_LEVEL)
        if level is None:
            yield one, "accepts any pod: no level of pod security is enforced"
        elif level != "restricted" and not metadata["annotations"].get(_REASON):
            yield one, f"is {level} without saying why ({_REASON})"
        elif level != "restricted" and any(workload.key.namespace == one.key.name for workload, _ in scope.pods()):
            yield one, f"is {level}, and workloads of ours run there"


def _bounds(scope: Scope) -> Found:
    for kind, meaning in (("ResourceQuota", "may use the whole cluster"), ("LimitRange", "has no limits by default")):
        bounded = {one.key.namespace for one in scope.of_kind(kind)}
        for one in scope.of_kind("Namespace"):
            if one.key.name not in bounded and any(pod.key.namespace == one.key.name for pod, _ in scope.pods()):
                yield one, f"{meaning}: no {kind}"


def _rights(scope: Scope) -> Found:
    for one in scope.of_kind("Role", "ClusterRole"):
        for rule in one.body.get("rules") or []:
            if is_powerful(rule):
                yield one, f"may {', '.join(rule.get('verbs') or [])} on {', '.join(rule.get('resources') or [])}"
    for one in scope.of_kind("RoleBinding", "ClusterRoleBinding"):
        if (one.body.get("roleRef") or {}).get("name") == "cluster-admin":
            yield one, "may do anything"


def _namespaced(scope: Scope) -> Found:
    there = {one.key.name for one in scope.of_kind("Namespace")}
    for one in scope.objects:
        if one.key.namespace and one.key.namespace not in there:
            yield one, f"namespace {one.key.namespace} is not in these manifests"


RULES = (
    Rule("pod-security", Rank.CRITICAL, "Namespaces refuse unsafe pods", _pod_security),
    Rule("bounds", Rank.MEDIUM, "Namespaces have quotas and limits", _bounds),
    Rule("rights", Rank.CRITICAL, "Nobody gets more rights than they need", _rights),
    Rule("namespace", Rank.HIGH, "Every namespace is there", _namespaced),
)
