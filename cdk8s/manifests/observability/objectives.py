"""What was promised, and the rules that tell how fast the rest of a month's budget is used up.

    availability   99.99 % of requests are not answered with 5xx
    latency        95 % of requests are answered within 200 ms

Both as multi-window burn rates (the SRE workbook, chapter 5): a long window says that it matters, a short one that it
goes on. Requests to paths that do not exist are nobody's promise.
"""

from typing import Any, NamedTuple

from manifests.observability.times import DAY, HOUR, MINUTE, Times

_COUNT = 'gateway_http_request_duration_seconds_count{route!="unrouted"'
_FAST = 'gateway_http_request_duration_seconds_bucket{route!="unrouted",le="0.2"}'
_WINDOWS = (5 * MINUTE, 30 * MINUTE, HOUR, 6 * HOUR, 3 * DAY)


class Objective(NamedTuple):
    """A promise: its budget is the share of requests that may miss it."""

    name: str
    budget: float
    promise: str


class Burn(NamedTuple):
    """How fast the budget may be used up before somebody is told."""

    name: str
    factor: float
    long: int
    short: int
    patience: int
    severity: str


AVAILABILITY = Objective("Availability", 0.0001, "99.99 % of requests without 5xx")
LATENCY = Objective("Latency", 0.05, "95 % of requests within 200 ms")
BURNS = (
    Burn("Fast", 14.4, HOUR, 5 * MINUTE, 2 * MINUTE, "critical"),
    Burn("Slow", 6, 6 * HOUR, 30 * MINUTE, 15 * MINUTE, "critical"),
    Burn("Leak", 1, 3 * DAY, 6 * HOUR, HOUR, "warning"),
)


def recordings(times: Times) -> list[dict[str, Any]]:
    """Return the rules that compute both ratios over every window."""
    rules = []
    for window in _WINDOWS:
        of = times(window)
        all_requests = f"sum(rate({_COUNT}}}[{of}]))"
        rules += [
            {
                "record": f"slo:availability_misses:ratio_{window}s",
                "expr": f'sum(rate({_COUNT},status=~"5.."}}[{of}])) / {all_requests}',
            },
            {
                "record": f"slo:latency_misses:ratio_{window}s",
                "expr": f"1 - sum(rate({_FAST}[{of}])) / {all_requests}",
            },
        ]
    return rules


def expression(objective: Objective, burn: Burn) -> str:
    """Return what is true while a budget burns too fast."""
    record = f"slo:{objective.name.lower()}_misses:ratio"
    limit = f"{burn.factor * objective.budget:g}"
    return f"{record}_{burn.long}s > {limit} and {record}_{burn.short}s > {limit}"
