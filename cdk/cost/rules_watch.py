"""Prices of what watches and guards."""

from collections.abc import Iterator
from decimal import Decimal

from cdk.cost.month import MILLION, Item, Month, Properties
from cdk.cost.prices import CostError

_EVENTS = Decimal("0.5")
"""Million calls to AWS in an account and month, for the detector."""


def alarm(name: str, properties: Properties, _: Month) -> Iterator[Item]:
    """Yield an alarm: a tenth of a dollar for each metric that it looks at."""
    metrics = [each for each in properties.get("Metrics", ()) if "MetricStat" in each]
    yield Item(name, "metrics in the alarm", Decimal(max(1, len(metrics))), "cloudwatch.alarm")


def composite_alarm(name: str, _: Properties, __: Month) -> Iterator[Item]:
    """Yield an alarm of alarms."""
    yield Item(name, "composite alarm", Decimal(1), "cloudwatch.composite")


def dashboard(name: str, _: Properties, __: Month) -> Iterator[Item]:
    """Yield a dashboard."""
    yield Item(name, "dashboard", Decimal(1), "cloudwatch.dashboard")


def trail(name: str, properties: Properties, _: Month) -> Iterator[Item]:
    """Yield nothing: the first copy of management events is free, and its logs are in the usage profile.

    Raises:
        CostError: it also records data events, which are paid for.
    """
    if any(selector.get("DataResources") for selector in properties.get("EventSelectors", ())):
        raise CostError(f"{name} records data events, which have no price here")
    yield from ()


def detector(name: str, _: Properties, month: Month) -> Iterator[Item]:
    """Yield what it reads: calls to AWS, and flow and audit logs, which are about half of all logs."""
    yield Item(name, "calls looked at", _EVENTS, "guardduty.events")
    yield Item(name, "logs looked at", month.load.log_gb / 2, "guardduty.gb")


def firewall(name: str, properties: Properties, month: Month) -> Iterator[Item]:
    """Yield the firewall, its rules, and what it looks at."""
    yield Item(name, "web ACL", Decimal(1), "waf.acl")
    yield Item(name, "rules", Decimal(len(properties["Rules"])), "waf.rule")
    yield Item(name, "requests", month.load.requests / MILLION, "waf.requests")
