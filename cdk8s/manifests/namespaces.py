"""Namespaces, how much each may use, and who is preferred when there is not enough."""

from cdk8s import Chart
from cdk8s_plus_34 import k8s
from constructs import Construct

from cdk.stage import Stage
from manifests.images import Images
from manifests.workload import BACKGROUND_PRIORITY, PART_OF, PRIORITY

MONITORING = "monitoring"
LOGGING = "logging"

# What the level of pod security is, and why it is not the strictest. The add-ons in the other two are installed by CDK.
_LEVELS = {
    MONITORING: (
        "privileged",
        (
            "node-exporter reads the node's /proc and /sys in the node's network and process namespaces; `baseline` "
            "forbids all three, and there is no level between"
        ),
    ),
    LOGGING: (
        "privileged",
        (
            "Fluent Bit reads the log files of all pods from the node's /var/log; `baseline` forbids host paths, and "
            "there is no level between"
        ),
    ),
}
# Beside our pods: one migration, and what a person starts while looking into something.
_SPARE_PODS = 5
_SPARE_CPU_MILLIS = 1_000
_SPARE_MEMORY_MIB = 2_048
# Limits of CPU are four times the requests (manifests.workload.resources).
_CPU_BURST = 4


class Namespaces(Chart):
    """What everything else lives in."""

    def __init__(self, scope: Construct, name: str, stage: Stage, images: Images) -> None:
        """Add the namespaces of a stage."""
        del images
        super().__init__(scope, name, disable_resource_name_hashes=True)
        self._namespace(stage.namespace, "restricted", "every pod of ours accepts it")
        for other, (level, reason) in _LEVELS.items():
            self._namespace(other, level, reason)
        self._priorities()
        self._bounds(stage)

    def _namespace(self, name: str, level: str, reason: str) -> None:
        security = {
            "pod-security.kubernetes.io/enforce": level,
            # What would be refused one level up is told to whoever applies it, and to the audit log.
            "pod-security.kubernetes.io/warn": "restricted",
            "pod-security.kubernetes.io/audit": "restricted",
        }
        k8s.KubeNamespace(
            self,
            f"namespace-{name}",
            metadata=k8s.ObjectMeta(
                name=name,
                labels={"app.kubernetes.io/part-of": PART_OF, **security},
                annotations={"payments/pod-security-reason": reason},
            ),
        )

    def _priorities(self) -> None:
        for name, value, meaning in (
            (PRIORITY, 1_000_000, "Takes and answers payments: pushes anything else off a full node."),
            (BACKGROUND_PRIORITY, 500_000, "Catches up later, when there is room again."),
        ):
            k8s.KubePriorityClass(
                self, f"priority-{name}", metadata=k8s.ObjectMeta(name=name), value=value, description=meaning
            )

    def _bounds(self, stage: Stage) -> None:
        """Hold the namespace to what the stage scales to, with every rollout in progress."""
        sizes = [workload for _, workload in stage.workloads]
        pods = [size.replicas.max + size.surge for size in sizes]
        cpu = sum(count * size.cpu_millis for count, size in zip(pods, sizes, strict=True)) + _SPARE_CPU_MILLIS
        memory = sum(count * size.memory_mib for count, size in zip(pods, sizes, strict=True)) + _SPARE_MEMORY_MIB
        hard = {
            "pods": str(sum(pods) + _SPARE_PODS),
            "requests.cpu": f"{cpu}m",
            "requests.memory": f"{memory}Mi",
            "limits.cpu": f"{_CPU_BURST * cpu}m",
            "limits.memory": f"{memory}Mi",
            "services.loadbalancers": "0",
            "services.nodeports": "0",
            "persistentvolumeclaims": "0",
        }
        meta = k8s.ObjectMeta(name="bounds", namespace=stage.namespace)
        k8s.KubeResourceQuota(
            self,
            "quota",
            metadata=meta,
            spec=k8s.ResourceQuotaSpec(hard={key: k8s.Quantity.from_string(value) for key, value in hard.items()}),
        )
        k8s.KubeLimitRange(
            self,
            "limits",
            metadata=meta,
            spec=k8s.LimitRangeSpec(
                limits=[
                    k8s.LimitRangeItem(
                        type="Container",
                        default=_amounts("200m", "128Mi"),
                        default_request=_amounts("50m", "128Mi"),
                        max=_amounts("4", "4Gi"),
                    )
                ]
            ),
        )


def _amounts(cpu: str, memory: str) -> dict[str, k8s.Quantity]:
    return {"cpu": k8s.Quantity.from_string(cpu), "memory": k8s.Quantity.from_string(memory)}
