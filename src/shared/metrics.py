"""Metrics: plain cells that the event loop counts in, read by whoever scrapes a private port.

    CATALOGUE = (Metric("payments_replays_total", "counter", "Requests answered from an earlier one"),)
    registry = Registry(CATALOGUE)
    replays = registry.counter("payments_replays_total").of()   # once, when a part is built
    replays.inc()                                               # per request: 0.04 µs

A cell has one writer, the event loop, and takes no lock; those of the client library take ten times as long. The
library shows them to Prometheus (``shared.exposition``). One definition serves CloudWatch as well: names are the same,
and ``dimensions`` names the labels that are kept there, where every series is paid for.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Generic, Literal, TypeAlias, TypeVar

Kind = Literal["counter", "gauge", "histogram"]

# What a label says once it has had as many values as it may: no client gets to fill the memory of Prometheus.
OTHER = "other"


@dataclass(frozen=True, slots=True)
class Label:
    """A dimension with a bound: its ``values`` where they are known, otherwise the ``most`` of them that are kept."""

    name: str
    values: tuple[str, ...] = ()
    most: int = 0

    @property
    def bound(self) -> int:
        """Return how many values there can be."""
        return len(self.values) or self.most + 1


@dataclass(frozen=True, slots=True)
class Metric:
    """The definition of a metric.

    Shapes:
        name: with its unit, and ``_total`` for counters.
        buckets: upper bounds of a histogram, ascending.
        dimensions: the labels that CloudWatch keeps; none keeps the metric away from it.
    """

    name: str
    kind: Kind
    meaning: str
    labels: tuple[Label, ...] = ()
    buckets: tuple[float, ...] = ()
    dimensions: tuple[str, ...] | None = ()

    @property
    def series(self) -> int:
        """Return how many series there can be in Prometheus."""
        cells = prod(label.bound for label in self.labels)
        return cells * (len(self.buckets) + 3) if self.kind == "histogram" else cells

    @property
    def cloudwatch_series(self) -> int:
        """Return how many there can be in CloudWatch."""
        kept = self.dimensions
        return 0 if kept is None else prod(label.bound for label in self.labels if label.name in kept)


class Counter:
    """Only ever grows; with ``read``, somebody else counts already."""

    __slots__ = ("read", "value")

    def __init__(self, _metric: Metric) -> None:
        self.value: float = 0
        self.read: Callable[[], float] | None = None

    def inc(self, by: float = 1) -> None:
        """Count."""
        self.value += by


class Gauge:
    """Has a value, or is asked for it: ``read`` is called in another thread, so it only reads."""

    __slots__ = ("read", "value")

    def __init__(self, _metric: Metric) -> None:
        self.value: float = 0
        self.read: Callable[[], float] | None = None

    def set(self, value: float) -> None:
        """Remember the value."""
        self.value = value


class Histogram:
    """Counts values by size."""

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, metric: Metric) -> None:
        self.bounds = metric.buckets
        self.counts = [0] * (len(metric.buckets) + 1)
        self.sum: float = 0

    def observe(self, value: float) -> None:
        """Count a value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value


Cell = TypeVar("Cell", Counter, Gauge, Histogram)
AnyFamily: TypeAlias = "Family[Counter] | Family[Gauge] | Family[Histogram]"


class Family(Generic[Cell]):
    """The cells of one metric, one for each combination of label values."""

    def __init__(self, metric: Metric, cell: type[Cell]) -> None:
        self.metric = metric
        self.cells: dict[tuple[str, ...], Cell] = {}
        self._cell: type[Cell] = cell
        self._seen: tuple[set[str], ...] = tuple(set() for _ in metric.labels)
        # A series that begins at zero shows its first event as an increase.
        if all(label.values for label in metric.labels):
            for values in product(*(label.values for label in metric.labels)):
                self.of(*values)

    def of(self, *values: str) -> Cell:
        """Return the cell of these label values. Keep it, where it is needed often."""
        cell = self.cells.get(values)
        return cell if cell is not None else self._add(values)

    def _add(self, values: tuple[str, ...]) -> Cell:
        bounded = tuple(self._bounded(*each) for each in zip(self.metric.labels, self._seen, values, strict=True))
        return self.cells.setdefault(bounded, self._cell(self.metric))

    @staticmethod
    def _bounded(label: Label, seen: set[str], value: str) -> str:
        if label.values:
            return value if value in label.values else OTHER
        if len(seen) < label.most:
            seen.add(value)
        return value if value in seen else OTHER


class Registry:
    """The metrics of one process: those of its catalogue and no others."""

    def __init__(
        self, catalogue: Iterable[Metric], *, gauge: type[Gauge] = Gauge, histogram: type[Histogram] = Histogram
    ) -> None:
        """Take the catalogue, and which cells hold gauges and histograms until somebody reads them."""
        self._gauge = gauge
        self._histogram = histogram
        self._catalogue = {metric.name: metric for metric in catalogue}
        self._families: dict[str, AnyFamily] = {}

    def counter(self, name: str) -> Family[Counter]:
        """Return a family of counters."""
        return self._family(name, "counter", Counter)

    def gauge(self, name: str) -> Family[Gauge]:
        """Return a family of gauges."""
        return self._family(name, "gauge", self._gauge)

    def histogram(self, name: str) -> Family[Histogram]:
        """Return a family of histograms."""
        return self._family(name, "histogram", self._histogram)

    def _family(self, name: str, kind: Kind, cell: type[Cell]) -> Family[Cell]:
        metric = self._catalogue[name]
        if metric.kind != kind:
            raise ValueError(f"{name} is a {metric.kind}")
        family = self._families.get(name)
        if family is None:
            family = self._families[name] = Family(metric, cell)
        return family  # type: ignore[return-value]  # the kind was checked

    def families(self) -> Sequence[AnyFamily]:
        """Return what is measured in this process."""
        return tuple(self._families.values())
