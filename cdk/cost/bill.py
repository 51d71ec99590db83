"""The bill of a stage for a month."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from cdk.cost.inputs import Inputs
from cdk.cost.load import LAMBDA_MS, REQUESTS, STORED_KB, Load, all_pods, expected, low, of_requests, sustained
from cdk.cost.month import Item, Month
from cdk.cost.pods import fleet
from cdk.cost.prices import CostError, Price, Prices
from cdk.cost.resources import items

FAST = 10_000
"""Payments per second of the fastest month that is printed."""
_NEAR = Decimal(10_000)
_REQUESTS = Decimal(10) ** 12
"""How close a break-even is found, and beyond how many requests a month nobody looks for one."""


@dataclass(frozen=True)
class Line:
    """One item with its price."""

    item: Item
    price: Price

    @property
    def usd(self) -> Decimal:
        """What it costs a month."""
        return self.item.quantity * self.price.usd


@dataclass(frozen=True)
class Bill:
    """A stage in a month."""

    stage: str
    compute: str
    load: str
    pods: dict[str, int]
    lines: tuple[Line, ...]
    notes: tuple[str, ...]

    @property
    def usd(self) -> Decimal:
        """The sum."""
        return sum((line.usd for line in self.lines), Decimal(0))

    def by_resource(self) -> dict[str, Decimal]:
        """Return the sum of each resource and thing."""
        found: dict[str, Decimal] = {}
        for line in self.lines:
            key = f"{line.item.resource}: {line.item.price}"
            found[key] = found.get(key, Decimal(0)) + line.usd
        return found


def bill(inputs: Inputs, load: Load, prices: Prices) -> Bill:
    """Return what a month costs.

    Raises:
        CostError: something in it has no price.
    """
    profile = inputs.profile
    if profile.region != prices.region:
        raise CostError(
            f"the prices are those of {prices.region}, and {profile.name} is in {profile.region}: set the region and "
            "the usage types in cdk/cost/prices.json, then `payments cost --refresh`"
        )
    if profile.metric_series > profile.most_metric_series:
        raise CostError(
            f"the services may send CloudWatch {profile.metric_series} series, and {profile.name} wants to pay for "
            f"{profile.most_metric_series}: keep fewer dimensions (src/*/metrics.py), or raise serverless.metric_series"
        )
    nodes = fleet(inputs, load)
    month = Month(inputs, load, nodes)
    lines = tuple(Line(item, prices[item.price]) for item in items(month))
    return Bill(profile.name, profile.compute, load.name, nodes.pods, lines, (*nodes.notes, *_overruns(month)))


def _overruns(month: Month) -> Iterator[str]:
    """Say where a month does not fit what is provisioned: its bill is a floor."""
    for name, properties in month.all("AWS::RDS::DBInstance"):
        grown = month.load.payments * STORED_KB / 1_000_000
        if grown > (most := properties["MaxAllocatedStorage"]):
            yield f"{name} would grow by {grown:,.0f} GB and may have {most:,}"
    for name, properties in month.all("AWS::Lambda::Function"):
        if properties.get("FunctionName", "").endswith("-platform"):
            at_once = month.load.peak * REQUESTS * LAMBDA_MS / 1000
            if at_once > (most := properties["ReservedConcurrentExecutions"]):
                yield f"{name} would run {at_once:,.0f} times at once and may {most:,}"


def bills(inputs: Inputs, prices: Prices) -> list[Bill]:
    """Return the months that are printed side by side: low, expected, every pod, and 10,000 payments a second."""
    profile = inputs.profile
    loads = [low(profile), expected(profile), sustained(profile, FAST)]
    if profile.compute == "eks":
        loads.insert(2, all_pods(profile))
    return [bill(inputs, load, prices) for load in loads]


def break_even(serverless: Inputs, eks: Inputs, prices: Prices) -> Decimal:
    """Return from how many requests a month on EKS costs no more than serverless, to the nearest 10,000.

    Raises:
        CostError: one of them is cheaper at any load.
    """

    def dearer(requests: Decimal) -> bool:
        """Serverless costs at least as much; both sides carry the same payments and logs."""
        costs = [bill(inputs, of_requests(serverless.profile, requests), prices).usd for inputs in (serverless, eks)]
        return costs[0] >= costs[1]

    below, above = Decimal(0), _NEAR
    if dearer(Decimal(3)):
        raise CostError("EKS costs less even without any load")
    while not dearer(above):
        below, above = above, above * 2
        if above > _REQUESTS:
            raise CostError("serverless costs less at any load")
    while above - below > _NEAR:
        middle = (below + above) / 2
        below, above = (below, middle) if dearer(middle) else (middle, above)
    return above.quantize(Decimal("1e4"))
