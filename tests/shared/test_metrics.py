"""Cells, their bounds, and what Prometheus reads of them."""

import urllib.request

import pytest
from prometheus_client.parser import text_string_to_metric_families as parse

from payments.devtools.ports import LOOPBACK, free_port
from shared.exposition import serve
from shared.metrics import OTHER, Label, Metric, Registry
from shared.red import UNROUTED, Requests, Templates, red_metrics

CATALOGUE = (
    Metric("done_total", "counter", "work done", (Label("kind", ("good", "bad")),)),
    Metric("asked_total", "counter", "questions", (Label("who", most=2), Label("how", ("politely", "rudely")))),
    Metric("waiting", "gauge", "who waits"),
    Metric("wait_seconds", "histogram", "how long", buckets=(0.1, 1.0)),
)


@pytest.fixture
def registry():
    return Registry(CATALOGUE)


def scrape(registry):
    """What Prometheus sees: values by name and labels."""
    port = free_port()
    stop = serve(registry, LOOPBACK, port)
    try:
        with urllib.request.urlopen(f"http://{LOOPBACK}:{port}/metrics") as answer:
            families = list(parse(answer.read().decode()))
    finally:
        stop()
    return {(each.name, *sorted(each.labels.items())): each.value for family in families for each in family.samples}


def test_prometheus_reads_what_was_counted(registry):
    registry.counter("done_total").of("good").inc(3)
    registry.gauge("waiting").of().read = lambda: 7
    waits = registry.histogram("wait_seconds").of()
    for seconds in (0.05, 0.1, 0.5, 5):
        waits.observe(seconds)
    seen = scrape(registry)
    assert seen["done_total", ("kind", "good")] == 3
    assert seen["done_total", ("kind", "bad")] == 0, "a series begins at zero, or its first event is no increase"
    assert seen[("waiting",)] == 7
    assert [seen["wait_seconds_bucket", ("le", bound)] for bound in ("0.1", "1.0", "+Inf")] == [2, 3, 4]
    assert seen[("wait_seconds_count",)] == 4
    assert seen[("wait_seconds_sum",)] == 5.65
    assert ("process_resident_memory_bytes",) in seen


def test_a_label_has_no_more_values_than_its_bound(registry):
    asked = registry.counter("asked_total")
    for number in range(1000):
        asked.of(f"client {number}", "politely").inc()
    asked.of("client 1", "with a shout").inc()
    seen = {key: value for key, value in scrape(registry).items() if key[0] == "asked_total"}
    by_label = {(dict(key[1:])["who"], dict(key[1:])["how"]): value for key, value in seen.items()}
    assert by_label == {
        ("client 0", "politely"): 1,
        ("client 1", "politely"): 1,
        (OTHER, "politely"): 998,
        ("client 1", OTHER): 1,
    }


def test_only_what_is_defined_can_be_measured(registry):
    with pytest.raises(KeyError):
        registry.counter("invented_total")
    with pytest.raises(ValueError, match="is a gauge"):
        registry.counter("waiting")
    assert registry.gauge("waiting") is registry.gauge("waiting")


def test_series_are_counted_before_they_exist():
    asked, wait = CATALOGUE[1], CATALOGUE[3]
    assert (asked.series, asked.cloudwatch_series) == (6, 1)
    assert wait.series == 5


@pytest.mark.parametrize(
    ("path", "template"),
    [
        ("/v1/payments", "/v1/payments"),
        ("/v1/payments/pay_1", "/v1/payments/{payment}"),
        ("/v1/payments/pay_1/capture", "/v1/payments/{payment}/capture"),
        ("/v1/payments/pay_1/steal", UNROUTED),
        ("/v1/keys/any/thing", "/v1/keys/{key:path}"),
        ("/v1/payments/", "/v1/payments/{payment}"),
        ("/", UNROUTED),
    ],
)
def test_paths_have_templates(path, template):
    templates = Templates(
        ("/v1/payments", "/v1/payments/{payment}", "/v1/payments/{payment}/capture", "/v1/keys/{key:path}")
    )
    assert templates.of(path) == template


def test_requests_are_counted_by_route_and_status():
    registry = Registry(red_metrics("gateway"))
    requests = Requests(registry, "gateway", Templates(("/v1/payments/{payment}",)))
    for number in range(300):
        requests.done({"method": "GET", "path": f"/v1/payments/pay_{number}"}, 200, 0.03)
        requests.done({"method": f"M{number}", "path": f"/{number}"}, 405, 0.001)
    cells = registry.histogram("gateway_http_request_duration_seconds").cells
    assert sum(cells["GET", "/v1/payments/{payment}", "200"].counts) == 300
    assert sum(cells[OTHER, UNROUTED, "405"].counts) > 250
    assert len(cells) < 20


def test_a_request_is_counted_once_and_no_longer_under_way():
    registry = Registry(red_metrics("gateway"))
    requests = Requests(registry, "gateway", Templates(("/v1/stream",)))
    answer = requests.begin({"method": "GET", "path": "/v1/stream"})
    assert requests.in_flight.value == 1
    answer.status = 200
    answer.end()  # its stream has begun
    answer.end()  # its client has left
    assert requests.in_flight.value == 0
    [cell] = registry.histogram("gateway_http_request_duration_seconds").cells.values()
    assert sum(cell.counts) == 1
