"""Service level objectives as burn rates: how fast the month's error budget is being spent.

A rate is alarming when both a long and a short window exceed it: the long one means that it matters, the short one
that it still goes on, so that the alarm clears soon after the cause is gone.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import NamedTuple

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from cdk.stage import Stage

LATENCY_PERCENT = Decimal(95)
"""How many requests are to be answered within the stage's latency: that is what its p95 says."""

# Fewer bad requests than this are an incident of one client, whatever share of the traffic they are.
_FEW = 5


class Burn(NamedTuple):
    """One pair of windows, and how many times the sustainable rate it tolerates."""

    name: str
    long_minutes: int
    short_minutes: int
    rate: Decimal


# 2 % of a month's budget in an hour, 5 % in six hours, 10 % in a day (Google's SRE workbook, chapter 5).
BURNS = (
    Burn("fast", 60, 5, Decimal("14.4")),
    Burn("slow", 360, 30, Decimal(6)),
    Burn("creeping", 1440, 120, Decimal(3)),
)

Share = Callable[[cdk.Duration], tuple[str, Mapping[str, cloudwatch.IMetric]]]
"""Returns, for a period, an expression for the percentage of bad requests, and its metrics."""


def burn_alarms(
    scope: Construct,
    stage: Stage,
    *,
    objective: str,
    budget_percent: Decimal,
    share: Share,
    notify: cloudwatch.IAlarmAction,
) -> list[cloudwatch.CompositeAlarm]:
    """Make the alarms of one objective."""
    alarms = []
    for burn in BURNS:
        windows = [
            _window(scope, stage, f"{objective}-{burn.name}-{minutes}m", minutes, budget_percent * burn.rate, share)
            for minutes in (burn.long_minutes, burn.short_minutes)
        ]
        composite = cloudwatch.CompositeAlarm(
            scope,
            f"{objective}-{burn.name}",
            composite_alarm_name=f"{stage.prefix}-{objective}-{burn.name}",
            alarm_description=f"docs/ALARMS.md#{objective}: its budget is spent {burn.rate} times faster than it lasts",
            alarm_rule=cloudwatch.AlarmRule.all_of(*windows),
        )
        composite.add_alarm_action(notify)
        composite.add_ok_action(notify)
        alarms.append(composite)
    return alarms


def request_share(
    bad: Callable[[cdk.Duration], cloudwatch.IMetric], all_: Callable[[cdk.Duration], cloudwatch.IMetric]
) -> Share:
    """Return the share of bad requests, taken as none while there are few."""

    def share(period: cdk.Duration) -> tuple[str, Mapping[str, cloudwatch.IMetric]]:
        return f"IF(bad >= {_FEW}, 100 * bad / requests, 0)", {"bad": bad(period), "requests": all_(period)}

    return share


def _window(
    scope: Construct, stage: Stage, name: str, minutes: int, threshold: Decimal, share: Share
) -> cloudwatch.Alarm:
    period = cdk.Duration.minutes(minutes)
    expression, metrics = share(period)
    return cloudwatch.Alarm(
        scope,
        name,
        alarm_name=f"{stage.prefix}-{name}",
        alarm_description=f"One window of a burn rate: percentage of bad requests in {minutes} minutes",
        metric=cloudwatch.MathExpression(expression=expression, using_metrics=dict(metrics), period=period, label=name),
        threshold=float(threshold),
        comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
        evaluation_periods=1,
        treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
    )
