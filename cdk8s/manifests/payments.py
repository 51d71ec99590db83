"""The payments service."""

from cdk8s import Chart
from constructs import Construct

from cdk.stage import Stage
from manifests import secrets, telemetry
from manifests.images import Images
from manifests.workload import SECRETS_FOLDER, Part, add, serve

SECRETS = (secrets.DATABASE, secrets.CACHE, secrets.VERIFYING, secrets.KEYRING)
WAIT_FOR_SCHEMA = ("payments", "migrate", "--wait")


class Payments(Chart):
    """Decides, authorizes, commits."""

    def __init__(self, scope: Construct, name: str, stage: Stage, images: Images) -> None:
        """Add it."""
        super().__init__(scope, name, namespace=stage.namespace, disable_resource_name_hashes=True)
        part = Part(
            name="payments",
            image=images.reference("payments"),
            args=serve("payments.main:app_factory", stage.ports["payments"]),
            size=stage.workloads.payments,
            settings=settings(stage),
            secrets=SECRETS,
            ready_path="/health/ready",
            init=WAIT_FOR_SCHEMA,
            in_flight_metric="payments_http_requests_in_flight",
        )
        add(self, stage, part)


def settings(stage: Stage) -> dict[str, str]:
    """Return what payments and its worker are told; passwords and endpoints are files in the secrets' folder."""
    return {
        "PAYMENTS_ENVIRONMENT": stage.environment,
        "PAYMENTS_SECRETS_DIR": SECRETS_FOLDER,
        "PAYMENTS_DATABASE_CREDENTIALS_FILE": f"{SECRETS_FOLDER}/database-credentials.json",
        "PAYMENTS_IDENTITY_JWKS_FILE": f"{SECRETS_FOLDER}/identity.jwks.json",
        "PAYMENTS_KEYRING_FILE": f"{SECRETS_FOLDER}/keyring.json",
        "PAYMENTS_VAULT_KMS_KEY_ID": stage.vault_key,
        "AWS_REGION": stage.region,
        **telemetry.settings(stage, "PAYMENTS"),
    }
