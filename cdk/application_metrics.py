"""What CloudWatch shows and watches of the services' own metrics, where they run on Lambda: plain data.

Names, labels and their values are those of the catalogues (docs/OBSERVABILITY.md); tests compare them with what an
invocation really writes. On EKS the same questions are asked by Prometheus.
"""

from collections.abc import Mapping
from itertools import product
from typing import NamedTuple

Dimensions = Mapping[str, str]


def _each(label: str, *values: str) -> tuple[Dimensions, ...]:
    return tuple({label: value} for value in values)


_ALL: tuple[Dimensions, ...] = ({},)
_MODES = ("live", "test")


class Watch(NamedTuple):
    """An alarm on the worst of some series; its name is its heading in docs/ALARMS.md."""

    name: str
    metric: str
    series: tuple[Dimensions, ...] = _ALL
    above: float | None = None
    below: float | None = None
    statistic: str = "Maximum"
    silence_is_bad: bool = False
    """The worker writes it every minute, so where there is nothing, there is no worker."""


class Graph(NamedTuple):
    """A picture of some series on the dashboard."""

    title: str
    metric: str
    statistic: str
    series: tuple[Dimensions, ...] = _ALL


WATCHED = (
    Watch("books", "payments_ledger_balanced", _each("mode", *_MODES), below=1, statistic="Minimum"),
    Watch("unknown-outcomes", "payments_unknown_oldest_seconds", above=3600),
    # Tasks run once a minute.
    Watch("outbox", "payments_outbox_oldest_seconds", above=300, silence_is_bad=True),
    Watch("webhooks", "payments_webhooks_oldest_seconds", above=600),
    Watch(
        "reconciliation",
        "payments_reconciliation_differences",
        _each("kind", "amount_differs", "extra", "missing"),
        above=0,
    ),
    Watch("commits-unanswered", "payments_unanswered_commits_total", above=0, statistic="Sum"),
)

GRAPHS = (
    Graph(
        "Payments written",
        "payments_created_total",
        "Sum",
        tuple(
            {"status": status, "mode": mode}
            for mode, status in product(_MODES, ("authorized", "captured", "review", "declined", "unknown"))
        ),
    ),
    Graph("Commits, p95", "payments_commit_seconds", "p95", _each("batch", "creations", "changes")),
    Graph(
        "Acquirers, p95", "payments_acquirer_call_seconds", "p95", _each("outcome", "approved", "declined", "unknown")
    ),
    Graph("Fraud signals from", "payments_decisions_total", "Sum", _each("source", "redis", "postgres", "degraded")),
    Graph(
        "Answers by route, p95",
        "gateway_http_request_duration_seconds",
        "p95",
        _each("route", "/v1/payments", "/v1/payments/{payment}/capture", "/v1/payments/{payment}/refunds"),
    ),
)


def metric_series() -> int:
    """Return how many series the services can make in CloudWatch, each of which is paid for."""
    # The services' own code, which no stage and no template needs.
    from gateway.metrics import CATALOGUE  # noqa: PLC0415
    from payments.metrics import CATALOGUE as PAYMENTS  # noqa: PLC0415

    return sum(metric.cloudwatch_series for metric in {*CATALOGUE, *PAYMENTS})
