"""The bill comes from templates and manifests, leaves nothing out, and fits the stage's band."""

import json
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import replace
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from cdk.application_metrics import metric_series
from cdk.cost import __main__ as command
from cdk.cost import load, output, prices
from cdk.cost.bill import Bill, bill, bills, break_even
from cdk.cost.inputs import Inputs, profile_of, templates
from cdk.cost.pods import fleet, values
from cdk.cost.prices import CostError
from cdk.cost.resources import FREE, PAID
from cdk.stages import STAGES, stage_named
from manifests.synthesis import objects
from tests.docs import page

TABLE = prices.read()

Stages = Callable[[str, str], Inputs]


@pytest.fixture(scope="session")
def inputs(assembly) -> Stages:
    manifests: dict[str, list[dict[str, Any]]] = {}

    def get(name: str, compute: str) -> Inputs:
        stage = stage_named(name).on(compute)  # type: ignore[arg-type]
        if name not in manifests:
            manifests[name] = [each for chart in objects(stage).values() for each in chart]
        return Inputs(
            profile=profile_of(stage),
            templates=templates(assembly(name, compute).folder / "assembly", name),
            manifests=manifests[name] if compute == "eks" else [],
        )

    return get


@pytest.fixture
def production(inputs: Stages) -> Inputs:
    return inputs("production", "eks")


def expected(found: Inputs) -> Bill:
    return bill(found, load.expected(found.profile), TABLE)


def cost_of(found: Bill, price: str) -> Decimal:
    return sum((line.usd for line in found.lines if line.item.price == price), Decimal(0))


def changed(found: Inputs, area: str, kind: str, change: Callable[[dict[str, Any]], None]) -> Inputs:
    """Return the same stage with every resource of a type changed."""
    copied = json.loads(json.dumps(found.templates))
    for resource in copied[area]["Resources"].values():
        if resource["Type"] == kind:
            change(resource["Properties"])
    return replace(found, templates=copied)


@pytest.mark.parametrize("name", STAGES)
@pytest.mark.parametrize("compute", ["serverless", "eks"])
def test_a_low_and_an_expected_month_are_within_the_band(inputs: Stages, name: str, compute: str):
    found = inputs(name, compute)
    assert output.outside(found.profile, bills(found, TABLE)) == []


@pytest.mark.parametrize("name", STAGES)
@pytest.mark.parametrize("compute", ["serverless", "eks"])
def test_every_resource_has_a_price_or_a_reason(inputs: Stages, name: str, compute: str):
    found = bills(inputs(name, compute), TABLE)
    assert all(each.usd > 0 for each in found)
    by_load = {each.load: each.usd for each in found}
    assert by_load["low"] < by_load["expected"] < by_load["10,000 payments/s, all month"]


def test_no_type_is_both_free_and_paid_for():
    assert not PAID.keys() & FREE.keys()
    assert all(FREE.values())


def test_a_type_that_nobody_has_thought_of_fails_by_name(production: Inputs):
    copied = {**production.templates, "extra": {"Resources": {"Thing": {"Type": "AWS::MSK::Cluster"}}}}
    with pytest.raises(CostError, match="extra/Thing is of a type without a price: AWS::MSK::Cluster"):
        expected(replace(production, templates=copied))


def test_a_size_without_a_price_fails_by_name(production: Inputs):
    def larger(properties: dict[str, Any]) -> None:
        properties["DBInstanceClass"] = "db.r7g.4xlarge"

    with pytest.raises(CostError, match=r"no price rds\.instance\.r7g\.4xlarge"):
        expected(changed(production, "database", "AWS::RDS::DBInstance", larger))


def test_a_standby_costs_what_the_instance_costs(production: Inputs):
    def alone(properties: dict[str, Any]) -> None:
        properties["MultiAZ"] = False

    hours = load.HOURS * TABLE["rds.instance.m7g.large"].usd
    before = cost_of(expected(production), "rds.instance.m7g.large")
    after = cost_of(expected(changed(production, "database", "AWS::RDS::DBInstance", alone)), "rds.instance.m7g.large")
    # Primary, standby and replica; then primary and replica.
    assert (before, after) == (3 * hours, 2 * hours)


def test_addresses_gateways_and_endpoints_count_per_zone(production: Inputs):
    found = expected(production)
    assert cost_of(found, "nat.hour") == 3 * load.HOURS * TABLE["nat.hour"].usd
    # Three of the NAT gateways, three of the load balancer, which only the manifests know.
    assert cost_of(found, "vpc.ipv4") == 6 * load.HOURS * TABLE["vpc.ipv4"].usd
    assert cost_of(found, "vpc.endpoint") == 3 * 3 * load.HOURS * TABLE["vpc.endpoint"].usd
    without = replace(production, manifests=[each for each in production.manifests if each["kind"] != "Ingress"])
    assert cost_of(expected(without), "alb.hour") == 0


def test_a_machine_that_forwards_costs_its_hours_its_address_and_its_disk(inputs: Stages):
    found = inputs("development", "eks")
    lines = [line for line in expected(found).lines if "NatInstance" in line.item.resource]
    assert {line.item.price: line.item.quantity for line in lines} == {
        "ec2.on_demand.t4g.micro": load.HOURS,
        "vpc.ipv4": load.HOURS,
        "ebs.gp3": 8,
    }
    assert cost_of(expected(found), "nat.hour") == 0


def test_volumes_of_charts_and_disks_of_nodes_are_priced(production: Inputs):
    found = expected(production)
    sizes = sum(line.item.quantity for line in found.lines if line.item.price == "ebs.gp3")
    # Two of Prometheus, Alertmanager, Loki; three nodes.
    assert sizes == 2 * 20 + 2 + 50 + 3 * 50


def test_pods_drive_nodes_and_spot_comes_first(production: Inputs):
    quiet = fleet(production, load.expected(production.profile))
    full = fleet(production, load.all_pods(production.profile))
    assert quiet.nodes == {"base": 3, "spot": 0}
    assert full.pods == {"gateway": 50, "payments": 50, "worker": 6}
    assert full.nodes["spot"] > 10 > full.nodes["base"]
    # The groups are large enough for what the autoscalers may ask for.
    assert full.notes == ()


@pytest.mark.parametrize("name", STAGES)
def test_node_groups_have_room_for_every_pod(inputs: Stages, name: str):
    found = inputs(name, "eks")
    assert fleet(found, load.all_pods(found.profile)).notes == ()


def test_larger_pods_need_more_nodes(production: Inputs):
    copied = json.loads(json.dumps(production.manifests))
    for each in copied:
        if each["kind"] == "Deployment":
            each["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"]["cpu"] = "1"
    small = fleet(production, load.all_pods(production.profile))
    large = fleet(replace(production, manifests=copied), load.all_pods(production.profile))
    assert sum(large.nodes.values()) > sum(small.nodes.values())
    assert any("the pods need more than" in note for note in large.notes)


def test_a_month_beyond_what_is_provisioned_says_so(production: Inputs):
    found = bill(production, load.sustained(production.profile, 10_000), TABLE)
    assert any("would grow by" in note for note in found.notes)


def test_snapshots_of_published_versions_are_priced(inputs: Stages):
    with_snapshots, without = inputs("production", "serverless"), inputs("staging", "serverless")
    assert cost_of(expected(with_snapshots), "lambda.snapshot") > 10
    assert cost_of(expected(without), "lambda.snapshot") == 0


@pytest.mark.parametrize("field", ["payments", "log_gb", "egress_gb", "trace_percent"])
def test_the_usage_profile_moves_the_bill(production: Inputs, field: str):
    more = replace(production.profile, **{field: 10 * getattr(production.profile, field)})
    month = load.expected(more)
    assert bill(replace(production, profile=more), month, TABLE).usd > expected(production).usd


@pytest.mark.parametrize("name", STAGES)
def test_series_of_metrics_are_counted_priced_and_limited(inputs: Stages, name: str):
    found = inputs(name, "serverless")
    priced = [line for line in expected(found).lines if line.item.resource == "usage/metrics"]
    assert [line.item.quantity for line in priced] == [metric_series()]
    fewer = replace(found.profile, most_metric_series=metric_series() - 1)
    with pytest.raises(CostError, match=r"raise serverless\.metric_series"):
        expected(replace(found, profile=fewer))


@pytest.mark.parametrize("name", STAGES)
def test_pods_send_no_metrics_to_cloudwatch_and_so_pay_for_none(inputs: Stages, name: str):
    found = inputs(name, "eks")
    assert [line for line in expected(found).lines if line.item.resource == "usage/metrics"] == []
    # By the API, which no role may call; by AWS's agent, an add-on of EKS; by what a collector exports.
    assert "cloudwatch:PutMetricData" not in json.dumps(found.templates)
    assert "amazon-cloudwatch-observability" not in json.dumps(found.templates["cluster"])
    [collector] = [
        values({"Properties": chart["Properties"]})["alternateConfig"]
        for chart in found.templates["addons"]["Resources"].values()
        if chart["Type"] == "Custom::AWSCDK-EKS-HelmChart" and chart["Properties"]["Chart"] == "opentelemetry-collector"
    ]
    assert collector["service"]["pipelines"].keys() == {"traces"}
    # The fourth way, lines in the embedded format, is taken where there is the environment of a function.
    assert "POWERTOOLS_METRICS_NAMESPACE" not in json.dumps(found.manifests)


def test_prices_of_another_region_are_refused(production: Inputs):
    elsewhere = replace(production, profile=replace(production.profile, region="eu-west-1"))
    with pytest.raises(CostError, match="the prices are those of eu-central-1, and production is in eu-west-1"):
        expected(elsewhere)


def test_every_price_says_where_it_is_from_and_that_nobody_checked(tmp_path):
    for key, price in TABLE.by_key.items():
        assert price.usd > 0, key
        assert price.source, key
        assert price.verified == (price.source == "AWS Pricing API"), key
    prices.write(TABLE, tmp_path / "again.json")
    assert prices.read(tmp_path / "again.json") == TABLE


def printed(found: list[Bill], inputs: Inputs) -> str:
    text = StringIO()
    output.show(Console(file=text, width=260), inputs.profile, found)
    return text.getvalue()


def test_the_table_has_quantity_price_source_date_sum_and_band(production: Inputs):
    text = printed(bills(production, TABLE), production)
    row = next(line for line in text.splitlines() if "m7g.large, with a standby" in line)
    for part in ("1,460.00", "hour", "0.193", "281.78", "unverified: AWS price list", "2026-11-25"):
        assert part in row
    assert "every pod, all month" in text
    assert "10,000 payments/s, all month" in text
    assert "500 to 2,000" in text


# --------------------------------------------------------------------------------------------------------- --compare


def test_compare_shows_what_a_change_costs(production: Inputs, tmp_path, monkeypatch, capsys):
    before = tmp_path / "before.json"
    before.write_text(output.as_json(bills(production, TABLE)))

    def two_nodes_more(properties: dict[str, Any]) -> None:
        properties["ScalingConfig"]["MinSize"] += 2 if properties["NodegroupName"] == "base" else 0

    dearer = changed(production, "cluster", "AWS::EKS::Nodegroup", two_nodes_more)
    monkeypatch.setattr(command, "synthesize", lambda *_, **__: dearer)
    assert command.main(["--compare", str(before)]) == 0
    shown = capsys.readouterr().out
    assert "+142.36" in next(line for line in shown.splitlines() if "ec2.on_demand.m7g.large" in line)
    assert "nat.hour" not in shown

    monkeypatch.setattr(command, "synthesize", lambda *_, **__: production)
    assert command.main(["--compare", str(before)]) == 0
    assert "No line of the expected month changes." in capsys.readouterr().out


def test_a_stage_outside_of_its_band_fails(production: Inputs, monkeypatch, capsys):
    poorer = replace(production, profile=replace(production.profile, ceiling=1_000))
    monkeypatch.setattr(command, "synthesize", lambda *_, **__: poorer)
    assert command.main(["--stage", "production"]) == 1
    assert "is not within 500 to 1000" in capsys.readouterr().err


def test_nothing_to_compare_with_is_told(production: Inputs, monkeypatch, capsys):
    monkeypatch.setattr(command, "synthesize", lambda *_, **__: production)
    assert command.main(["--compare", "no-such-commit"]) == 2
    assert "no-such-commit" in capsys.readouterr().err


# -------------------------------------------------------------------------------------------------------------- docs

PAGE = page.PROJECT / "docs" / "COSTS.md"


def test_the_page_shows_the_bills_of_today(inputs: Stages):
    """Prints the rows that the page should have."""
    rows = []
    for name, compute in (
        ("development", "serverless"),
        ("development", "eks"),
        ("staging", "eks"),
        ("production", "eks"),
    ):
        found = inputs(name, compute)
        by_load = {each.load: f"{each.usd:,.0f}" for each in bills(found, TABLE)}
        band = f"{found.profile.floor:,} to {found.profile.ceiling:,}"
        kind = {"eks": "EKS", "serverless": "Lambda"}[compute]
        columns = ("low", "expected", "every pod, all month", "10,000 payments/s, all month")
        rows.append([f"{name} on {kind}", band, *(by_load.get(load_name, "no pods") for load_name in columns)])
    shown = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    assert page.table(PAGE.read_text(encoding="utf-8"), "bills") == rows, shown


@pytest.mark.parametrize("name", ["staging", "production"])
def test_the_page_says_where_eks_begins_to_cost_less(inputs: Stages, name: str):
    requests = break_even(inputs(name, "serverless"), inputs(name, "eks"), TABLE)
    told = f"**{name}: {requests / 1_000_000:.0f} million requests a month**"
    assert told in (page.PROJECT / "docs" / "SERVERLESS.md").read_text(encoding="utf-8"), told


def test_below_the_break_even_serverless_costs_less_and_above_it_eks(inputs: Stages):
    serverless, eks = inputs("staging", "serverless"), inputs("staging", "eks")
    requests = break_even(serverless, eks, TABLE)

    def costs(share: str) -> tuple[Decimal, Decimal]:
        month = load.of_requests(serverless.profile, requests * Decimal(share))
        return bill(serverless, month, TABLE).usd, bill(eks, month, TABLE).usd

    below, above = costs("0.9"), costs("1.1")
    assert below[0] < below[1]
    assert above[0] > above[1]


@pytest.mark.parametrize("name", ["staging", "production"])
def test_both_kinds_of_compute_can_stand_on_the_same_data(inputs: Stages, name: str):
    """So that a stage can move from one to the other: docs/SERVERLESS.md."""
    serverless, eks = inputs(name, "serverless").templates, inputs(name, "eks").templates
    for area in ("network", "security", "database", "cache"):
        assert _but_policies(serverless[area]) == _but_policies(eks[area]), area


def _but_policies(template: Mapping[str, Any]) -> dict[str, Any]:
    """Return the resources without who may use a key: that changes in place, and nodes need the one of volumes."""
    resources: dict[str, Any] = deepcopy(template["Resources"])
    for resource in resources.values():
        resource.get("Properties", {}).pop("KeyPolicy", None)
    return resources
