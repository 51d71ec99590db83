"""Every alert: what is true while it fires, how long that has to last, how bad it is, and a sentence for whoever wakes.

`critical` wakes somebody, `warning` waits for the morning. Each has a page of its name in docs/runbooks/.
"""

from typing import NamedTuple

from cdk.stages import PRODUCTION
from manifests.observability.objectives import AVAILABILITY, BURNS, LATENCY, expression
from manifests.observability.times import DAY, HOUR, MINUTE, Times


class Alert(NamedTuple):
    """One alert; ``patience`` in seconds."""

    name: str
    expr: str
    patience: int
    severity: str
    summary: str


def alerts(times: Times) -> dict[str, list[Alert]]:
    """Return all alerts by group."""
    return {
        "objectives": _objectives(),
        "availability": _availability(times),
        "saturation": _saturation(times),
        "dependencies": _dependencies(times),
        "backlogs": _backlogs(times),
        "money": _money(times),
    }


def _objectives() -> list[Alert]:
    return [
        Alert(
            f"{objective.name}Budget{burn.name}",
            expression(objective, burn),
            burn.patience,
            burn.severity,
            f"{objective.promise}: the month's budget is used up {burn.factor:g} times too fast",
        )
        for objective in (AVAILABILITY, LATENCY)
        for burn in BURNS
    ]


def _availability(t: Times) -> list[Alert]:
    down = 'up{job=~"gateway|payments|worker"} == 0'
    # A process that is gone takes its gauges along, so there being none counts as well.
    last = 'payments_task_success_timestamp_seconds{task="sequence events"}'
    stalled = f"time() - max({last}) > {_seconds(t, 60)} or absent({last})"
    return [
        Alert(
            "ProcessDown", down, 2 * MINUTE, "critical", "{{ $labels.job }} at {{ $labels.instance }} cannot be scraped"
        ),
        Alert("WorkerStalled", stalled, MINUTE, "critical", "no worker has numbered events for a minute"),
        Alert(
            "TaskFailing",
            f"sum by (task) (increase(payments_task_failures_total[{t(10 * MINUTE)}])) > 3",
            0,
            "warning",
            "the worker's task {{ $labels.task }} keeps failing",
        ),
    ]


def _saturation(t: Times) -> list[Alert]:
    window = t(5 * MINUTE)
    return [
        Alert(
            "EventLoopLag",
            f"histogram_quantile(0.9, sum by (job, le) (rate(event_loop_lag_seconds_bucket[{window}]))) > 0.1",
            5 * MINUTE,
            "warning",
            "{{ $labels.job }} has more to do than one core can",
        ),
        Alert(
            "LoadShed",
            f"sum(rate(gateway_shed_total[{window}])) > 0.1",
            MINUTE,
            "critical",
            "the gateway turns requests away: too many are under way",
        ),
        Alert(
            "ConnectionsExhausted",
            f'max by (pool) (max_over_time(payments_pool_connections{{state="waiting"}}[{window}])) > 5',
            2 * MINUTE,
            "warning",
            "requests wait for a connection to PostgreSQL (pool {{ $labels.pool }})",
        ),
        Alert(
            "UpstreamQueue",
            f'max(min_over_time(gateway_upstream_connections{{state="waiting"}}[{window}])) > 0',
            2 * MINUTE,
            "warning",
            "requests wait for a connection from the gateway to payments",
        ),
        Alert(
            "MemoryHigh",
            " or ".join(
                f'process_resident_memory_bytes{{job="{name}"}} > {size.memory_mib * 2**20 * 85 // 100}'
                for name, size in PRODUCTION.workloads
            ),
            10 * MINUTE,
            "warning",
            "{{ $labels.job }} at {{ $labels.instance }} uses more than 85 % of its pod's memory",
        ),
    ]


def _dependencies(t: Times) -> list[Alert]:
    window = t(5 * MINUTE)
    decisions = f"sum(rate(payments_decisions_total[{window}]))"
    calls = f"sum(rate(payments_acquirer_call_seconds_count[{window}]))"
    unknown = f'sum(rate(payments_acquirer_call_seconds_count{{outcome="unknown"}}[{window}]))'
    return [
        Alert(
            "SignalsWithoutRedis",
            f'sum(rate(payments_decisions_total{{source!="redis"}}[{window}])) / {decisions} > 0.05',
            2 * MINUTE,
            "warning",
            "payments are scored without Redis: from PostgreSQL, or with signals missing",
        ),
        Alert(
            "LimitsWithoutRedis",
            f"sum(rate(gateway_rate_limit_fallbacks_total[{window}])) > 0",
            2 * MINUTE,
            "warning",
            "each gateway counts its rate limits alone",
        ),
        Alert(
            "CircuitOpen",
            'max by (class) (gateway_circuit_state{state="open"}) == 1',
            MINUTE,
            "critical",
            "the circuit of the {{ $labels.class }} routes is open: most of them failed",
        ),
        Alert(
            "UpstreamErrors",
            f"sum by (kind) (rate(gateway_upstream_errors_total[{window}])) > 0.1",
            2 * MINUTE,
            "critical",
            "payments does not answer the gateway ({{ $labels.kind }})",
        ),
        Alert(
            "CommitsSlow",
            f"histogram_quantile(0.95, sum by (batch, le) (rate(payments_commit_seconds_bucket[{window}]))) > 0.1",
            5 * MINUTE,
            "warning",
            "commits ({{ $labels.batch }}) take longer than 100 ms",
        ),
        Alert(
            "CommitsRetried",
            f"sum by (reason) (rate(payments_commit_retries_total[{window}])) > 0.2",
            2 * MINUTE,
            "warning",
            "batches run again ({{ $labels.reason }})",
        ),
        Alert(
            "CommitsUnanswered",
            f"sum(increase(payments_unanswered_commits_total[{window}])) > 0",
            0,
            "critical",
            "clients were told that nobody knows whether their payment was recorded",
        ),
        Alert(
            "AcquirerSlow",
            f"histogram_quantile(0.9, sum by (le) (rate(payments_acquirer_call_seconds_bucket[{window}]))) > 1",
            2 * MINUTE,
            "warning",
            "one in ten calls to an acquirer takes longer than a second",
        ),
        Alert(
            "AcquirerUnknown",
            f"{unknown} / {calls} > 0.05",
            2 * MINUTE,
            "critical",
            "one in twenty calls to an acquirer has no known outcome",
        ),
    ]


def _backlogs(t: Times) -> list[Alert]:
    return [
        Alert(
            "UnknownOutcomes",
            f"max(payments_unknown) > 10 and max(payments_unknown_oldest_seconds) > {_seconds(t, 5 * MINUTE)}",
            2 * MINUTE,
            "critical",
            "{{ $value }} payments wait for evidence of what became of them",
        ),
        Alert(
            "UnknownOutcomeOld",
            f"max(payments_unknown_oldest_seconds) > {_seconds(t, HOUR)}",
            0,
            "warning",
            "a payment's outcome has been unknown for more than an hour",
        ),
        Alert(
            "OutboxStalled",
            f"max(payments_outbox_oldest_seconds) > {_seconds(t, MINUTE)}",
            MINUTE,
            "critical",
            "committed events get no number: nobody hears of payments",
        ),
        Alert(
            "WebhooksDelayed",
            f"max(payments_webhooks_oldest_seconds) > {_seconds(t, 5 * MINUTE)}",
            5 * MINUTE,
            "warning",
            "events wait for their first attempt for more than five minutes",
        ),
        Alert(
            "WebhooksParked",
            f'sum(increase(payments_webhook_attempts_total{{result="parked"}}[{t(HOUR)}])) > 10',
            0,
            "warning",
            "deliveries were given up after the last attempt of the schedule",
        ),
    ]


def _money(t: Times) -> list[Alert]:
    window = t(15 * MINUTE)
    declined = f'sum(rate(payments_created_total{{mode="live",status="declined"}}[{window}]))'
    created = f'sum(rate(payments_created_total{{mode="live"}}[{window}]))'
    return [
        Alert(
            "LedgerUnbalanced",
            "min by (mode) (payments_ledger_balanced) == 0",
            0,
            "critical",
            "debits and credits differ ({{ $labels.mode }} mode)",
        ),
        Alert(
            "ReconciliationDifferences",
            "max by (kind) (payments_reconciliation_differences) > 0",
            0,
            "warning",
            "an acquirer's settlement file and our books differ ({{ $labels.kind }})",
        ),
        Alert(
            "DeclinesHigh",
            f"{declined} / {created} > 0.5",
            15 * MINUTE,
            "warning",
            "more than half of all live payments are declined",
        ),
        Alert(
            "CertificateExpires",
            f"min by (host) (payments_certificate_expires_timestamp_seconds) - time() < {14 * DAY}",
            0,
            "warning",
            "the certificate of {{ $labels.host }} runs out within two weeks",
        ),
        Alert(
            "KeyOld",
            f"time() - max by (purpose) (payments_key_since_timestamp_seconds) > {365 * DAY}",
            0,
            "warning",
            "the key of {{ $labels.purpose }} has been in use for more than a year",
        ),
    ]


def _seconds(t: Times, seconds: int) -> str:
    return t(seconds).removesuffix("s")
