"""Which stacks a stage consists of, and what they hand to each other."""

import aws_cdk as cdk

from cdk.stacks.cache import CacheStack
from cdk.stacks.database import DatabaseStack
from cdk.stacks.edge import CloudFrontEdgeStack, LoadBalancerEdgeStack
from cdk.stacks.network import NetworkStack
from cdk.stacks.observability import ObservabilityStack
from cdk.stacks.registry import RegistryStack
from cdk.stacks.security import SecurityStack
from cdk.stacks.serverless import ServerlessStack
from cdk.stage import Stage


def wire(app: cdk.App, stage: Stage, *, bundle: str | None) -> None:
    """Add every stack of the stage to the app; a serverless one needs the path of the Lambda bundle."""
    security = SecurityStack(app, stage)
    network = NetworkStack(app, stage, logs_key=security.logs_key)
    database = DatabaseStack(app, stage, network=network, security=security)
    cache = CacheStack(app, stage, network=network, security=security)
    serverless = None
    if bundle is not None:
        serverless = ServerlessStack(
            app, stage, bundle=bundle, network=network, security=security, database=database, cache=cache
        )
        if stage.edge.enabled:
            serverless.add_dependency(CloudFrontEdgeStack(app, stage))
    else:
        RegistryStack(app, stage, key=security.data_key)
        LoadBalancerEdgeStack(app, stage, logs_key=security.logs_key)
    ObservabilityStack(app, stage, logs_key=security.logs_key, database=database, serverless=serverless)
