"""Which stacks a stage consists of, and what they hand to each other."""

from dataclasses import dataclass

import aws_cdk as cdk

from cdk.stacks.addons import AddonsStack
from cdk.stacks.cache import CacheStack
from cdk.stacks.cluster import ClusterStack
from cdk.stacks.database import DatabaseStack
from cdk.stacks.edge import CloudFrontEdgeStack, LoadBalancerEdgeStack
from cdk.stacks.identity import IdentityStack
from cdk.stacks.network import NetworkStack
from cdk.stacks.observability import ObservabilityStack
from cdk.stacks.registry import RegistryStack
from cdk.stacks.security import SecurityStack
from cdk.stacks.serverless import ServerlessStack
from cdk.stacks.workloads import WorkloadsStack
from cdk.stage import Stage


@dataclass(frozen=True)
class Foundation:
    """What both kinds of compute stand on."""

    security: SecurityStack
    network: NetworkStack
    database: DatabaseStack
    cache: CacheStack


def wire(app: cdk.App, stage: Stage, *, bundle: str | None) -> None:
    """Add every stack of the stage to the app; a serverless one needs the path of the Lambda bundle."""
    security = SecurityStack(app, stage)
    network = NetworkStack(app, stage, logs_key=security.logs_key, data_key=security.data_key)
    base = Foundation(
        security=security,
        network=network,
        database=DatabaseStack(app, stage, network=network, security=security),
        cache=CacheStack(app, stage, network=network, security=security),
    )
    serverless = None
    if bundle is None:
        _wire_cluster(app, stage, base)
    else:
        serverless = _wire_serverless(app, stage, base, bundle)
    ObservabilityStack(app, stage, logs_key=security.logs_key, database=base.database, serverless=serverless)


def _wire_serverless(app: cdk.App, stage: Stage, base: Foundation, bundle: str) -> ServerlessStack:
    serverless = ServerlessStack(
        app,
        stage,
        bundle=bundle,
        network=base.network,
        security=base.security,
        database=base.database,
        cache=base.cache,
    )
    if stage.edge.enabled:
        serverless.add_stack_dependency(CloudFrontEdgeStack(app, stage))
    return serverless


def _wire_cluster(app: cdk.App, stage: Stage, base: Foundation) -> None:
    RegistryStack(app, stage, key=base.security.data_key)
    edge = LoadBalancerEdgeStack(app, stage, logs_key=base.security.logs_key)
    cluster = ClusterStack(
        app, stage, network=base.network, security=base.security, database=base.database, cache=base.cache
    )
    identity = IdentityStack(
        app, stage, cluster=cluster, security=base.security, database=base.database, cache=base.cache
    )
    addons = AddonsStack(app, stage, cluster=cluster, network=base.network, security=base.security)
    addons.add_stack_dependency(identity)
    if not stage.protected:
        workloads = WorkloadsStack(app, stage, cluster=cluster, addons=addons)
        workloads.add_stack_dependency(edge)
