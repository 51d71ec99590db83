"""Everything that payments and its worker measure; docs/OBSERVABILITY.md shows it as a table."""

from payments.payments.states import STATUSES
from shared.loop_lag import LAG
from shared.metrics import Label, Metric
from shared.red import red_metrics

_CURRENCY = Label("currency", most=180)
_MODE = Label("mode", ("live", "test"))
_BATCH = Label("batch", ("creations", "changes"))
_TASK = Label("task", most=60)
SOURCES = ("redis", "postgres", "degraded")
OUTCOMES = ("approve", "review", "decline")

SERVICE = (
    *red_metrics("payments"),
    Metric(
        "payments_created_total",
        "counter",
        "payments written, by the status they began with",
        (_CURRENCY, Label("status", STATUSES), _MODE),
        dimensions=("status", "mode"),
    ),
    Metric(
        "payments_declined_total",
        "counter",
        "payments that began as declined, by reason",
        (Label("code", most=60), _MODE),
        dimensions=("mode",),
    ),
    Metric(
        "payments_captured_minor_units_total",
        "counter",
        "captured amounts, in minor units of the payment's currency",
        (_CURRENCY, _MODE),
        dimensions=None,
    ),
    Metric(
        "payments_refunded_minor_units_total",
        "counter",
        "refunded amounts, in minor units of the payment's currency",
        (_CURRENCY, _MODE),
        dimensions=None,
    ),
    Metric("payments_idempotent_replays_total", "counter", "requests answered from an earlier one with their key"),
    Metric(
        "payments_decisions_total",
        "counter",
        "fraud decisions, by where their signals came from",
        (Label("outcome", OUTCOMES), Label("source", SOURCES)),
        dimensions=("source",),
    ),
    Metric(
        "payments_batch_items",
        "histogram",
        "requests that shared a commit",
        (_BATCH,),
        (1, 2, 4, 8, 16, 32, 64),
        dimensions=None,
    ),
    Metric(
        "payments_commit_seconds",
        "histogram",
        "time from the beginning of a batch to its commit, tries included",
        (_BATCH,),
        (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0),
        dimensions=("batch",),
    ),
    Metric(
        "payments_commit_retries_total",
        "counter",
        "batches that ran again",
        (Label("reason", ("lock", "connection", "refused")),),
    ),
    Metric(
        "payments_unanswered_commits_total", "counter", "requests told that nobody knows whether they were recorded"
    ),
    Metric(
        "payments_pool_connections",
        "gauge",
        "connections to PostgreSQL in use, and requests that wait for one",
        (Label("pool", ("write", "read")), Label("state", ("used", "most", "waiting"))),
        dimensions=None,
    ),
    Metric(
        "payments_acquirer_call_seconds",
        "histogram",
        "calls to acquirers, by how they ended",
        (Label("outcome", ("approved", "declined", "unknown")),),
        (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
        dimensions=("outcome",),
    ),
)

WORKER = (
    Metric("payments_unknown", "gauge", "intents past the acquirer's deadline whose outcome nobody knows yet"),
    Metric("payments_unknown_oldest_seconds", "gauge", "how long the oldest of them has been overdue"),
    Metric("payments_outbox_oldest_seconds", "gauge", "age of the oldest event that has no number yet"),
    Metric("payments_outbox_events", "gauge", "events that have no number yet", dimensions=None),
    Metric("payments_webhooks_waiting", "gauge", "events that wait for their first attempt at an endpoint"),
    Metric("payments_webhooks_retrying", "gauge", "deliveries that failed and are tried again"),
    Metric("payments_webhooks_oldest_seconds", "gauge", "age of the oldest event that waits for its first attempt"),
    Metric(
        "payments_webhook_attempts_total",
        "counter",
        "attempts to deliver an event, by what became of it",
        (Label("result", ("delivered", "pending", "parked", "canceled")),),
    ),
    Metric(
        "payments_ledger_balanced",
        "gauge",
        "1 while debits equal credits in every currency",
        (_MODE,),
        dimensions=("mode",),
    ),
    Metric(
        "payments_reconciliation_differences",
        "gauge",
        "differences in the latest settlement file of each acquirer",
        (Label("kind", ("amount_differs", "extra", "missing")),),
        dimensions=("kind",),
    ),
    Metric(
        "payments_certificate_expires_timestamp_seconds",
        "gauge",
        "when the certificate of a host runs out",
        (Label("host", most=20),),
        dimensions=("host",),
    ),
    Metric(
        "payments_key_since_timestamp_seconds",
        "gauge",
        "since when the newest key of a purpose has been in use",
        (Label("purpose", most=5),),
        dimensions=None,
    ),
    Metric(
        "payments_task_seconds",
        "histogram",
        "runs of the worker's tasks",
        (_TASK,),
        (0.01, 0.05, 0.25, 1.0, 5.0, 30.0),
        dimensions=None,
    ),
    Metric("payments_task_failures_total", "counter", "runs of the worker's tasks that failed", (_TASK,)),
    Metric(
        "payments_task_success_timestamp_seconds",
        "gauge",
        "when a task of the worker last ended well",
        (_TASK,),
        dimensions=None,
    ),
)

CATALOGUE = (*SERVICE, *WORKER, LAG)
