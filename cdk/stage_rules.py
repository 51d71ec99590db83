"""Which stages could not be deployed, and why."""

import re
from collections.abc import Iterator
from ipaddress import IPv4Network
from typing import TYPE_CHECKING

from cdk.stage_parts import LOG_DAYS, MAX_ZONES, Cache, Database, Network

if TYPE_CHECKING:
    from cdk.stage import Stage


def problems(stage: "Stage") -> Iterator[tuple[str, str]]:
    """Yield each as (field, problem)."""
    if not re.fullmatch(r"[a-z][a-z0-9-]{1,18}[a-z0-9]", stage.name):
        yield (
            "name",
            f"{stage.name!r} is not 3 to 20 lowercase letters, digits and dashes (AWS names are built from it)",
        )
    if stage.compute not in ("serverless", "eks"):
        yield "compute", f"{stage.compute!r} is neither serverless nor eks"
    if stage.compute == "eks" and stage.domain is None:
        yield "domain", "EKS needs one: the load balancer's certificate belongs to a domain"
    if stage.compute == "serverless" and stage.edge.enabled and stage.domain is None:
        yield "domain", "CloudFront in front of the HTTP API needs one; without a domain set edge.enabled=False"
    if stage.domain is not None and len(stage.domain.name) > 40:  # noqa: PLR2004  a bucket is named after it
        yield "domain.name", "longer than 40 characters"
    if stage.account is not None and not re.fullmatch(r"\d{12}", stage.account):
        yield "account", f"{stage.account!r} is not 12 digits"
    yield from _network_problems(stage.network)
    yield from _data_problems(stage.database, stage.cache)
    yield from _size_problems(stage)
    if stage.network.nat == "instance" and stage.protected:
        yield "network.nat", "a protected stage takes gateways: a machine is away while it is replaced or mended"
    known = stage.database.instance in stage.database.memory_gib
    if known and sum(stage.connections.values()) >= stage.database.max_connections:
        yield (
            "database.instance",
            (
                f"{stage.database.instance} takes {stage.database.max_connections} connections, and the stage may need "
                f"{sum(stage.connections.values())}: {stage.connections}"
            ),
        )


def _network_problems(network: Network) -> Iterator[tuple[str, str]]:
    try:
        parsed = IPv4Network(network.cidr)
    except ValueError as error:
        yield "network.cidr", str(error)
    else:
        if parsed.prefixlen != 16 or not parsed.is_private:  # noqa: PLR2004
            yield "network.cidr", f"{network.cidr} is not a private /16"
    if len(set(network.zones)) != len(network.zones) or len(network.zones) not in (2, MAX_ZONES):
        yield "network.zones", "two or three different letters: RDS, EKS and load balancers need two zones"
    if not 1 <= network.nat_gateways <= len(network.zones):
        yield "network.nat_gateways", "at least one (webhooks and acquirers are outside), at most one per zone"
    if network.nat not in ("gateway", "instance"):
        yield "network.nat", f"{network.nat!r} is neither gateway nor instance"
    if network.nat == "instance" and network.nat_gateways > 1:
        yield "network.nat_gateways", "one instance: a stage that wants a spare takes gateways"


def _data_problems(database: Database, cache: Cache) -> Iterator[tuple[str, str]]:
    if database.instance not in database.memory_gib:
        yield "database.instance", f"{database.instance!r} is not one of {', '.join(database.memory_gib)}"
    if database.replica and not database.multi_az:
        yield "database.replica", "a stage that can live with a single-AZ database does not need a read replica"
    if database.insights and database.instance.startswith("t4g.micro"):
        yield "database.insights", "takes memory that t4g.micro does not have"
    if database.max_storage_gib < database.storage_gib * 11 // 10:
        yield "database.max_storage_gib", "at least 10 % above storage_gib, or RDS refuses to autoscale"
    if not 1 <= database.backup_days <= 35:  # noqa: PLR2004  RDS' own limit
        yield "database.backup_days", "1 to 35"
    if not 0 <= cache.replicas <= 5:  # noqa: PLR2004  ElastiCache's own limit
        yield "cache.replicas", "0 to 5"


def _size_problems(stage: "Stage") -> Iterator[tuple[str, str]]:
    ranges = {f"workloads.{name}.replicas": workload.replicas for name, workload in stage.workloads}
    ranges |= {f"cluster.nodes.{group.name}.size": group.size for group in stage.cluster.nodes}
    for field, size in ranges.items():
        if not 0 <= size.min <= size.max or size.max == 0:
            yield field, f"from {size.min} to {size.max}"
    if not any(not group.spot and group.size.min for group in stage.cluster.nodes) and stage.protected:
        yield "cluster.nodes", "a protected stage needs nodes on demand: spot nodes may all be taken away at once"
    if not 0 < stage.budget.floor < stage.budget.ceiling:
        yield "budget", f"from {stage.budget.floor} to {stage.budget.ceiling}"
    if not 0 <= stage.observability.trace_percent <= 100:  # noqa: PLR2004
        yield "observability.trace_percent", "0 to 100"
    if not 0 < stage.observability.availability_percent < 100:  # noqa: PLR2004
        yield "observability.availability_percent", "above 0 and below 100: no error budget is no objective"
    if stage.observability.log_days not in LOG_DAYS:
        yield "observability.log_days", f"one of {', '.join(map(str, LOG_DAYS))}"
    if not all(re.fullmatch(r"\d{12}", account) for account in stage.delivery.promotes_to):
        yield "delivery.promotes_to", "account ids of 12 digits"
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", stage.delivery.repository):
        yield "delivery.repository", f"{stage.delivery.repository!r} is not owner/name"
