"""Prices of what runs, and of the network it runs in."""

from collections.abc import Iterator
from decimal import Decimal

from cdk.cost import load as assumed
from cdk.cost.load import HOURS, SECONDS
from cdk.cost.month import MILLION, Item, Month, Properties
from cdk.cost.prices import CostError

_GB = Decimal(1_000_000)  # in kB
_SERIES_PER_NODE = 7
"""Metrics of an instance with detailed monitoring."""
_SNAPSHOTS = 3
"""Versions whose snapshots AWS keeps: the live one, the one before, and one that has not been removed yet."""
_COLD_STARTS = Decimal("0.01")
_SCHEDULES = {"rate(1 minute)": HOURS * 60}


def nat_gateway(name: str, _: Properties, month: Month) -> Iterator[Item]:
    """Yield its hours, and its share of the traffic."""
    share = month.load.egress_gb * assumed.NAT_SHARE / sum(1 for _ in month.all("AWS::EC2::NatGateway"))
    yield Item(name, "NAT gateway", HOURS, "nat.hour")
    yield Item(name, "traffic through it", share, "nat.gb")


def nat_instance(name: str, properties: Properties, _: Month) -> Iterator[Item]:
    """Yield a machine that forwards, with its address and its disks."""
    instance = properties["InstanceType"]
    yield Item(name, f"NAT instance, {instance}", HOURS, f"ec2.on_demand.{instance}")
    if any(interface.get("AssociatePublicIpAddress") for interface in properties["NetworkInterfaces"]):
        yield Item(name, "public IPv4 address", HOURS, "vpc.ipv4")
    for disk in properties["BlockDeviceMappings"]:
        size = Decimal(disk["Ebs"]["VolumeSize"])
        yield Item(name, f"disk of {size} GiB", size, f"ebs.{disk['Ebs']['VolumeType']}")


def public_address(name: str, _: Properties, __: Month) -> Iterator[Item]:
    """Yield an address of a NAT gateway."""
    yield Item(name, "public IPv4 address", HOURS, "vpc.ipv4")


def endpoint(name: str, properties: Properties, _: Month) -> Iterator[Item]:
    """Yield an interface endpoint, per zone; gateway endpoints are free."""
    if properties["VpcEndpointType"] == "Interface":
        yield Item(name, f"{len(properties['SubnetIds'])} zones", HOURS * len(properties["SubnetIds"]), "vpc.endpoint")


def load_balancer(name: str, _: Properties, month: Month) -> Iterator[Item]:
    """Yield the load balancer that the controller makes for an ingress, with an address in every public subnet."""
    load = month.load
    zones = _zones(month)
    # A unit is 25 new connections a second, or a GB an hour; what is used most counts, and a minimum for idle checks.
    connections = load.requests / assumed.CONNECTION_REUSE / SECONDS / 25
    units = max(Decimal("0.1"), connections, load.egress_gb * 2 / HOURS)
    yield Item(name, "application load balancer", HOURS, "alb.hour")
    yield Item(name, "capacity units", units * HOURS, "alb.lcu")
    yield Item(name, f"public addresses in {zones} zones", HOURS * zones, "vpc.ipv4")
    if zones > 1:
        between = load.payments * assumed.BETWEEN_ZONES_KB / _GB
        yield Item(name, "traffic between zones", between, "vpc.between_zones")


def cluster(name: str, properties: Properties, _: Month) -> Iterator[Item]:
    """Yield the control plane."""
    yield Item(name, f"control plane {properties['Version']}, in standard support", HOURS, "eks.cluster")


def node_group(name: str, properties: Properties, month: Month) -> Iterator[Item]:
    """Yield the nodes that this month's pods need, with disks and metrics."""
    count = month.fleet.nodes[properties["NodegroupName"]]
    if not count:
        return
    spot = properties["CapacityType"] == "SPOT"
    instance = properties["InstanceTypes"][0]
    template = month.referred(name, properties["LaunchTemplate"]["Id"])["LaunchTemplateData"]
    kind = f"{count} x {instance}{' spot' if spot else ''}"
    yield Item(name, kind, HOURS * count, f"ec2.{'spot' if spot else 'on_demand'}.{instance}")
    for disk in template["BlockDeviceMappings"]:
        size = Decimal(disk["Ebs"]["VolumeSize"])
        yield Item(name, f"{count} disks of {size} GiB", size * count, f"ebs.{disk['Ebs']['VolumeType']}")
    if template.get("Monitoring", {}).get("Enabled"):
        yield Item(name, "detailed monitoring", Decimal(count * _SERIES_PER_NODE), "cloudwatch.series")


def http_api(name: str, _: Properties, month: Month) -> Iterator[Item]:
    """Yield its requests."""
    yield Item(name, "HTTP API", month.load.requests / MILLION, "http_api.requests")


def distribution(name: str, _: Properties, month: Month) -> Iterator[Item]:
    """Yield requests, and what leaves through it."""
    yield Item(name, "requests", month.load.requests / MILLION, "cloudfront.requests")
    yield Item(name, "to the internet", month.load.egress_gb, "cloudfront.out")


def function(name: str, properties: Properties, month: Month) -> Iterator[Item]:
    """Yield runs and their time; functions without a name are CDK's own and run during a deployment only.

    Raises:
        CostError: nobody has said how often this function runs.
    """
    if "FunctionName" not in properties:
        return
    short = properties["FunctionName"].removeprefix(f"payments-{month.inputs.profile.name}-")
    runs = _runs(short, month)
    if runs is None:
        raise CostError(f"{name}: how often {short} runs is not known; say so in cdk/cost/rules_compute.py")
    count, milliseconds = runs
    gb_seconds = count * milliseconds / 1000 * properties["MemorySize"] / 1024
    if count:
        yield Item(name, f"runs of {short}", count / MILLION, "lambda.requests")
        yield Item(name, f"{properties['MemorySize']} MiB for {milliseconds} ms", gb_seconds, "lambda.gb_second")
        if properties.get("TracingConfig", {}).get("Mode") == "Active":
            # X-Ray's own rule: one request a second, and 5 % of the others.
            traces = min(count, SECONDS) + max(Decimal(0), count - SECONDS) * Decimal("0.05")
            yield Item(name, "traces", traces / MILLION, "xray.traces")


def version(name: str, properties: Properties, month: Month) -> Iterator[Item]:
    """Yield the snapshots of published versions; without SnapStart they are code, and code below 75 GB is free."""
    of = month.referred(name, properties["FunctionName"])
    if of.get("SnapStart", {}).get("ApplyOn") != "PublishedVersions":
        return
    gb = Decimal(of["MemorySize"]) / 1024
    restores = month.load.requests * _COLD_STARTS
    yield Item(name, f"snapshots of {_SNAPSHOTS} versions", gb * SECONDS * _SNAPSHOTS, "lambda.snapshot")
    yield Item(name, "snapshots restored", gb * restores, "lambda.restore")


def queue(name: str, properties: Properties, month: Month) -> Iterator[Item]:
    """Yield messages in and out, and the polls of Lambda; a queue for failures stays empty."""
    if "RedrivePolicy" in properties:
        sent = sum(_often(each) for _, each in month.all("AWS::Scheduler::Schedule"))
        # Lambda polls with five connections, each for 20 seconds.
        yield Item(name, "messages and polls", (sent * 3 + SECONDS / 20 * 5) / MILLION, "sqs.requests")


def schedule(name: str, properties: Properties, _: Month) -> Iterator[Item]:
    """Yield its runs."""
    yield Item(name, properties["ScheduleExpression"], _often(properties) / MILLION, "scheduler.invocations")


def _runs(function_name: str, month: Month) -> tuple[Decimal, Decimal] | None:
    """Return how often a function runs, and for how many milliseconds."""
    ticks = sum((_often(each) for _, each in month.all("AWS::Scheduler::Schedule")), Decimal(0))
    return {
        "platform": (month.load.requests, assumed.LAMBDA_MS),
        "worker": (ticks, assumed.WORKER_MS),
        "check-origin": (month.load.requests, Decimal(5)),
        # During a deployment, and once in a while.
        "migrate": (Decimal(0), Decimal(0)),
        "rotate-origin": (Decimal(0), Decimal(0)),
    }.get(function_name)


def _often(schedule_properties: Properties) -> Decimal:
    expression = schedule_properties["ScheduleExpression"]
    if expression not in _SCHEDULES:
        raise CostError(f"how often {expression} is in a month is not known; say so in cdk/cost/rules_compute.py")
    return _SCHEDULES[expression]


def _zones(month: Month) -> int:
    public = [each for _, each in month.all("AWS::EC2::Subnet") if each.get("MapPublicIpOnLaunch") or _is_public(each)]
    return len(public)


def _is_public(subnet: Properties) -> bool:
    return any(tag["Key"] == "kubernetes.io/role/elb" for tag in subnet.get("Tags", ()))
