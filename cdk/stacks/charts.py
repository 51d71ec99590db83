"""The Helm charts of a cluster: which version, where it lives, and the values that are not its default."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import yaml

from cdk.stage import Stage
from manifests.observability import pipelines

_EKS = "https://aws.github.io/eks-charts"
_PROMETHEUS = "https://prometheus-community.github.io/helm-charts"
_PROMETHEUS_URL = "http://kube-prometheus-stack-prometheus.monitoring.svc"
_LOKI_URL = f"http://loki.logging.svc:{pipelines.LOKI_PORT}"
_IN_FLIGHT = ("gateway_http_requests_in_flight", "payments_http_requests_in_flight")
"""The gauges that pods scale by."""
_FLUENT_BIT_FILE = "fluent-bit.yaml"
_POD_SECURITY = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
_CONTAINER_SECURITY = {
    "readOnlyRootFilesystem": True,
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
}


class Chart(NamedTuple):
    """One chart."""

    name: str
    repository: str
    version: str
    namespace: str
    values: Mapping[str, Any]
    after: tuple[str, ...] = ()
    """Charts whose custom resource definitions this one uses."""


def charts(stage: Stage, *, vpc_id: str, topics: str) -> Iterator[Chart]:
    """Yield the charts of a stage, each after those that it needs; the ARNs of topics begin with `topics`."""
    yield Chart(
        "aws-load-balancer-controller",
        _EKS,
        "3.4.0",
        "kube-system",
        {
            "clusterName": stage.prefix,
            "region": stage.region,
            "vpcId": vpc_id,
            "replicaCount": 2 if stage.protected else 1,
            "serviceAccount": {"name": "aws-load-balancer-controller"},
            "enableServiceMutatorWebhook": False,
            "defaultTags": dict(stage.tags),
            "resources": _resources("50m", "128Mi"),
        },
    )
    yield Chart(
        "external-secrets",
        "https://charts.external-secrets.io",
        "1.2.1",
        "external-secrets",
        {
            "installCRDs": True,
            "serviceAccount": {"name": "external-secrets"},
            "resources": _resources("25m", "128Mi"),
            "webhook": {"resources": _resources("10m", "64Mi")},
            "certController": {"resources": _resources("10m", "128Mi")},
        },
    )
    yield Chart(
        "metrics-server",
        "https://kubernetes-sigs.github.io/metrics-server",
        "3.13.0",
        "kube-system",
        {"replicas": 1, "resources": _resources("100m", "200Mi")},
    )
    yield Chart(
        "cluster-autoscaler",
        "https://kubernetes.github.io/autoscaler",
        "9.53.0",
        "kube-system",
        {
            "fullnameOverride": "cluster-autoscaler",
            "cloudProvider": "aws",
            "awsRegion": stage.region,
            "autoDiscovery": {"clusterName": stage.prefix},
            "rbac": {"serviceAccount": {"name": "cluster-autoscaler"}},
            # Spot first: it is the group that has room where the other is full.
            "extraArgs": {"expander": "least-waste", "balance-similar-node-groups": True},
            "resources": _resources("50m", "300Mi"),
            # Its image would run as root.
            "securityContext": {**_POD_SECURITY, "runAsUser": 65534, "runAsGroup": 65534, "fsGroup": 65534},
            "containerSecurityContext": _CONTAINER_SECURITY,
        },
    )
    assert stage.domain is not None  # noqa: S101  EKS without a domain is refused
    yield Chart(
        "external-dns",
        "https://kubernetes-sigs.github.io/external-dns",
        "1.19.0",
        "external-dns",
        {
            "provider": {"name": "aws"},
            "env": [{"name": "AWS_DEFAULT_REGION", "value": stage.region}],
            "serviceAccount": {"name": "external-dns"},
            "sources": ["ingress"],
            "policy": "sync",
            "registry": "txt",
            "txtOwnerId": stage.prefix,
            "domainFilters": [stage.domain.name],
            "resources": _resources("25m", "128Mi"),
        },
    )
    if stage.cluster.monitoring:
        yield from _monitoring(stage, topics)
    yield _collector(stage)
    yield _fluent_bit(stage)


def _monitoring(stage: Stage, topics: str) -> Iterator[Chart]:
    yield Chart(
        "kube-prometheus-stack",
        _PROMETHEUS,
        "81.6.9",
        "monitoring",
        {
            "fullnameOverride": "kube-prometheus-stack",
            "prometheusOperator": {
                "resources": _resources("50m", "128Mi"),
                "prometheusConfigReloader": {"resources": _resources("10m", "64Mi")},
                "admissionWebhooks": {"patch": {"resources": _resources("10m", "64Mi")}},
            },
            "kube-state-metrics": {"resources": _resources("20m", "128Mi")},
            # The chart's default; said here so that it is reviewed: see chart_rules.
            "prometheus-node-exporter": {
                "hostNetwork": True,
                "hostPID": True,
                "resources": _resources("20m", "64Mi"),
            },
            "prometheus": {
                "prometheusSpec": {
                    "retention": "15d",
                    "replicas": 2 if stage.protected and stage.database.multi_az else 1,
                    # Our own ServiceMonitors and rules carry no release label.
                    "serviceMonitorSelectorNilUsesHelmValues": False,
                    "ruleSelectorNilUsesHelmValues": False,
                    "podMonitorSelectorNilUsesHelmValues": False,
                    "storageSpec": _volume("20Gi"),
                    "resources": _resources("200m", "1Gi"),
                }
            },
            "alertmanager": {
                "alertmanagerSpec": {"storage": _volume("2Gi"), "resources": _resources("50m", "128Mi")},
                "config": _alerts(stage, topics),
            },
            # Its administrator's password is generated in the cluster, and people come through port-forward.
            "grafana": {
                "sidecar": {
                    "dashboards": {"enabled": True, "searchNamespace": "ALL"},
                    "resources": _resources("20m", "128Mi"),
                },
                "additionalDataSources": [{"name": "Loki", "type": "loki", "access": "proxy", "url": _LOKI_URL}],
                "resources": _resources("100m", "256Mi"),
            },
            # EKS runs these where nobody can scrape them.
            "kubeEtcd": {"enabled": False},
            "kubeControllerManager": {"enabled": False},
            "kubeScheduler": {"enabled": False},
        },
    )
    yield Chart(
        "prometheus-adapter",
        _PROMETHEUS,
        "5.3.0",
        "monitoring",
        {
            "prometheus": {"url": _PROMETHEUS_URL, "port": 9090},
            "rules": {
                "default": False,
                "custom": [
                    {
                        "seriesQuery": f'{name}{{namespace!="",pod!=""}}',
                        "resources": {
                            "overrides": {"namespace": {"resource": "namespace"}, "pod": {"resource": "pod"}}
                        },
                        "name": {"as": name},
                        "metricsQuery": "sum(<<.Series>>{<<.LabelMatchers>>}) by (<<.GroupBy>>)",
                    }
                    for name in _IN_FLIGHT
                ],
            },
            "resources": _resources("50m", "128Mi"),
        },
        after=("kube-prometheus-stack",),
    )
    yield Chart(
        "loki",
        "https://grafana.github.io/helm-charts",
        "6.46.0",
        "logging",
        {
            "deploymentMode": "SingleBinary",
            "loki": pipelines.loki(min(stage.observability.log_days, 30)),
            "singleBinary": {
                "replicas": 1,
                "persistence": {"size": "50Gi", "storageClass": "gp3"},
                "resources": _resources("200m", "512Mi"),
            },
            # Rules are Prometheus' business; nobody else writes any.
            "sidecar": {"rules": {"enabled": False}},
            "gateway": {"enabled": False},
            "read": {"replicas": 0},
            "write": {"replicas": 0},
            "backend": {"replicas": 0},
            "chunksCache": {"enabled": False},
            "resultsCache": {"enabled": False},
            "lokiCanary": {"enabled": False},
            "test": {"enabled": False},
        },
    )


def _alerts(stage: Stage, topics: str) -> dict[str, Any]:
    """Tell the topic that CloudWatch's alarms go to; the chart's own configuration tells nobody."""

    def receiver(name: str, topic: str) -> dict[str, Any]:
        sns = {"topic_arn": f"{topics}{topic}", "sigv4": {"region": stage.region}}
        return {"name": name, "sns_configs": [sns]}

    return {
        "route": {
            "receiver": "alarms",
            "group_by": ["alertname"],
            "group_wait": "30s",
            "group_interval": "5m",
            "routes": [
                # Always firing: CloudWatch rings when it is not heard any more.
                {
                    "receiver": "heartbeat",
                    "matchers": ['alertname = "Watchdog"'],
                    "group_interval": "1m",
                    "repeat_interval": "5m",
                },
                # Only there to hold back others.
                {"receiver": "nobody", "matchers": ['alertname = "InfoInhibitor"']},
            ],
        },
        "receivers": [
            {"name": "nobody"},
            receiver("alarms", stage.alarm_topic),
            receiver("heartbeat", stage.heartbeat_topic),
        ],
    }


def _collector(stage: Stage) -> Chart:
    return Chart(
        "opentelemetry-collector",
        "https://open-telemetry.github.io/opentelemetry-helm-charts",
        "0.140.0",
        "monitoring",
        {
            "fullnameOverride": "opentelemetry-collector",
            "mode": "deployment",
            "image": {"repository": "otel/opentelemetry-collector-contrib"},
            "serviceAccount": {"name": "opentelemetry-collector"},
            "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
            "podSecurityContext": _POD_SECURITY,
            "securityContext": _CONTAINER_SECURITY,
            # Only what the configuration listens on; the chart would open six more.
            "ports": {
                name: {"enabled": False}
                for name in ("otlp", "jaeger-compact", "jaeger-thrift", "jaeger-grpc", "zipkin")
            },
            # Unlike `config`, it is not merged with the chart's own, which also takes Jaeger's and Zipkin's protocols.
            "alternateConfig": pipelines.collector(stage.region),
        },
    )


def _fluent_bit(stage: Stage) -> Chart:
    if stage.cluster.monitoring:
        output = pipelines.to_loki("loki.logging.svc")
    else:
        output = pipelines.to_cloudwatch(stage.region, f"/aws/eks/{stage.prefix}/pods")
    return Chart(
        "fluent-bit",
        "https://fluent.github.io/helm-charts",
        "0.55.0",
        "logging",
        {
            "serviceAccount": {"name": "fluent-bit"},
            # Spot nodes have logs too.
            "tolerations": [{"operator": "Exists"}],
            "resources": _resources("50m", "64Mi"),
            # Only root may read the logs of all pods; it can do nothing else with it.
            "podSecurityContext": {"runAsUser": 0, "seccompProfile": {"type": "RuntimeDefault"}},
            "securityContext": _CONTAINER_SECURITY,
            # The chart's own files are of the format before YAML; they stay unread beside this one.
            "args": ["--workdir=/fluent-bit/etc", f"--config=/fluent-bit/etc/conf/{_FLUENT_BIT_FILE}"],
            "config": {"extraFiles": {_FLUENT_BIT_FILE: yaml.safe_dump(pipelines.fluent_bit(output), sort_keys=False)}},
            # Across restarts of a pod, so that no line is sent twice or never.
            "extraVolumes": [{"name": "state", "hostPath": {"path": pipelines.STATE, "type": "DirectoryOrCreate"}}],
            "extraVolumeMounts": [{"name": "state", "mountPath": pipelines.STATE}],
        },
        after=("loki",) if stage.cluster.monitoring else (),
    )


def _volume(size: str) -> dict[str, Any]:
    spec = {"storageClassName": "gp3", "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}}
    return {"volumeClaimTemplate": {"spec": spec}}


def _resources(cpu: str, memory: str) -> dict[str, Any]:
    return {"requests": {"cpu": cpu, "memory": memory}, "limits": {"memory": memory}}
