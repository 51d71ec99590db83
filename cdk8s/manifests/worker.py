"""The worker: what happens without a request. Any number of replicas, no leader."""

import json

from cdk8s import Chart
from constructs import Construct

from cdk.stage import Stage
from manifests import payments
from manifests.images import Images
from manifests.workload import BACKGROUND_PRIORITY, Part, add


class Worker(Chart):
    """Delivers, recovers, settles."""

    def __init__(self, scope: Construct, name: str, stage: Stage, images: Images) -> None:
        """Add it."""
        super().__init__(scope, name, namespace=stage.namespace, disable_resource_name_hashes=True)
        part = Part(
            name="worker",
            image=images.reference("payments"),
            args=("payments", "worker"),
            size=stage.workloads.worker,
            # The certificate that clients see; those of acquirers are added where one is connected.
            settings=payments.settings(stage) | {"PAYMENTS_CERTIFICATE_HOSTS": json.dumps([stage.host])},
            secrets=payments.SECRETS,
            priority=BACKGROUND_PRIORITY,
            init=payments.WAIT_FOR_SCHEMA,
        )
        add(self, stage, part)
