"""Burn-rate alarms by arithmetic: given a series of requests, does the pair of windows fire, and clear?"""

import json
import re
from pathlib import Path

import pytest

from cdk.application_metrics import GRAPHS, WATCHED
from tests.docs.test_observability import catalogue

ROOT = Path(__file__).parents[2]

# What AWS publishes by itself, of what we watch.
PUBLISHED = {
    "AWS/RDS": {"CPUUtilization", "DatabaseConnections", "FreeStorageSpace", "ReplicaLag"},
    "AWS/ElastiCache": {"EngineCPUUtilization", "DatabaseMemoryUsagePercentage"},
    "AWS/ApiGateway": {"Count", "4xx", "5xx", "Latency"},
    "AWS/Lambda": {"Errors", "Duration", "Throttles"},
    "AWS/SNS": {"NumberOfMessagesPublished"},
    "AWS/SQS": {"ApproximateNumberOfMessagesVisible"},
}


def metrics(alarm):
    if "Metrics" in alarm:
        return [(m["Id"], m["MetricStat"]) for m in alarm["Metrics"] if "MetricStat" in m]
    return [
        (
            "m",
            {
                "Metric": alarm,
                "Period": alarm["Period"],
                "Stat": alarm.get("Statistic", alarm.get("ExtendedStatistic")),
            },
        )
    ]


def test_no_alarm_watches_a_metric_that_nobody_emits(any_assembly):
    alarms = any_assembly.resources("AWS::CloudWatch::Alarm")
    assert len(alarms) >= 5
    for name, alarm in alarms.items():
        for _, stat in metrics(alarm["Properties"]):
            metric = stat["Metric"]
            if metric["Namespace"] == f"payments-{any_assembly.stage}":
                assert_is_written(metric)
            else:
                assert metric["MetricName"] in PUBLISHED[metric["Namespace"]], name


def assert_is_written(metric):
    """A series that the services write: tests/serverless compares the same with what an invocation wrote."""
    defined = catalogue()[metric["MetricName"]]
    assert defined.dimensions is not None, defined.name
    given = {each["Name"]: each["Value"] for each in metric.get("Dimensions", ())}
    assert given.keys() == set(defined.dimensions), defined.name
    values = {label.name: label.values for label in defined.labels}
    assert all(value in values[name] for name, value in given.items() if values[name]), given


def test_all_that_is_watched_is_in_the_templates(assembly):
    deployed = assembly("development", "serverless")
    alarms = deployed.resources("AWS::CloudWatch::Alarm").values()
    named = {alarm["Properties"]["AlarmName"]: alarm["Properties"] for alarm in alarms}
    for watch in WATCHED:
        alarm = named[f"payments-development-{watch.name}"]
        found = [stat["Metric"] for _, stat in metrics(alarm)]
        assert {metric["Namespace"] for metric in found} == {"payments-development"}
        assert [metric["MetricName"] for metric in found] == [watch.metric] * len(watch.series)
        assert alarm["TreatMissingData"] == ("breaching" if watch.silence_is_bad else "notBreaching")
    (dashboard,) = deployed.resources("AWS::CloudWatch::Dashboard").values()
    for graph in GRAPHS:
        assert graph.metric in json.dumps(dashboard)
        for series in graph.series:
            assert_is_written(
                {
                    "MetricName": graph.metric,
                    "Dimensions": [{"Name": name, "Value": value} for name, value in series.items()],
                }
            )


def fires(alarm, bad_by_minute, all_by_minute, slow_share=0.0):
    """Evaluate one window over its last period."""
    properties = alarm["Properties"]
    (expression,) = [m["Expression"] for m in properties["Metrics"] if "Expression" in m]
    values = {}
    for identifier, stat in metrics(properties):
        minutes = stat["Period"] // 60
        series = {"5xx": bad_by_minute, "Count": all_by_minute}.get(stat["Metric"]["MetricName"])
        values[identifier] = sum(series[-minutes:]) if series is not None else 100 * (1 - slow_share)
    return evaluate(expression, values) > properties["Threshold"]


def evaluate(expression, values):
    found = re.fullmatch(r"IF\((.+?), (.+), (.+)\)", expression)
    parts = found.groups() if found else (None, expression, "0")
    compute = lambda text: eval(text, {"__builtins__": {}}, values)  # noqa: E731, S307  our own expression
    return compute(parts[1]) if parts[0] is None or compute(parts[0]) else compute(parts[2])


@pytest.fixture(scope="module")
def pair(assembly):
    """Return a function from objective and speed to the two windows of a burn rate."""
    deployed = assembly("production", "serverless")
    alarms = {a["Properties"]["AlarmName"]: a for a in deployed.resources("AWS::CloudWatch::Alarm").values()}

    def windows(objective, speed):
        return [a for name, a in alarms.items() if f"-{objective}-{speed}-" in name]

    return windows


DAY = 1440


@pytest.mark.parametrize(
    ("speed", "bad_percent", "minutes"),
    # 99.99 % leaves 0.01 %: 14.4, 6 and 3 times that, for as long as the long window needs to see it.
    [("fast", 0.2, 60), ("slow", 0.08, 360), ("creeping", 0.04, DAY)],
)
def test_an_availability_alarm_fires_and_clears(pair, speed, bad_percent, minutes):
    windows = pair("availability", speed)
    assert len(windows) == 2
    requests = [10_000] * (2 * DAY)
    quiet = [0] * (2 * DAY)
    burning = quiet[:-minutes] + [bad_percent / 100 * 10_000] * minutes
    assert not any(fires(window, quiet, requests) for window in windows)
    assert all(fires(window, burning, requests) for window in windows)
    # Over, for as long as the short window is: the pair clears although the long window still remembers.
    short = min(stat["Period"] for window in windows for _, stat in metrics(window["Properties"])) // 60
    over = burning[short:] + [0] * short
    assert not all(fires(window, over, requests) for window in windows)


def test_a_sustainable_rate_fires_nothing(pair):
    requests = [10_000] * DAY
    sustainable = [1] * DAY  # exactly 0.01 %
    for speed in ("fast", "slow", "creeping"):
        assert not any(fires(window, sustainable, requests) for window in pair("availability", speed))


def test_one_failure_on_a_quiet_night_wakes_nobody(pair):
    requests = [0] * (DAY - 1) + [3]
    failure = [0] * (DAY - 1) + [1]
    assert not any(fires(window, failure, requests) for window in pair("availability", "fast"))


@pytest.mark.parametrize(("speed", "slow"), [("fast", 0.75), ("slow", 0.35), ("creeping", 0.2)])
def test_a_latency_alarm_fires_on_the_share_of_slow_requests(pair, speed, slow):
    windows = pair("latency", speed)
    assert len(windows) == 2
    assert all(fires(window, None, None, slow_share=slow) for window in windows)
    # 5 % may be slow: that is what p95 means.
    assert not any(fires(window, None, None, slow_share=0.05) for window in windows)
    assert all("PR(:200)" in json.dumps(window) for window in windows)


def test_both_windows_must_agree_before_anybody_is_told(assembly):
    composites = assembly("production", "serverless").resources("AWS::CloudWatch::CompositeAlarm")
    assert len(composites) == 6
    for composite in composites.values():
        assert " AND " in json.dumps(composite["Properties"]["AlarmRule"])
        assert composite["Properties"]["AlarmActions"]


def test_the_budget_rings_at_the_stages_ceiling(assembly):
    (budget,) = assembly("staging", "eks").resources("AWS::Budgets::Budget").values()
    assert budget["Properties"]["Budget"]["BudgetLimit"] == {"Amount": 800, "Unit": "USD"}


def test_every_alarm_that_rings_has_a_heading_to_read(any_assembly):
    headings = set(re.findall(r"^## (\S+)$", (ROOT / "docs" / "ALARMS.md").read_text(encoding="utf-8"), re.MULTILINE))
    for kind in ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"):
        for name, alarm in any_assembly.resources(kind).items():
            if "AlarmActions" in alarm["Properties"]:
                found = re.match(r"docs/ALARMS\.md#([\w-]+)", alarm["Properties"]["AlarmDescription"])
                assert found, name
                assert found[1] in headings, name
