"""What Prometheus and Grafana of the cluster look at: where to scrape, when to alert, what to show.

Only for stages that have them. The data is `manifests.observability`'s; this makes objects of it.
"""

from typing import Any

from cdk8s import ApiObject, ApiObjectMetadata, Chart, JsonPatch
from cdk8s_plus_34 import k8s
from constructs import Construct

from cdk.stage import Stage
from manifests.images import Images
from manifests.namespaces import MONITORING
from manifests.observability.dashboards import dashboards
from manifests.observability.rules import rules
from manifests.workload import PART_OF, labels

_API = "monitoring.coreos.com/v1"
_SECONDS = 15


class Monitoring(Chart):
    """Scrapes, rules and dashboards of a stage."""

    def __init__(self, scope: Construct, name: str, stage: Stage, images: Images) -> None:
        """Add them, where the stage has who reads them."""
        del images
        super().__init__(scope, name, namespace=MONITORING, disable_resource_name_hashes=True)
        if not stage.cluster.monitoring:
            return
        for workload, _ in stage.workloads:
            self._scrape(workload, stage.namespace)
        for group in rules()["groups"]:
            self._object("PrometheusRule", group["name"].replace(":", "-").replace("_", "-"), {"groups": [group]})
        for title, text in dashboards().items():
            k8s.KubeConfigMap(
                self,
                f"dashboard-{title}",
                # Grafana's sidecar looks for this label.
                metadata=k8s.ObjectMeta(name=f"dashboard-{title}", labels={"grafana_dashboard": "1"}),
                data={f"{title}.json": text},
            )

    def _scrape(self, workload: str, namespace: str) -> None:
        """Scrape every pod of a workload by itself: a service would hide which one is ill, and the worker has none."""
        spec = {
            "namespaceSelector": {"matchNames": [namespace]},
            "selector": {"matchLabels": labels(workload)},
            "jobLabel": "app.kubernetes.io/name",
            "podMetricsEndpoints": [{"port": "metrics", "path": "/metrics", "interval": f"{_SECONDS}s"}],
        }
        self._object("PodMonitor", workload, spec)

    def _object(self, kind: str, name: str, spec: dict[str, Any]) -> None:
        metadata = ApiObjectMetadata(name=name, labels={"app.kubernetes.io/part-of": PART_OF})
        made = ApiObject(self, f"{kind}-{name}".lower(), api_version=_API, kind=kind, metadata=metadata)
        made.add_json_patch(JsonPatch.add("/spec", spec))
