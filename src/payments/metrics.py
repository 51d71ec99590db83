"""Everything that payments and its worker measure; docs/OBSERVABILITY.md shows it as a table."""

from shared.loop_lag import LAG
from shared.metrics import Label
from shared.red import red_metrics

_CURRENCY = Label("currency", most=180)
_MODE = Label("mode", ("live", "test"))
_COMMIT_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
_CALL_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_TASK_SECONDS = (0.01, 0.05, 0.25, 1.0, 5.0, 30.0)

SERVICE = (
    *red_metrics("payments"),
    LAG,
)

CATALOGUE = SERVICE
