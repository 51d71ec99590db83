"""The same metrics for CloudWatch, where nobody can scrape a process: lines of the embedded metric format (EMF).

A function writes what it measured when an invocation ends: counters by how much they grew, gauges that were set, and
each value of a histogram. Names are those of the catalogue; ``Metric.dimensions`` says which labels are kept, and
labels that are not are added up.
"""

import logging
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from math import isnan, nan

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider

from shared.metrics import Counter, Gauge, Histogram, Metric, Registry

_log = logging.getLogger(__name__)

Dimensions = tuple[tuple[str, str], ...]


class FreshGauge(Gauge):
    """Unknown until it is set: a function that did not look must not repeat what another one saw before."""

    __slots__ = ()

    def __init__(self, metric: Metric) -> None:
        super().__init__(metric)
        self.value = nan


class Values(Histogram):
    """Keeps values as they are: CloudWatch counts them itself."""

    __slots__ = ("values",)

    def __init__(self, metric: Metric) -> None:
        super().__init__(metric)
        self.values: list[float] = []

    def observe(self, value: float) -> None:
        """Keep a value until the invocation ends."""
        self.values.append(value)


class CloudWatch:
    """What one execution environment measures."""

    def __init__(self, catalogue: Iterable[Metric]) -> None:
        """Take what there is to measure; without ``POWERTOOLS_METRICS_NAMESPACE`` nothing is written."""
        self.registry = Registry(catalogue, gauge=FreshGauge, histogram=Values)
        self._namespace = os.environ.get("POWERTOOLS_METRICS_NAMESPACE")
        self._written: dict[Counter, float] = {}

    def write(self) -> None:
        """Write what is new since the last time; whoever waits for an answer gets it even if this fails."""
        try:
            self._write()
        except Exception:  # noqa: BLE001 - whatever it was, the answer is worth more
            _log.exception("metrics were not written")

    def _write(self) -> None:
        lines: dict[Dimensions, dict[Metric, list[float]]] = defaultdict(lambda: defaultdict(list))
        for family in self.registry.families():
            for dimensions, values in self._new(family.metric, family.cells):
                lines[dimensions][family.metric] += values
        if self._namespace is None:
            return
        # A line has one set of dimensions.
        for dimensions, metrics in lines.items():
            line = AmazonCloudWatchEMFProvider(namespace=self._namespace)
            line.service = ""  # a dimension that would only make more series: each name says whose it is
            for name, label in dimensions:
                line.add_dimension(name, label)
            for metric, values in metrics.items():
                # One number for a counter; of values, a line takes a hundred, and the rest goes into another.
                for value in (sum(values),) if metric.kind == "counter" else values:
                    line.add_metric(metric.name, unit(metric), value)
            if line.metric_set:
                line.flush_metrics()

    def _new(
        self, metric: Metric, cells: Mapping[tuple[str, ...], Counter | Gauge | Histogram]
    ) -> Iterator[tuple[Dimensions, list[float]]]:
        """Yield what each cell has to say; it says everything once."""
        for labels, cell in cells.items():
            values = self._values(cell)
            if values and metric.dimensions is not None:
                named = zip(metric.labels, labels, strict=True)
                yield tuple((label.name, value) for label, value in named if label.name in metric.dimensions), values

    def _values(self, cell: Counter | Gauge | Histogram) -> list[float]:
        if isinstance(cell, Values):
            values, cell.values = cell.values, []
            return values
        if isinstance(cell, Counter):
            total = cell.value if cell.read is None else cell.read()
            grown, self._written[cell] = total - self._written.get(cell, 0), total
            return [grown] if grown else []
        if isinstance(cell, Gauge):
            value = cell.value if cell.read is None else cell.read()
            cell.value = nan
            return [] if isnan(value) else [value]
        return []


def unit(metric: Metric) -> MetricUnit:
    """Return the unit that CloudWatch shows."""
    return MetricUnit.Seconds if metric.name.endswith("_seconds") else MetricUnit.Count
