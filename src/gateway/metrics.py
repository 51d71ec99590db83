"""Everything the gateway measures; docs/OBSERVABILITY.md shows it as a table."""

from shared.loop_lag import LAG
from shared.metrics import Label, Metric
from shared.red import red_metrics

CIRCUIT_STATES = ("closed", "open", "half_open")
_CLASS = Label("class", ("write", "read", "admin"))

CATALOGUE = (
    *red_metrics("gateway"),
    Metric(
        "gateway_upstream_errors_total",
        "counter",
        "requests that payments did not answer; unbelieved: whose signed identity it did not take",
        (Label("kind", ("unreachable", "timeout", "broken", "unbelieved")),),
    ),
    Metric(
        "gateway_upstream_connections",
        "gauge",
        "connections to payments, and requests that wait for one",
        (Label("state", ("open", "idle", "waiting")),),
        dimensions=None,
    ),
    Metric("gateway_rate_limited_total", "counter", "requests beyond a quota, answered with 429"),
    Metric("gateway_rate_limit_fallbacks_total", "counter", "requests counted by one replica alone, without Redis"),
    Metric("gateway_shed_total", "counter", "requests turned away because too many were under way"),
    Metric(
        "gateway_circuit_state",
        "gauge",
        "1 for the state that the circuit of a class of routes is in",
        (_CLASS, Label("state", CIRCUIT_STATES)),
        dimensions=None,
    ),
    Metric("gateway_circuit_rejected_total", "counter", "requests answered by an open circuit", (_CLASS,)),
    LAG,
)
