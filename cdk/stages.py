"""The stages of this platform.

One of your own is a few lines here: `replace(STAGING, name="load", network=replace(STAGING.network, nat_gateways=2))`,
added to STAGES.
"""

from cdk.stage import Stage
from cdk.stage_parts import (
    Budget,
    Cache,
    Cluster,
    Database,
    Delivery,
    Domain,
    Edge,
    Network,
    NodeGroup,
    Observability,
    Range,
    Security,
    Serverless,
    StageError,
    Usage,
    Workload,
    Workloads,
)

_REGION = "eu-central-1"
_REPOSITORY = "example/payment-platform"
_KUBERNETES = "1.35"
# One payments process holds two connections for writes and six for reads and the rest.
_CONNECTIONS = 8


def _workloads(*, gateway: Range, payments: Range, worker: Range) -> Workloads:
    """Pods have one size everywhere, so that what is measured in one stage holds in the next: docs/PERFORMANCE.md."""
    return Workloads(
        gateway=Workload(replicas=gateway, cpu_millis=250, memory_mib=256, in_flight_target=64),
        payments=Workload(
            replicas=payments, cpu_millis=500, memory_mib=384, in_flight_target=32, connections=_CONNECTIONS
        ),
        worker=Workload(replicas=worker, cpu_millis=200, memory_mib=384, connections=_CONNECTIONS),
    )


DEVELOPMENT = Stage(
    name="development",
    compute="serverless",
    region=_REGION,
    # Only EKS uses it here: without the edge, serverless answers at the URL that AWS gives it.
    domain=Domain(name="dev.payments.example.com", hosted_zone_id="Z00000000000000000DEV"),
    network=Network(cidr="10.10.0.0/16", zones=("a", "b"), nat_gateways=1, nat="instance"),
    database=Database(instance="t4g.micro", storage_gib=20, max_storage_gib=50, backup_days=1),
    cache=Cache(node="t4g.micro"),
    cluster=Cluster(
        version=_KUBERNETES,
        nodes=(
            NodeGroup(name="spot", instances=("t4g.medium", "t4g.large", "m7g.medium"), size=Range(2, 4), spot=True),
        ),
    ),
    serverless=Serverless(memory_mib=1024, concurrency=20, worker_concurrency=2, canary_percent=0),
    workloads=_workloads(gateway=Range(1, 2), payments=Range(1, 2), worker=Range(1, 1)),
    edge=Edge(enabled=False),
    security=Security(),
    observability=Observability(log_days=7, trace_percent=100),
    delivery=Delivery(repository=_REPOSITORY),
    budget=Budget(floor=50, ceiling=200),
    usage=Usage(payments=10_000, log_gb=2, egress_gb=2),
    protected=False,
    tags=(("data", "synthetic"),),
)

STAGING = Stage(
    name="staging",
    compute="eks",
    region=_REGION,
    domain=Domain(name="staging.payments.example.com", hosted_zone_id="Z000000000000STAGING"),
    network=Network(cidr="10.20.0.0/16", zones=("a", "b"), nat_gateways=1),
    database=Database(instance="t4g.medium", storage_gib=50, max_storage_gib=200, backup_days=7),
    cache=Cache(node="t4g.small"),
    cluster=Cluster(
        version=_KUBERNETES,
        nodes=(NodeGroup(name="base", instances=("t4g.large",), size=Range(2, 6), disk_gib=50),),
        monitoring=True,
    ),
    serverless=Serverless(memory_mib=1769, concurrency=50, worker_concurrency=5),
    workloads=_workloads(gateway=Range(2, 10), payments=Range(2, 10), worker=Range(1, 2)),
    edge=Edge(enabled=True),
    security=Security(),
    observability=Observability(log_days=30, trace_percent=20),
    delivery=Delivery(repository=_REPOSITORY),
    budget=Budget(floor=200, ceiling=800),
    usage=Usage(payments=1_000_000, log_gb=20, egress_gb=20),
    tags=(("data", "synthetic"),),
)

PRODUCTION = Stage(
    name="production",
    compute="eks",
    region=_REGION,
    domain=Domain(name="payments.example.com", hosted_zone_id="Z000000000PRODUCTION"),
    network=Network(
        cidr="10.30.0.0/16",
        zones=("a", "b", "c"),
        nat_gateways=3,
        interface_endpoints=("secretsmanager", "kms", "sts"),
    ),
    database=Database(
        instance="m7g.large",
        storage_gib=100,
        max_storage_gib=1000,
        multi_az=True,
        replica=True,
        backup_days=14,
        insights=True,
    ),
    cache=Cache(node="t4g.medium", replicas=1),
    cluster=Cluster(
        version=_KUBERNETES,
        nodes=(
            NodeGroup(name="base", instances=("m7g.large",), size=Range(3, 6), disk_gib=50),
            NodeGroup(
                name="spot",
                instances=("m7g.large", "m6g.large", "c7g.xlarge"),
                size=Range(0, 20),
                spot=True,
                disk_gib=50,
            ),
        ),
        private_endpoint=True,
        monitoring=True,
    ),
    serverless=Serverless(memory_mib=1769, concurrency=200, worker_concurrency=10, snap_start=True),
    workloads=_workloads(gateway=Range(3, 50), payments=Range(3, 50), worker=Range(2, 6)),
    edge=Edge(enabled=True),
    security=Security(cloud_trail=True, guard_duty=True),
    observability=Observability(log_days=365, trace_percent=5),
    delivery=Delivery(repository=_REPOSITORY),
    budget=Budget(floor=500, ceiling=2_000),
    usage=Usage(payments=10_000_000, log_gb=100, egress_gb=200),
    tags=(("data", "cardholder"),),
)

STAGES = {stage.name: stage for stage in (DEVELOPMENT, STAGING, PRODUCTION)}


def stage_named(name: str) -> Stage:
    """Return a stage.

    Raises:
        StageError: there is none of that name.
    """
    if name not in STAGES:
        raise StageError(f"stage: there is no {name!r}; choose one of {', '.join(STAGES)}")
    return STAGES[name]
