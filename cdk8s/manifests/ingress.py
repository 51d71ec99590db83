"""The way in: one application load balancer in front of the gateway."""

import json
from collections.abc import Mapping

from cdk8s import Chart
from cdk8s_plus_34 import k8s
from constructs import Construct

from cdk.stage import Stage
from manifests.images import Images
from manifests.workload import DRAIN_SECONDS, labels

# Below the 75 s for which our server keeps idle connections open: the side that sends requests closes first.
IDLE_SECONDS = 60
# The load balancer sends nothing new to a pod that leaves, and gives up on what is in flight as the pod's drain ends.
DEREGISTRATION_SECONDS = DRAIN_SECONDS
_TLS_POLICY = "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"


class Ingress(Chart):
    """The load balancer of a stage."""

    def __init__(self, scope: Construct, name: str, stage: Stage, images: Images) -> None:
        """Add it."""
        del images
        super().__init__(scope, name, namespace=stage.namespace, disable_resource_name_hashes=True)
        backend = k8s.IngressBackend(
            service=k8s.IngressServiceBackend(name="gateway", port=k8s.ServiceBackendPort(name="http"))
        )
        path = k8s.HttpIngressPath(path="/", path_type="Prefix", backend=backend)
        k8s.KubeIngress(
            self,
            "ingress",
            metadata=k8s.ObjectMeta(
                name="api",
                labels=labels("gateway"),
                annotations={f"alb.ingress.kubernetes.io/{key}": value for key, value in _annotations(stage).items()},
            ),
            spec=k8s.IngressSpec(
                ingress_class_name="alb",
                # The controller finds the certificate by this host.
                tls=[k8s.IngressTls(hosts=[stage.host])],
                rules=[
                    k8s.IngressRule(host=stage.host, http=k8s.HttpIngressRuleValue(paths=[path])),
                ],
            ),
        )


def _annotations(stage: Stage) -> dict[str, str]:
    balancer = {
        "idle_timeout.timeout_seconds": IDLE_SECONDS,
        "routing.http.drop_invalid_header_fields.enabled": "true",
        "routing.http.desync_mitigation_mode": "strictest",
        "access_logs.s3.enabled": "true",
        "access_logs.s3.bucket": stage.access_log_bucket,
        "access_logs.s3.prefix": "alb",
        "deletion_protection.enabled": str(stage.protected).lower(),
    }
    group = {
        "deregistration_delay.timeout_seconds": DEREGISTRATION_SECONDS,
        "load_balancing.algorithm.type": "least_outstanding_requests",
    }
    found = {
        "load-balancer-name": stage.prefix,
        "scheme": "internet-facing",
        "target-type": "ip",
        "listen-ports": json.dumps([{"HTTP": 80}, {"HTTPS": 443}]),
        "ssl-redirect": "443",
        "ssl-policy": _TLS_POLICY,
        "healthcheck-path": "/health/live",
        "healthcheck-interval-seconds": "5",
        "healthcheck-timeout-seconds": "3",
        "healthy-threshold-count": "2",
        "unhealthy-threshold-count": "2",
        "load-balancer-attributes": _pairs(balancer),
        "target-group-attributes": _pairs(group),
        "tags": _pairs(dict(stage.tags) | {"stage": stage.name}),
    }
    if stage.edge.enabled:
        found["wafv2-acl-name"] = stage.web_acl
    return found


def _pairs(values: Mapping[str, object]) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted(values.items()))
