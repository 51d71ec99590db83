"""Metrics of functions: lines of CloudWatch's embedded format that say what is new since the last invocation."""

import json

import pytest

from shared.cloudwatch import CloudWatch, Values
from shared.metrics import Label, Metric
from tests.docs.test_observability import catalogue

MODE = Label("mode", ("live", "test"))
CATALOGUE = (
    Metric("x_created_total", "counter", "…", (Label("currency", most=3), MODE), dimensions=("mode",)),
    Metric("x_declined_total", "counter", "…"),
    Metric("x_balanced", "gauge", "…", (MODE,), dimensions=("mode",)),
    Metric("x_commit_seconds", "histogram", "…", (Label("route", most=3),), (0.1, 1.0), dimensions=("route",)),
    Metric("x_batch_items", "histogram", "…", buckets=(1, 2), dimensions=None),
)


@pytest.fixture
def cloudwatch(monkeypatch):
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "payments-test")
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "platform")
    return CloudWatch(CATALOGUE)


@pytest.fixture
def written(cloudwatch, capsys):
    """Write, and return what CloudWatch makes of it: by name and dimensions, its unit and values."""

    def write():
        capsys.readouterr()
        cloudwatch.write()
        found = {}
        for line in capsys.readouterr().out.splitlines():
            found.update(series(json.loads(line)))
        return found

    return write


def series(line):
    """Read a line as https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/ specifies it."""
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "payments-test"
    (names,) = directive["Dimensions"]
    dimensions = frozenset((name, line[name]) for name in names)
    assert len(directive["Metrics"]) <= 100
    for metric in directive["Metrics"]:
        values = line[metric["Name"]]
        assert 1 <= len(values) <= 100
        yield (metric["Name"], dimensions), (metric["Unit"], values)


def test_counters_say_by_how_much_they_grew(cloudwatch, written):
    created = cloudwatch.registry.counter("x_created_total")
    created.of("USD", "live").inc(2)
    created.of("EUR", "live").inc()
    created.of("EUR", "test").inc()
    live, test = (("x_created_total", frozenset({("mode", mode)})) for mode in ("live", "test"))
    assert written() == {live: ("Count", [3.0]), test: ("Count", [1.0])}
    created.of("USD", "live").inc(4)
    assert written() == {live: ("Count", [4.0])}
    assert written() == {}


def test_what_counts_for_itself_is_asked(cloudwatch, written):
    declined, counted = cloudwatch.registry.counter("x_declined_total").of(), [5]
    declined.read = lambda: counted[0]
    assert written() == {("x_declined_total", frozenset()): ("Count", [5.0])}
    counted[0] = 7
    assert written() == {("x_declined_total", frozenset()): ("Count", [2.0])}


def test_gauges_are_written_only_by_who_has_looked(cloudwatch, written):
    balanced = cloudwatch.registry.gauge("x_balanced")
    assert written() == {}  # not zero, which would say that the books are wrong
    balanced.of("live").set(1)
    assert written() == {("x_balanced", frozenset({("mode", "live")})): ("Count", [1.0])}
    assert written() == {}


def test_histograms_keep_each_value_a_hundred_to_a_line(cloudwatch, capsys):
    seconds = cloudwatch.registry.histogram("x_commit_seconds")
    cloudwatch.registry.histogram("x_batch_items").of().observe(1)
    for number in range(250):
        seconds.of("/v1/payments").observe(number)
    cloudwatch.write()
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    found = [values for line in lines for key, (unit, values) in series(line) if unit == "Seconds"]
    assert [len(values) for values in found] == [100, 100, 50]
    assert sorted(value for values in found for value in values) == list(range(250))
    assert not any("x_batch_items" in line for line in lines)


def test_a_hundred_values_leave_no_empty_line(cloudwatch, capsys):
    for number in range(100):
        cloudwatch.registry.histogram("x_commit_seconds").of("/v1/payments").observe(number)
    cloudwatch.write()
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_clients_cannot_make_more_series_than_the_catalogue_says(cloudwatch, written):
    for number in range(50):
        cloudwatch.registry.histogram("x_commit_seconds").of(f"/{number}").observe(1)
    assert len(written()) == CATALOGUE[3].cloudwatch_series == 4


def test_without_a_namespace_nothing_is_written_nor_kept(capsys, monkeypatch):
    monkeypatch.delenv("POWERTOOLS_METRICS_NAMESPACE", raising=False)
    cloudwatch = CloudWatch(CATALOGUE)
    cell = cloudwatch.registry.histogram("x_commit_seconds").of("/v1/payments")
    cell.observe(1)
    cloudwatch.write()
    assert capsys.readouterr().out == ""
    assert isinstance(cell, Values)
    assert cell.values == []


def test_a_failure_costs_nobody_an_answer(cloudwatch, caplog):
    cloudwatch.registry.counter("x_declined_total").of().read = lambda: 1 / 0
    cloudwatch.write()
    assert "metrics were not written" in caplog.text


def test_gauges_keep_all_their_labels():
    """Values of several cells cannot be added up; counters and histograms can."""
    for metric in catalogue().values():
        if metric.kind == "gauge" and metric.dimensions is not None:
            assert metric.dimensions == tuple(label.name for label in metric.labels), metric.name
