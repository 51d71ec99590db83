"""Shows a registry to Prometheus, on a port of its own that no load balancer reaches."""

from collections.abc import Callable, Iterator

from prometheus_client import GC_COLLECTOR, PLATFORM_COLLECTOR, PROCESS_COLLECTOR, CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from shared.metrics import AnyFamily, Counter, Gauge, Histogram, Registry


def serve(registry: Registry, host: str, port: int) -> Callable[[], None]:
    """Answer scrapes in a thread of its own; return what stops that.

    A thread, because an event loop that is stuck is one of the things metrics have to show.
    """
    everything = CollectorRegistry()
    for collector in (Exposition(registry), PROCESS_COLLECTOR, PLATFORM_COLLECTOR, GC_COLLECTOR):
        everything.register(collector)
    server, _ = start_http_server(port, addr=host, registry=everything)

    def stop() -> None:
        server.shutdown()
        server.server_close()

    return stop


class Exposition(Collector):
    """A registry in the client library's terms."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def collect(self) -> Iterator[Metric]:
        """Yield each metric with its cells."""
        for family in self._registry.families():
            yield _histogram(family) if family.metric.kind == "histogram" else _plain(family)


def _plain(family: AnyFamily) -> Metric:
    library = CounterMetricFamily if family.metric.kind == "counter" else GaugeMetricFamily
    metric = library(family.metric.name, family.metric.meaning, labels=[label.name for label in family.metric.labels])
    for values, cell in _cells(family):
        if isinstance(cell, Counter | Gauge):
            metric.add_metric(values, cell.value if cell.read is None else cell.read())
    return metric


def _histogram(family: AnyFamily) -> Metric:
    labels = [label.name for label in family.metric.labels]
    metric = HistogramMetricFamily(family.metric.name, family.metric.meaning, labels=labels)
    for values, cell in _cells(family):
        if isinstance(cell, Histogram):
            metric.add_metric(values, buckets=_cumulated(cell), sum_value=cell.sum)
    return metric


def _cells(family: AnyFamily) -> tuple[tuple[tuple[str, ...], object], ...]:
    # Copied in one step, because the event loop may add a cell meanwhile.
    return tuple(family.cells.items())


def _cumulated(cell: Histogram) -> list[tuple[str, float]]:
    total = 0
    buckets: list[tuple[str, float]] = []
    for bound, count in zip([*map(str, cell.bounds), "+Inf"], tuple(cell.counts), strict=True):
        total += count
        buckets.append((bound, total))
    return buckets
