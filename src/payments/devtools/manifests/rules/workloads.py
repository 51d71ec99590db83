"""Whether the service goes on while pods come and go."""

from payments.devtools.manifests.findings import Rank
from payments.devtools.manifests.objects import Body, Manifest, Value
from payments.devtools.manifests.rules.rule import Found, Rule, Scope

# How long shared.serving finishes what is in flight after SIGTERM; a test holds the two together.
SERVER_SECONDS = 25


def _probes(scope: Scope) -> Found:
    for one in scope.of_kind("Deployment"):
        for container in _containers(one):
            for name in ("startupProbe", "readinessProbe", "livenessProbe"):
                if name not in container:
                    yield one, f"{container['name']} has no {name}"


def _drain(scope: Scope) -> Found:
    """A pod that serves keeps serving until everybody knows that it goes, then finishes, then is killed."""
    services = [one.body for one in scope.of_kind("Service")]
    for one in scope.of_kind("Deployment"):
        if not any(_selects(service, one) for service in services):
            continue
        grace = one.body["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
        for container in _containers(one):
            stop = (container.get("lifecycle") or {}).get("preStop") or {}
            seconds = (stop.get("sleep") or {}).get("seconds")
            if not seconds:
                yield one, f"{container['name']} stops while requests are still sent to it: no preStop sleep"
            elif seconds + SERVER_SECONDS >= grace:
                yield (
                    one,
                    f"{seconds} s of drain and {SERVER_SECONDS} s of the server do not fit into {grace} s of grace",
                )


def _rollout(scope: Scope) -> Found:
    for one in scope.of_kind("Deployment"):
        rolling = one.body["spec"]["strategy"].get("rollingUpdate") or {}
        if rolling.get("maxUnavailable") not in (0, "0%"):
            yield one, f"{rolling.get('maxUnavailable', 'all')} pods may be missing during a rollout"


def _spread(scope: Scope) -> Found:
    for one in scope.of_kind("Deployment"):
        found = one.body["spec"]["template"]["spec"].get("topologySpreadConstraints") or []
        keys = {constraint["topologyKey"] for constraint in found}
        for key, name in (("topology.kubernetes.io/zone", "zones"), ("kubernetes.io/hostname", "nodes")):
            if key not in keys:
                yield one, f"pods do not spread over {name}"


def _priority(scope: Scope) -> Found:
    for one, pod in scope.pods():
        if not pod.get("priorityClassName"):
            yield one, "pods have no priority: anything may push them off a full node"


def _budget(scope: Scope) -> Found:
    budgets = list(scope.of_kind("PodDisruptionBudget"))
    for one in scope.of_kind("Deployment"):
        found = [budget for budget in budgets if _selects_by(budget.body["spec"].get("selector"), one)]
        if not found:
            yield one, "has no disruption budget: a node drain may stop all pods at once"
        for budget in found:
            least = _fewest(scope, one)
            allowed, kept = (budget.body["spec"].get(name) for name in ("maxUnavailable", "minAvailable"))
            if allowed in (0, "0%") or kept == "100%" or (isinstance(kept, int) and least and kept >= least):
                yield budget, "allows no eviction: nodes can never be drained"


def _autoscaler(scope: Scope) -> Found:
    scalers = {one.body["spec"]["scaleTargetRef"]["name"]: one for one in scope.of_kind("HorizontalPodAutoscaler")}
    for one in scope.of_kind("Deployment"):
        scaler = scalers.get(one.key.name)
        if scaler is None:
            yield one, "has no autoscaler"
            continue
        spec = scaler.body["spec"]
        if "replicas" in one.body["spec"]:
            yield one, "sets replicas, which the autoscaler owns: each apply would reset them"
        if spec["minReplicas"] > spec["maxReplicas"]:
            yield scaler, f"from {spec['minReplicas']} to {spec['maxReplicas']} pods"
        if not ((spec.get("behavior") or {}).get("scaleDown") or {}).get("stabilizationWindowSeconds"):
            yield scaler, "scales down as soon as load falls, and up again a moment later"


def _fewest(scope: Scope, deployment: Manifest) -> int | None:
    for scaler in scope.of_kind("HorizontalPodAutoscaler"):
        if scaler.body["spec"]["scaleTargetRef"]["name"] == deployment.key.name:
            return int(scaler.body["spec"]["minReplicas"])
    replicas = deployment.body["spec"].get("replicas")
    return None if replicas is None else int(replicas)


def _job(scope: Scope) -> Found:
    for one in scope.of_kind("Job"):
        digests = {str(container.get("image", "")).partition("@sha256:")[2][:12] for container in _containers(one)}
        if not any(digest and one.key.name.endswith(digest) for digest in digests):
            yield one, "a Job cannot be changed: its name has to change with its image"


def _selector(scope: Scope) -> Found:
    for one in scope.of_kind("Service"):
        if not any(
            _selects(one.body, workload) for workload in scope.of_kind("Deployment", "StatefulSet", "DaemonSet")
        ):
            yield one, "no pod of these manifests answers"


def _containers(one: Manifest) -> list[Body]:
    found: list[Body] = one.body["spec"]["template"]["spec"]["containers"]
    return found


def _selects(service: Body, one: Manifest) -> bool:
    wanted = service["spec"].get("selector") or {}
    return bool(wanted) and service["metadata"].get("namespace") == one.key.namespace and _has(one, wanted)


def _selects_by(selector: Value, one: Manifest) -> bool:
    wanted = (selector or {}).get("matchLabels") or {}
    return bool(wanted) and _has(one, wanted)


def _has(one: Manifest, labels: Body) -> bool:
    return labels.items() <= (one.body["spec"]["template"]["metadata"].get("labels") or {}).items()


RULES = (
    Rule("probes", Rank.HIGH, "Every pod says whether it started, works, lives", _probes),
    Rule("drain", Rank.HIGH, "Pods that go finish what they were sent", _drain),
    Rule("rollout", Rank.HIGH, "No pod is missing during a rollout", _rollout),
    Rule("spread", Rank.HIGH, "Pods spread over zones and nodes", _spread),
    Rule("priority", Rank.MEDIUM, "Pods have a priority", _priority),
    Rule("disruption", Rank.HIGH, "Node drains take one pod at a time", _budget),
    Rule("autoscaler", Rank.HIGH, "The number of pods follows the load", _autoscaler),
    Rule("job-name", Rank.HIGH, "Jobs are named after their image", _job),
    Rule("service", Rank.HIGH, "Every service has pods", _selector),
)
