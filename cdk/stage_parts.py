"""What a stage is made of. Only the standard library is imported: see stage.py."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from ipaddress import IPv4Address, IPv4Network
from typing import ClassVar, Literal, NamedTuple

Compute = Literal["serverless", "eks"]
SubnetKind = Literal["private", "public", "isolated"]

# Addresses per subnet: pods take one each, so the private ones are large. The order is the order in the network.
PREFIXES: dict[SubnetKind, int] = {"private": 19, "public": 24, "isolated": 24}
MAX_ZONES = 3
"""Every layout has room for three zones, so that adding one later renumbers nothing."""

LOG_DAYS = (1, 7, 14, 30, 90, 180, 365)
"""How long logs can be kept: of what CloudWatch offers, what a stage may want."""


class StageError(ValueError):
    """A stage that cannot be deployed; the message begins with the field."""


class Range(NamedTuple):
    """How few and how many."""

    min: int
    max: int


@dataclass(frozen=True, kw_only=True)
class Domain:
    """A public DNS name, and the Route 53 zone that it is in."""

    name: str
    hosted_zone_id: str


@dataclass(frozen=True, kw_only=True)
class Network:
    """The VPC: subnets in each zone, and the ways out."""

    cidr: str
    zones: tuple[str, ...]
    nat_gateways: int
    nat: Literal["gateway", "instance"] = "gateway"
    """Who does it: a gateway of AWS, or a small machine of ours, for a tenth of the price and without a spare."""
    interface_endpoints: tuple[str, ...] = ()

    def subnets(self, kind: SubnetKind) -> tuple[IPv4Network, ...]:
        """Return the address range of this kind's subnet in each zone."""
        address = int(IPv4Network(self.cidr).network_address)
        for other, prefix in PREFIXES.items():
            size = 2 ** (32 - prefix)
            if other == kind:
                return tuple(IPv4Network((address + i * size, prefix)) for i in range(len(self.zones)))
            address += MAX_ZONES * size
        raise AssertionError(kind)

    @property
    def resolver(self) -> IPv4Address:
        """The VPC's own DNS server."""
        return IPv4Network(self.cidr).network_address + 2


@dataclass(frozen=True, kw_only=True)
class Database:
    """RDS for PostgreSQL."""

    instance: str
    storage_gib: int
    max_storage_gib: int
    multi_az: bool = False
    replica: bool = False
    proxy: bool = False
    backup_days: int
    insights: bool = False
    reserved_connections: int = 25
    """For operators, rotation, monitoring and the instance's own processes."""

    memory_gib: ClassVar[dict[str, int]] = {
        family + size: gib
        for family, sizes in {
            "t4g.": {"micro": 1, "small": 2, "medium": 4, "large": 8},
            "m7g.": {"large": 8, "xlarge": 16, "2xlarge": 32, "4xlarge": 64},
            "r7g.": {"large": 16, "xlarge": 32, "2xlarge": 64, "4xlarge": 128},
        }.items()
        for size, gib in sizes.items()
    }

    @property
    def max_connections(self) -> int:
        """What the parameter group sets: RDS' own rule, for the three quarters of memory that it surely has."""
        return min(self.memory_gib[self.instance] * 2**30 * 3 // 4 // 9_531_392, 5000)


@dataclass(frozen=True, kw_only=True)
class Cache:
    """ElastiCache for Valkey; with a replica it fails over to another zone."""

    node: str
    replicas: int = 0


@dataclass(frozen=True, kw_only=True)
class NodeGroup:
    """A managed group of EKS nodes; spot nodes carry a taint that only our workloads tolerate."""

    name: str
    instances: tuple[str, ...]
    size: Range
    spot: bool = False
    disk_gib: int = 30


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """EKS."""

    version: str
    nodes: tuple[NodeGroup, ...]
    private_endpoint: bool = False
    irsa: bool = False
    monitoring: bool = False
    """Prometheus, Grafana and Loki in the cluster; without them logs go to CloudWatch, and metrics stay at the pods."""
    admin_roles: tuple[str, ...] = ()
    """Names of IAM roles of this account whose holders administer the cluster."""

    @property
    def mixed(self) -> bool:
        """Whether spot nodes stand beside others, so that they can be tainted."""
        return any(not group.spot for group in self.nodes)


@dataclass(frozen=True, kw_only=True)
class Serverless:
    """Lambda behind an HTTP API; each execution environment holds one database connection."""

    memory_mib: int
    concurrency: int
    worker_concurrency: int
    snap_start: bool = False
    canary_percent: int = 10
    """How much traffic a new version takes for five minutes before it takes everything; 0 shifts at once."""
    metric_series: int = 200
    """The most series of the services' own that CloudWatch may be sent: each is paid for, and the bill refuses more."""


@dataclass(frozen=True, kw_only=True)
class Workload:
    """One kind of pod."""

    replicas: Range
    cpu_millis: int
    memory_mib: int
    processes: int = 1
    connections: int = 0
    """Database connections of one process: its pools together."""
    cpu_target_percent: int = 65
    in_flight_target: int | None = None
    """Requests in flight per pod that the autoscaler aims at."""
    surge: int = 1
    """Pods above the number wanted while a new version rolls out."""

    @property
    def max_connections(self) -> int:
        """Database connections of all pods, in the middle of a rollout at full scale."""
        return (self.replicas.max + self.surge) * self.processes * self.connections


@dataclass(frozen=True, kw_only=True)
class Workloads:
    """The pods of the platform."""

    gateway: Workload
    payments: Workload
    worker: Workload

    def __iter__(self) -> Iterator[tuple[str, Workload]]:
        """Yield each with its name."""
        yield from (("gateway", self.gateway), ("payments", self.payments), ("worker", self.worker))


@dataclass(frozen=True, kw_only=True)
class Edge:
    """What stands in front: web application firewall and, for serverless, CloudFront with the stage's domain."""

    enabled: bool
    requests_per_five_minutes: int = 10_000
    """Per client address; more are blocked."""


@dataclass(frozen=True, kw_only=True)
class Security:
    """Account-wide detectors; off where the account's landing zone has them already."""

    cloud_trail: bool = False
    guard_duty: bool = False


@dataclass(frozen=True, kw_only=True)
class Observability:
    """Logs, traces, objectives and who hears about them."""

    log_days: int
    trace_percent: int
    alarm_email: str | None = None
    latency_ms: int = 200
    availability_percent: Decimal = Decimal("99.99")


@dataclass(frozen=True, kw_only=True)
class Console:
    """The operator console, as the company's single sign-on knows it: a public client with PKCE."""

    client_id: str
    scope: str = "openid"

    @property
    def settings(self) -> dict[str, str]:
        """What the gateway is told, in pods as on Lambda."""
        return {"GATEWAY_CONSOLE_CLIENT_ID": self.client_id, "GATEWAY_CONSOLE_SCOPE": self.scope}


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """Who pushes images and deploys: GitHub Actions of one repository, without stored keys."""

    repository: str
    """`owner/name`."""
    create_provider: bool = True
    """Off where the account has GitHub's identity provider already; there can be only one."""
    promotes_to: tuple[str, ...] = ()
    """Accounts that may pull this stage's images, because their stages come after it."""


@dataclass(frozen=True, kw_only=True)
class Budget:
    """The band of the monthly bill, in USD; the alarm rings at the ceiling."""

    floor: int
    ceiling: int


@dataclass(frozen=True, kw_only=True)
class Usage:
    """An expected month, for the cost estimate."""

    payments: int
    log_gb: int
    egress_gb: int
