"""No field of a stage is decoration: changing any one changes a template, a manifest or a line of the bill.

Building an app takes seconds, so fields that show in different stacks are changed together, each round with at most one
field per stack. Fields that show in many stacks have a round of their own.
"""

import dataclasses
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
from aws_cdk import App

from cdk.application import feature_flags
from cdk.cost.inputs import profile_of
from cdk.stage import Stage
from cdk.stage_parts import Console, Domain, NodeGroup, Range
from cdk.stages import DEVELOPMENT, PRODUCTION
from cdk.wiring import wire
from manifests.synthesis import objects
from tests.cdk.synthesis import bundle

EKS = PRODUCTION
LAMBDA = PRODUCTION.on("serverless")
EVERYWHERE = "everywhere"


@dataclass(frozen=True)
class Mutation:
    """Another value for a field, and where it has to show: a stack's area, the manifests, or the bill."""

    field: str
    value: Any
    where: str
    stage: Stage = EKS


MUTATIONS = [
    Mutation("name", "other", EVERYWHERE),
    Mutation("region", "eu-west-1", EVERYWHERE),
    Mutation("account", "123456789012", EVERYWHERE),
    Mutation("tags", (("data", "other"),), EVERYWHERE),
    Mutation("protected", False, EVERYWHERE),
    Mutation("domain", Domain(name="other.example.com", hosted_zone_id="Z1"), EVERYWHERE),
    Mutation("compute", "serverless", EVERYWHERE),
    Mutation("console", Console(client_id="console"), "manifests"),
    Mutation("console", Console(client_id="console"), "serverless", LAMBDA),
    Mutation("domain.name", "other.example.com", "edge"),
    Mutation("domain.hosted_zone_id", "Z1", "edge"),
    Mutation("network.cidr", "10.99.0.0/16", EVERYWHERE),
    Mutation("network.zones", ("a", "b", "d"), EVERYWHERE),
    Mutation("network.nat_gateways", 2, "network"),
    Mutation("network.nat", "gateway", "network", DEVELOPMENT),
    Mutation("network.interface_endpoints", ("kms",), "network"),
    Mutation("database.instance", "m7g.xlarge", "database"),
    Mutation("database.storage_gib", 200, "database"),
    Mutation("database.max_storage_gib", 2000, "database"),
    Mutation("database.multi_az", False, "database", replace(EKS, database=replace(EKS.database, replica=False))),
    Mutation("database.replica", False, "database"),
    Mutation("database.proxy", True, "database"),
    Mutation("database.backup_days", 21, "database"),
    Mutation("database.insights", False, "database"),
    Mutation("database.reserved_connections", 40, "budget of connections"),
    Mutation("cache.node", "m7g.large", "cache"),
    Mutation("cache.replicas", 2, "cache"),
    Mutation("cluster.version", "1.36", "cluster"),
    Mutation("cluster.nodes", (NodeGroup(name="base", instances=("m7g.large",), size=Range(3, 4)),), "cluster"),
    Mutation("cluster.private_endpoint", False, "cluster"),
    Mutation("cluster.irsa", True, "identity"),
    Mutation("cluster.monitoring", False, "addons"),
    Mutation("cluster.admin_roles", ("operations",), "cluster"),
    Mutation("serverless.memory_mib", 2048, "serverless", LAMBDA),
    Mutation("serverless.concurrency", 100, "serverless", LAMBDA),
    Mutation("serverless.worker_concurrency", 5, "serverless", LAMBDA),
    Mutation("serverless.snap_start", False, "serverless", LAMBDA),
    Mutation("serverless.canary_percent", 20, "serverless", LAMBDA),
    Mutation("serverless.metric_series", 1, "bill"),
    *(Mutation(f"workloads.{name}", replace(size, memory_mib=999), "manifests") for name, size in EKS.workloads),
    Mutation("edge.enabled", False, "edge"),
    Mutation("edge.requests_per_five_minutes", 5_000, "edge"),
    Mutation("security.cloud_trail", False, "security"),
    Mutation("security.guard_duty", False, "security"),
    Mutation("observability.log_days", 90, "network"),
    Mutation("observability.trace_percent", 50, "manifests"),
    Mutation("observability.alarm_email", "operations@example.com", "observability"),
    Mutation("observability.latency_ms", 300, "observability", LAMBDA),
    Mutation("observability.availability_percent", Decimal("99.9"), "observability", LAMBDA),
    Mutation("delivery.repository", "other/repository", "registry"),
    Mutation("delivery.create_provider", False, "registry"),
    Mutation("delivery.promotes_to", ("123456789012",), "registry"),
    Mutation("budget.floor", 600, "bill"),
    Mutation("budget.ceiling", 3000, "observability"),
    *(Mutation(f"usage.{field}", 1, "bill") for field in ("payments", "log_gb", "egress_gb")),
]

WORKLOAD: dict[str, Any] = {
    "replicas": Range(4, 40),
    "cpu_millis": 999,
    "memory_mib": 999,
    "processes": 2,
    "connections": 9,
    "cpu_target_percent": 50,
    "in_flight_target": 16,
    "surge": 2,
}
NODE_GROUP: dict[str, Any] = {
    "name": "other",
    "instances": ("m7g.xlarge",),
    "size": Range(4, 6),
    "spot": True,
    "disk_gib": 80,
}


def mutated(stage: Stage, field: str, value: Any) -> Stage:
    part, _, name = field.partition(".")
    return replace(stage, **{part: replace(getattr(stage, part), **{name: value}) if name else value})


def fields() -> Iterator[str]:
    """Yield every field of a stage: those of its parts as `part.field`, and optional parts as a whole too."""
    for field in dataclasses.fields(Stage):
        part = getattr(PRODUCTION, field.name)
        if not dataclasses.is_dataclass(part) or field.name == "domain":
            yield field.name
        if dataclasses.is_dataclass(part):
            yield from (f"{field.name}.{inner.name}" for inner in dataclasses.fields(part))


def test_no_field_is_forgotten():
    assert {mutation.field for mutation in MUTATIONS} == set(fields())
    assert set(WORKLOAD) == {field.name for field in dataclasses.fields(type(PRODUCTION.workloads.payments))}
    assert set(NODE_GROUP) == {field.name for field in dataclasses.fields(NodeGroup)}


@pytest.fixture(scope="module")
def templates(tmp_path_factory):
    """Return a function that builds and validates a stage's templates; the same stage is built once."""
    folder = tmp_path_factory.mktemp("mutations")
    known: dict[Stage, dict[str, str]] = {}

    def build(stage: Stage) -> dict[str, str]:
        if stage not in known:
            output = Path(mkdtemp(dir=folder))
            app = App(outdir=str(output / "out"), context=feature_flags(), analytics_reporting=False)
            wire(app, stage, bundle=str(bundle(output)) if stage.compute == "serverless" else None)
            app.synth()
            start = f"{stage.prefix}-"
            known[stage] = {
                path.name.removeprefix(start).removesuffix(".template.json"): path.read_text()
                for path in Path(app.outdir).glob("*.template.json")
            }
        return known[stage]

    return build


def rounds() -> list[list[Mutation]]:
    """Put mutations together that show in different stacks of the same stage."""
    found: list[list[Mutation]] = []
    for mutation in MUTATIONS:
        if mutation.where in ("manifests", "bill", "budget of connections"):
            continue
        if mutation.where == EVERYWHERE:
            found.append([mutation])
            continue
        for others in found:
            first = others[0]
            if first.where == EVERYWHERE or first.stage is not mutation.stage:
                continue
            parts = {other.field.split(".")[0] for other in others} | {other.where for other in others}
            if not {mutation.where, mutation.field.split(".")[0]} & parts:
                others.append(mutation)
                break
        else:
            found.append([mutation])
    return found


@pytest.mark.parametrize("together", rounds(), ids=lambda together: "+".join(m.field for m in together))
def test_every_field_shows_in_a_template(templates, together):
    base = templates(together[0].stage)
    stage = together[0].stage
    for mutation in together:
        stage = mutated(stage, mutation.field, mutation.value)
    changed = templates(stage)
    for mutation in together:
        if mutation.where == EVERYWHERE:
            assert changed != base, mutation.field
        else:
            assert changed.get(mutation.where) != base.get(mutation.where), mutation.field


def manifests_of(stage: Stage) -> str:
    return json.dumps(objects(stage), sort_keys=True)


@pytest.mark.parametrize("mutation", [m for m in MUTATIONS if m.where == "manifests"], ids=lambda m: m.field)
def test_every_field_of_pods_shows_in_a_manifest(mutation):
    assert manifests_of(mutated(EKS, mutation.field, mutation.value)) != manifests_of(EKS)


@pytest.mark.parametrize("field", WORKLOAD)
def test_every_field_of_a_workload_shows(field):
    # With room for more connections, or the larger ones would rightly be refused.
    roomy = mutated(EKS, "database.instance", "m7g.xlarge")
    changed = mutated(roomy, "workloads.payments", replace(EKS.workloads.payments, **{field: WORKLOAD[field]}))
    assert manifests_of(changed) != manifests_of(roomy) or changed.connections != roomy.connections


def test_every_field_of_a_node_group_shows(templates):
    """All at once, each looked for by its own value."""
    base = replace(PRODUCTION.cluster.nodes[0], name="base")
    other = replace(base, **NODE_GROUP)
    cluster = templates(mutated(EKS, "cluster.nodes", (base, other)))["cluster"]
    groups = {
        resource["Properties"]["NodegroupName"]: resource["Properties"]
        for resource in json.loads(cluster)["Resources"].values()
        if resource["Type"] == "AWS::EKS::Nodegroup"
    }
    assert groups["other"]["InstanceTypes"] == ["m7g.xlarge"]
    assert groups["other"]["CapacityType"] == "SPOT"
    assert groups["other"]["ScalingConfig"] == {"DesiredSize": 4, "MaxSize": 6, "MinSize": 4}
    assert groups["other"]["Taints"] == [{"Effect": "NO_SCHEDULE", "Key": "payments/capacity", "Value": "spot"}]
    assert '"VolumeSize": 80' in cluster


def test_the_reserve_counts_in_the_budget_of_connections():
    changed = mutated(EKS, "database.reserved_connections", 40)
    assert sum(changed.connections.values()) == sum(EKS.connections.values()) + 15


@pytest.mark.parametrize("mutation", [m for m in MUTATIONS if m.where == "bill"], ids=lambda m: m.field)
def test_every_field_of_a_month_reaches_the_bill(mutation):
    """What the bill makes of each: tests/cdk/test_cost.py."""
    changed = profile_of(mutated(mutation.stage, mutation.field, mutation.value))
    assert changed != profile_of(mutation.stage)


def test_two_syntheses_of_lambda_are_the_same_bytes(templates, assembly):
    other = assembly(LAMBDA.name, "serverless").folder / "assembly"
    assert templates(LAMBDA) == {
        path.name.removeprefix(f"{LAMBDA.prefix}-").removesuffix(".template.json"): path.read_text()
        for path in other.glob("*.template.json")
    }
