"""Stages are plain data that refuses what could not be deployed."""

from dataclasses import FrozenInstanceError, replace
from decimal import Decimal
from ipaddress import IPv4Network

import pytest

from cdk.stage import Stage
from cdk.stage_parts import NodeGroup, Range, StageError
from cdk.stages import DEVELOPMENT, PRODUCTION, STAGES, STAGING, stage_named

EVERY = [stage.on(compute) for stage in STAGES.values() for compute in ("serverless", "eks")]


@pytest.mark.parametrize("stage", EVERY, ids=lambda stage: f"{stage.name}-{stage.compute}")
def test_no_stage_can_run_out_of_database_connections(stage: Stage):
    assert sum(stage.connections.values()) < stage.database.max_connections


def test_the_connection_budget_counts_pods_in_the_middle_of_a_rollout():
    # 50 payments pods and one more, 6 workers and one more, eight connections each; migrations and a reserve.
    assert PRODUCTION.connections == {"gateway": 0, "payments": 408, "worker": 56, "migrations": 5, "reserve": 25}


def with_part(stage: Stage, part: str, **changes: object) -> Stage:
    return replace(stage, **{part: replace(getattr(stage, part), **changes)})


def refused(field: str, change) -> None:
    with pytest.raises(StageError, match=f"(?m)^{field}: "):
        change()


def test_impossible_combinations_are_refused_naming_the_field():
    spot = NodeGroup(name="spot", instances=("t4g.large",), size=Range(2, 4), spot=True)
    workloads = STAGING.workloads
    refused("name", lambda: replace(STAGING, name="Load Test"))
    refused("compute", lambda: replace(STAGING, compute="fargate"))  # type: ignore[arg-type]
    refused("account", lambda: replace(STAGING, account="staging"))
    refused("domain", lambda: replace(STAGING, domain=None))
    refused("domain", lambda: replace(STAGING.on("serverless"), domain=None))
    refused("domain.name", lambda: with_part(STAGING, "domain", name="a" * 41))
    refused("network.cidr", lambda: with_part(STAGING, "network", cidr="10.0.0.0/24"))
    refused("network.cidr", lambda: with_part(STAGING, "network", cidr="8.8.0.0/16"))
    refused("network.cidr", lambda: with_part(STAGING, "network", cidr="10.0.0.1/16"))
    refused("network.zones", lambda: with_part(STAGING, "network", zones=("a",)))
    refused("network.nat_gateways", lambda: with_part(STAGING, "network", nat_gateways=0))
    refused("network.nat_gateways", lambda: with_part(DEVELOPMENT, "network", nat_gateways=2))
    refused("network.nat", lambda: with_part(STAGING, "network", nat="instance"))
    refused("network.nat", lambda: with_part(DEVELOPMENT, "network", nat="none"))
    refused("database.instance", lambda: with_part(STAGING, "database", instance="t4g.nano"))
    refused("database.instance", lambda: with_part(STAGING, "database", instance="t4g.micro"))
    refused("database.replica", lambda: with_part(DEVELOPMENT, "database", replica=True))
    refused("database.insights", lambda: with_part(DEVELOPMENT, "database", insights=True))
    refused("database.max_storage_gib", lambda: with_part(STAGING, "database", max_storage_gib=50))
    refused("database.backup_days", lambda: with_part(STAGING, "database", backup_days=0))
    refused("cache.replicas", lambda: with_part(STAGING, "cache", replicas=6))
    refused("cluster.nodes", lambda: with_part(STAGING, "cluster", nodes=(spot,)))
    refused(
        "cluster.nodes.spot.size", lambda: with_part(DEVELOPMENT, "cluster", nodes=(replace(spot, size=Range(4, 2)),))
    )
    refused(
        "workloads.gateway.replicas",
        lambda: with_part(STAGING, "workloads", gateway=replace(workloads.gateway, replicas=Range(3, 2))),
    )
    refused("delivery.repository", lambda: with_part(STAGING, "delivery", repository="payments"))
    refused("delivery.promotes_to", lambda: with_part(STAGING, "delivery", promotes_to=("production",)))
    refused("observability.log_days", lambda: with_part(STAGING, "observability", log_days=8))
    refused("budget", lambda: with_part(STAGING, "budget", floor=900))
    refused("observability.trace_percent", lambda: with_part(STAGING, "observability", trace_percent=101))
    refused(
        "observability.availability_percent",
        lambda: with_part(STAGING, "observability", availability_percent=Decimal(100)),
    )


def test_all_problems_are_told_at_once():
    with pytest.raises(StageError) as caught:
        replace(STAGING, account="12", network=replace(STAGING.network, zones=("a",), nat_gateways=2))
    assert len(str(caught.value).splitlines()) == 3


def test_a_stage_without_a_domain_has_no_host():
    with pytest.raises(StageError, match="domain"):
        _ = replace(DEVELOPMENT, domain=None).host


def test_a_wrong_name_lists_the_right_ones():
    with pytest.raises(StageError, match="development, staging, production"):
        stage_named("prod")


def test_nothing_can_be_changed():
    with pytest.raises(FrozenInstanceError):
        STAGING.name = "other"  # type: ignore[misc]


@pytest.mark.parametrize("stage", STAGES.values(), ids=lambda stage: stage.name)
def test_subnets_lie_in_the_network_and_apart(stage: Stage):
    ranges = [subnet for kind in ("private", "public", "isolated") for subnet in stage.network.subnets(kind)]
    assert len(ranges) == 3 * len(stage.network.zones)
    assert all(subnet.subnet_of(IPv4Network(stage.network.cidr)) for subnet in ranges)
    assert not any(one.overlaps(other) for i, one in enumerate(ranges) for other in ranges[:i])


def test_a_third_zone_renumbers_nothing():
    wider = replace(STAGING.network, zones=("a", "b", "c"))
    for kind in ("private", "public", "isolated"):
        assert wider.subnets(kind)[:2] == STAGING.network.subnets(kind)


@pytest.mark.parametrize("stage", STAGES.values(), ids=lambda stage: stage.name)
def test_names_fit_what_aws_allows(stage: Stage):
    longest = replace(stage, name="a" * 20)
    assert len(longest.prefix) <= 32  # load balancers
    assert len(longest.role("load-balancer-controller")) <= 64
    assert len(stage.access_log_bucket) <= 63
