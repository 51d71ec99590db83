"""Values that the add-ons' charts know, as far as their published sources could be read on 25 November 2026.

Some sources were of another version than the pinned one; docs/INFRASTRUCTURE.md names what is from memory.
Helm takes a misspelled value without a word. A value that is not listed here has to be looked up in the chart first;
what is below a key ending in `*` is Kubernetes' own, or the program's, and is not the chart's to know.
"""

KEYS: dict[str, set[str]] = {
    # values.yaml of the controller's repository.
    "aws-load-balancer-controller": {
        "clusterName",
        "defaultTags.*",
        "enableServiceMutatorWebhook",
        "region",
        "replicaCount",
        "resources.*",
        "serviceAccount.name",
        "vpcId",
    },
    # README of chart 2.0.0.
    "external-secrets": {
        "certController.resources.*",
        "installCRDs",
        "resources.*",
        "serviceAccount.name",
        "webhook.resources.*",
    },
    # values.yaml and changelog up to 3.13.1.
    "metrics-server": {"replicas", "resources.*"},
    # README of the chart.
    "cluster-autoscaler": {
        "autoDiscovery.clusterName",
        "awsRegion",
        "cloudProvider",
        "containerSecurityContext.*",
        "extraArgs.*",
        "fullnameOverride",
        "rbac.serviceAccount.name",
        "resources.*",
        "securityContext.*",
    },
    # values.yaml and README of the chart; `provider` was a text before it became `provider.name`.
    "external-dns": {
        "domainFilters",
        "env",
        "policy",
        "provider.name",
        "registry",
        "resources.*",
        "serviceAccount.name",
        "sources",
        "txtOwnerId",
    },
    # Excerpts of values.yaml, and values that others deploy it with.
    "kube-prometheus-stack": {
        "alertmanager.alertmanagerSpec.resources.*",
        "alertmanager.alertmanagerSpec.storage.*",
        "alertmanager.config.*",
        "fullnameOverride",
        "grafana.additionalDataSources",
        "grafana.resources.*",
        "grafana.sidecar.dashboards.enabled",
        "grafana.sidecar.dashboards.searchNamespace",
        "grafana.sidecar.resources.*",
        "kube-state-metrics.resources.*",
        "kubeControllerManager.enabled",
        "kubeEtcd.enabled",
        "kubeScheduler.enabled",
        "prometheus-node-exporter.hostNetwork",
        "prometheus-node-exporter.hostPID",
        "prometheus-node-exporter.resources.*",
        "prometheus.prometheusSpec.podMonitorSelectorNilUsesHelmValues",
        "prometheus.prometheusSpec.replicas",
        "prometheus.prometheusSpec.resources.*",
        "prometheus.prometheusSpec.retention",
        "prometheus.prometheusSpec.ruleSelectorNilUsesHelmValues",
        "prometheus.prometheusSpec.serviceMonitorSelectorNilUsesHelmValues",
        "prometheus.prometheusSpec.storageSpec.*",
        "prometheusOperator.admissionWebhooks.patch.resources.*",
        "prometheusOperator.prometheusConfigReloader.resources.*",
        "prometheusOperator.resources.*",
    },
    # values.yaml of the chart.
    "prometheus-adapter": {"prometheus.port", "prometheus.url", "resources.*", "rules.custom", "rules.default"},
    # values.yaml of the chart, with the template that makes Loki's configuration of `loki`.
    "loki": {
        "backend.replicas",
        "chunksCache.enabled",
        "deploymentMode",
        "gateway.enabled",
        "loki.analytics.*",
        "loki.auth_enabled",
        "loki.commonConfig.*",
        "loki.compactor.*",
        "loki.limits_config.*",
        "loki.schemaConfig.*",
        "loki.storage.type",
        "loki.useTestSchema",
        "lokiCanary.enabled",
        "read.replicas",
        "resultsCache.enabled",
        "sidecar.rules.enabled",
        "singleBinary.persistence.size",
        "singleBinary.persistence.storageClass",
        "singleBinary.replicas",
        "singleBinary.resources.*",
        "test.enabled",
        "write.replicas",
    },
    # values.yaml of the chart.
    "opentelemetry-collector": {
        "alternateConfig.*",
        "fullnameOverride",
        "image.repository",
        "mode",
        "podSecurityContext.*",
        "ports.jaeger-compact.enabled",
        "ports.jaeger-grpc.enabled",
        "ports.jaeger-thrift.enabled",
        "ports.otlp.enabled",
        "ports.zipkin.enabled",
        "resources.*",
        "securityContext.*",
        "serviceAccount.name",
    },
    # values.yaml of the chart.
    "fluent-bit": {
        "args",
        "config.extraFiles.*",
        "extraVolumeMounts",
        "extraVolumes",
        "podSecurityContext.*",
        "resources.*",
        "securityContext.*",
        "serviceAccount.name",
        "tolerations",
    },
}
