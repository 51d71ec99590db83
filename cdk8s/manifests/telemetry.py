"""What a pod is told about its metrics, logs and traces."""

from decimal import Decimal

from cdk.stage import Stage
from manifests.namespaces import MONITORING
from manifests.policies import OTLP_PORT

# The service of the OpenTelemetry collector, an add-on.
COLLECTOR = f"http://opentelemetry-collector.{MONITORING}:{OTLP_PORT}"


def settings(stage: Stage, prefix: str) -> dict[str, str]:
    """Return the variables of one service; the gateway also decides which requests are traced, for everybody."""
    found = {
        f"{prefix}_LOG_FORMAT": "json",
        f"{prefix}_METRICS_HOST": "0.0.0.0",  # noqa: S104  the network policy lets in Prometheus only
        f"{prefix}_METRICS_PORT": str(stage.ports["metrics"]),
        f"{prefix}_OTLP_ENDPOINT": COLLECTOR,
    }
    if prefix == "GATEWAY":
        found["GATEWAY_TRACE_RATIO"] = str(Decimal(stage.observability.trace_percent) / 100)
    return found
