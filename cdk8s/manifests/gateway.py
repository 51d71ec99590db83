"""The gateway: the only pods that a load balancer reaches."""

import json

from cdk8s import Chart
from constructs import Construct

from cdk.stage import Stage
from manifests import secrets, telemetry
from manifests.images import Images
from manifests.workload import SECRETS_FOLDER, Part, add, serve


class Gateway(Chart):
    """Authenticates, limits, passes on."""

    def __init__(self, scope: Construct, name: str, stage: Stage, images: Images) -> None:
        """Add it."""
        super().__init__(scope, name, namespace=stage.namespace, disable_resource_name_hashes=True)
        part = Part(
            name="gateway",
            image=images.reference("gateway"),
            args=serve("gateway.main:app_factory", stage.ports["gateway"]),
            size=stage.workloads.gateway,
            settings=settings(stage),
            secrets=(secrets.GATEWAY_CACHE, secrets.SIGNING),
            # Not /health/ready, which asks payments: with payments away, the gateway still answers with a problem that
            # says that nothing happened. Taking every gateway out as well would leave a bare 503 of the load balancer.
            ready_path="/health/live",
            in_flight_metric="gateway_http_requests_in_flight",
        )
        add(self, stage, part)


def settings(stage: Stage) -> dict[str, str]:
    """Return what the gateway is told."""
    balancers = [str(network) for network in stage.network.subnets("public")]
    return {
        "GATEWAY_ENVIRONMENT": stage.environment,
        "GATEWAY_SECRETS_DIR": SECRETS_FOLDER,
        "GATEWAY_PAYMENTS_URL": f"http://payments:{stage.ports['payments']}",
        "GATEWAY_IDENTITY_KEY_FILE": f"{SECRETS_FOLDER}/identity.pem",
        "GATEWAY_PEOPLE_JWKS_FILE": f"{SECRETS_FOLDER}/people.jwks.json",
        "GATEWAY_TRUSTED_PROXIES": json.dumps(balancers),
        "AWS_REGION": stage.region,
        **(stage.console.settings if stage.console is not None else {}),
        **telemetry.settings(stage, "GATEWAY"),
    }
