"""One kind of pod, the way all of ours run: restricted, spread out, probed, drained, scaled, never all away at once."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cdk8s import Chart
from cdk8s_plus_34 import k8s

from cdk.stage import Stage
from cdk.stage_parts import Workload

PART_OF = "payment-platform"
# The account of the images, known to Containerfiles as well; no user of any node has it.
USER = 10001

# How a pod leaves: it keeps serving for DRAIN_SECONDS while load balancers and other pods learn that it goes, then the
# server finishes what is in flight (shared.serving waits 25 s for that), all within GRACE_SECONDS.
DRAIN_SECONDS = 20
GRACE_SECONDS = 60

# Where secrets are mounted. Both services read settings from files of this folder, too.
SECRETS_FOLDER = "/run/secrets/platform"

PRIORITY = "payments"
BACKGROUND_PRIORITY = "payments-background"

_SCALE_DOWN_SECONDS = 300


@dataclass(frozen=True, kw_only=True)
class Part:
    """What one workload is, beyond what all have in common."""

    name: str
    image: str
    args: Sequence[str]
    size: Workload
    settings: Mapping[str, str]
    secrets: Sequence[str] = ()
    """ExternalSecrets, mounted together as files."""
    priority: str = PRIORITY
    ready_path: str | None = None
    """Where readiness is asked; a part without one serves no requests."""
    init: Sequence[str] | None = None
    """Arguments of a step before the start."""
    in_flight_metric: str | None = None


def serve(factory: str, port: int) -> tuple[str, ...]:
    """Return the arguments that serve an application to the other pods."""
    return ("shared.serving", factory, "--host", "0.0.0.0", "--port", str(port))  # noqa: S104


def labels(name: str) -> dict[str, str]:
    """Return the labels that every object of a part carries."""
    return {"app.kubernetes.io/name": name, "app.kubernetes.io/part-of": PART_OF}


def selector(name: str) -> k8s.LabelSelector:
    """Return what finds the pods of a part."""
    return k8s.LabelSelector(match_labels=labels(name))


def add(chart: Chart, stage: Stage, part: Part) -> None:
    """Add everything a part consists of to its chart."""
    meta = k8s.ObjectMeta(name=part.name, labels=labels(part.name))
    k8s.KubeConfigMap(chart, "config", metadata=meta, data=dict(part.settings))
    k8s.KubeServiceAccount(chart, "account", metadata=_account(stage, part.name), automount_service_account_token=False)
    k8s.KubeDeployment(chart, "deployment", metadata=meta, spec=_deployment(stage, part))
    if part.ready_path is not None:
        k8s.KubeService(chart, "service", metadata=meta, spec=_service(stage, part))
    k8s.KubeHorizontalPodAutoscalerV2(chart, "autoscaler", metadata=meta, spec=_autoscaler(stage, part))
    # One at a time, however few there are: a budget that forbids every eviction blocks node upgrades for ever.
    k8s.KubePodDisruptionBudget(
        chart,
        "budget",
        metadata=meta,
        spec=k8s.PodDisruptionBudgetSpec(
            max_unavailable=k8s.IntOrString.from_number(1),
            selector=selector(part.name),
            unhealthy_pod_eviction_policy="AlwaysAllow",
        ),
    )


def _account(stage: Stage, name: str) -> k8s.ObjectMeta:
    """A service account; Pod Identity binds it to its role by name, IRSA by this annotation."""
    if not stage.cluster.irsa:
        return k8s.ObjectMeta(name=name, labels=labels(name))
    role = f"arn:aws:iam::{stage.account}:role/{stage.role(name)}"
    return k8s.ObjectMeta(name=name, labels=labels(name), annotations={"eks.amazonaws.com/role-arn": role})


def _deployment(stage: Stage, part: Part) -> k8s.DeploymentSpec:
    return k8s.DeploymentSpec(
        # No replicas: the autoscaler owns that number, and applying this again must not reset it.
        selector=selector(part.name),
        min_ready_seconds=5,
        progress_deadline_seconds=600,
        revision_history_limit=10,
        strategy=k8s.DeploymentStrategy(
            type="RollingUpdate",
            rolling_update=k8s.RollingUpdateDeployment(
                max_surge=k8s.IntOrString.from_number(part.size.surge),
                max_unavailable=k8s.IntOrString.from_number(0),
            ),
        ),
        template=k8s.PodTemplateSpec(
            metadata=k8s.ObjectMeta(labels=labels(part.name), annotations={"checksum/config": checksum(part.settings)}),
            spec=_pod(stage, part),
        ),
    )


def _pod(stage: Stage, part: Part) -> k8s.PodSpec:
    return k8s.PodSpec(
        service_account_name=part.name,
        automount_service_account_token=False,
        enable_service_links=False,
        priority_class_name=part.priority,
        termination_grace_period_seconds=GRACE_SECONDS,
        security_context=pod_security(),
        node_selector={"kubernetes.io/arch": "arm64", "kubernetes.io/os": "linux"},
        tolerations=tolerations(stage),
        topology_spread_constraints=[
            _spread(part.name, "topology.kubernetes.io/zone", "DoNotSchedule"),
            _spread(part.name, "kubernetes.io/hostname", "ScheduleAnyway"),
        ],
        init_containers=[_init(part)] if part.init is not None else None,
        containers=[_container(stage, part)],
        volumes=volumes(part.secrets),
    )


def _spread(name: str, key: str, otherwise: str) -> k8s.TopologySpreadConstraint:
    return k8s.TopologySpreadConstraint(
        topology_key=key,
        max_skew=1,
        when_unsatisfiable=otherwise,
        label_selector=selector(name),
        # Pods of the previous version are about to leave; counting them would push the new ones together.
        match_label_keys=["pod-template-hash"],
        node_taints_policy="Honor",
    )


def _container(stage: Stage, part: Part) -> k8s.Container:
    ports = stage.ports
    web = part.ready_path is not None
    live = k8s.HttpGetAction(path="/health/live", port=k8s.IntOrString.from_string("http"))
    scrape = k8s.HttpGetAction(path="/metrics", port=k8s.IntOrString.from_string("metrics"))
    ready = k8s.HttpGetAction(path=part.ready_path, port=k8s.IntOrString.from_string("http")) if web else scrape
    alive = live if web else scrape
    return k8s.Container(
        name=part.name,
        image=part.image,
        image_pull_policy="IfNotPresent",
        args=list(part.args),
        env_from=[k8s.EnvFromSource(config_map_ref=k8s.ConfigMapEnvSource(name=part.name))],
        ports=[
            *([k8s.ContainerPort(name="http", container_port=ports[part.name])] if web else []),
            k8s.ContainerPort(name="metrics", container_port=ports["metrics"]),
        ],
        resources=resources(part.size.cpu_millis, part.size.memory_mib),
        security_context=container_security(),
        volume_mounts=mounts(part.secrets),
        # Two minutes to start, then answers are expected within seconds.
        startup_probe=k8s.Probe(http_get=alive, period_seconds=2, timeout_seconds=2, failure_threshold=60),
        readiness_probe=k8s.Probe(http_get=ready, period_seconds=5, timeout_seconds=3, failure_threshold=2),
        liveness_probe=k8s.Probe(http_get=alive, period_seconds=10, timeout_seconds=5, failure_threshold=6),
        lifecycle=k8s.Lifecycle(pre_stop=k8s.LifecycleHandler(sleep=k8s.SleepAction(seconds=DRAIN_SECONDS)))
        if web
        else None,
    )


def _init(part: Part) -> k8s.Container:
    """The step before the start: same image and settings, a fraction of the resources."""
    return k8s.Container(
        name="wait-for-schema",
        image=part.image,
        image_pull_policy="IfNotPresent",
        args=list(part.init or ()),
        env_from=[k8s.EnvFromSource(config_map_ref=k8s.ConfigMapEnvSource(name=part.name))],
        resources=resources(50, 128),
        security_context=container_security(),
        volume_mounts=mounts(part.secrets),
    )


def _service(stage: Stage, part: Part) -> k8s.ServiceSpec:
    port = stage.ports[part.name]
    return k8s.ServiceSpec(
        type="ClusterIP",
        selector=labels(part.name),
        ports=[k8s.ServicePort(name="http", port=port, target_port=k8s.IntOrString.from_string("http"))],
        # Neighbors in the same zone first: it is faster, and traffic between zones is paid for.
        traffic_distribution="PreferClose",
    )


def _autoscaler(stage: Stage, part: Part) -> k8s.HorizontalPodAutoscalerSpecV2:
    size = part.size
    metrics = [
        k8s.MetricSpecV2(
            type="Resource",
            resource=k8s.ResourceMetricSourceV2(
                name="cpu",
                target=k8s.MetricTargetV2(type="Utilization", average_utilization=size.cpu_target_percent),
            ),
        )
    ]
    # Without Prometheus in the cluster nobody can tell the autoscaler, and it would refuse to scale down at all.
    if part.in_flight_metric is not None and size.in_flight_target is not None and stage.cluster.monitoring:
        target = k8s.Quantity.from_string(str(size.in_flight_target))
        metrics.append(
            k8s.MetricSpecV2(
                type="Pods",
                pods=k8s.PodsMetricSourceV2(
                    metric=k8s.MetricIdentifierV2(name=part.in_flight_metric),
                    target=k8s.MetricTargetV2(type="AverageValue", average_value=target),
                ),
            )
        )
    return k8s.HorizontalPodAutoscalerSpecV2(
        scale_target_ref=k8s.CrossVersionObjectReferenceV2(api_version="apps/v1", kind="Deployment", name=part.name),
        min_replicas=size.replicas.min,
        max_replicas=size.replicas.max,
        metrics=metrics,
        behavior=k8s.HorizontalPodAutoscalerBehaviorV2(
            # Up at once, at most doubling every half minute; down slowly, after five quiet minutes.
            scale_up=k8s.HpaScalingRulesV2(
                stabilization_window_seconds=0,
                select_policy="Max",
                policies=[
                    k8s.HpaScalingPolicyV2(type="Percent", value=100, period_seconds=30),
                    k8s.HpaScalingPolicyV2(type="Pods", value=4, period_seconds=30),
                ],
            ),
            scale_down=k8s.HpaScalingRulesV2(
                stabilization_window_seconds=_SCALE_DOWN_SECONDS,
                policies=[k8s.HpaScalingPolicyV2(type="Percent", value=10, period_seconds=60)],
            ),
        ),
    )


def tolerations(stage: Stage) -> list[k8s.Toleration]:
    """Accept nodes that may be taken away at two minutes' notice."""
    key, value = stage.spot_taint
    return [k8s.Toleration(key=key, operator="Equal", value=value, effect="NoSchedule")]


def pod_security() -> k8s.PodSecurityContext:
    """Return what `restricted` asks of a pod."""
    return k8s.PodSecurityContext(
        run_as_non_root=True,
        run_as_user=USER,
        run_as_group=USER,
        fs_group=USER,
        fs_group_change_policy="OnRootMismatch",
        seccomp_profile=k8s.SeccompProfile(type="RuntimeDefault"),
    )


def container_security() -> k8s.SecurityContext:
    """Return what `restricted` asks of a container, and a file system that nobody writes to."""
    return k8s.SecurityContext(
        allow_privilege_escalation=False,
        privileged=False,
        read_only_root_filesystem=True,
        capabilities=k8s.Capabilities(drop=["ALL"]),
    )


def resources(cpu_millis: int, memory_mib: int) -> k8s.ResourceRequirements:
    """Ask for measured use; memory is held to it, CPU may be taken while nobody else wants it."""
    memory = k8s.Quantity.from_string(f"{memory_mib}Mi")
    return k8s.ResourceRequirements(
        requests={"cpu": k8s.Quantity.from_string(f"{cpu_millis}m"), "memory": memory},
        limits={"cpu": k8s.Quantity.from_string(f"{4 * cpu_millis}m"), "memory": memory},
    )


def checksum(data: Mapping[str, str]) -> str:
    """Return what changes whenever the data does: in the pod template, it restarts pods that read the data once."""
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:16]


def volumes(secrets: Sequence[str]) -> list[k8s.Volume]:
    """Return a small writable /tmp, and all secrets projected into one folder."""
    found = [k8s.Volume(name="tmp", empty_dir=k8s.EmptyDirVolumeSource(size_limit=k8s.Quantity.from_string("64Mi")))]
    if secrets:
        sources = [k8s.VolumeProjection(secret=k8s.SecretProjection(name=name)) for name in secrets]
        found.append(
            k8s.Volume(name="secrets", projected=k8s.ProjectedVolumeSource(default_mode=0o440, sources=sources))
        )
    return found


def mounts(secrets: Sequence[str]) -> list[k8s.VolumeMount]:
    """Return where the volumes are seen."""
    found = [k8s.VolumeMount(name="tmp", mount_path="/tmp")]  # noqa: S108  the pod's own
    if secrets:
        found.append(k8s.VolumeMount(name="secrets", mount_path=SECRETS_FOLDER, read_only=True))
    return found
