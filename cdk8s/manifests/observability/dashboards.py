"""The dashboards of Grafana, one function each: service, business, fraud, database."""

from manifests.observability.panels import dashboard, graph, number, table

_W = "[$__rate_interval]"


def dashboards() -> dict[str, str]:
    """Return the JSON of each dashboard by its file name."""
    return {"service": service(), "business": business(), "fraud": fraud(), "database": database()}


def _quantile(share: str, metric: str, by: str = "", where: str = "") -> str:
    return f"histogram_quantile({share}, sum by (le{by}) (rate({metric}_bucket{where}{_W})))"


def _rate(metric: str, by: str = "", where: str = "") -> str:
    return f"sum{f' by ({by})' if by else ''} (rate({metric}{where}{_W}))"


_DECLINED = _rate("payments_decisions_total", where='{outcome="decline"}')
_REVIEWED = _rate("payments_decisions_total", where='{outcome="review"}')


def service() -> str:
    """Return rate, errors and duration by route, and what saturates first."""
    seconds = "gateway_http_request_duration_seconds"
    requests = _rate(f"{seconds}_count")
    errors = _rate(f"{seconds}_count", where='{status=~"5.."}')
    return dashboard(
        "payments-service",
        "Payments: service",
        [
            (
                "Promises",
                [
                    number("Requests", "reqps", _rate(f"{seconds}_count")),
                    number("Without 5xx", "percentunit", f"1 - (({errors}) or vector(0)) / {requests}"),
                    number("p95", "s", _quantile("0.95", seconds)),
                    number("In flight", "short", "sum(gateway_http_requests_in_flight)"),
                    number("Unknown outcomes", "short", "max(payments_unknown)"),
                    number("Books balance", "bool_yes_no", "min(payments_ledger_balanced)"),
                ],
            ),
            (
                "Requests at the gateway",
                [
                    graph("Rate by status", "reqps", by_status=_rate(f"{seconds}_count", "status")),
                    graph("Rate by route", "reqps", by_route=_rate(f"{seconds}_count", "route")),
                    graph(
                        "Duration",
                        "s",
                        p50=_quantile("0.5", seconds),
                        p95=_quantile("0.95", seconds),
                        p99=_quantile("0.99", seconds),
                    ),
                    graph("p95 by route", "s", by_route=_quantile("0.95", seconds, ", route")),
                    graph(
                        "p95 at payments by route",
                        "s",
                        by_route=_quantile("0.95", "payments_http_request_duration_seconds", ", route"),
                    ),
                    graph(
                        "Turned away",
                        "reqps",
                        limited=_rate("gateway_rate_limited_total"),
                        shed=_rate("gateway_shed_total"),
                        circuit=_rate("gateway_circuit_rejected_total"),
                    ),
                ],
            ),
            (
                "Saturation",
                [
                    graph("Event loop lag, p99", "s", by_job=_quantile("0.99", "event_loop_lag_seconds", ", job")),
                    graph("CPU", "short", by_job="sum by (job) (rate(process_cpu_seconds_total[$__rate_interval]))"),
                    graph("Memory", "bytes", by_job="sum by (job) (process_resident_memory_bytes)"),
                    graph(
                        "In flight",
                        "short",
                        gateway="sum(gateway_http_requests_in_flight)",
                        payments="sum(payments_http_requests_in_flight)",
                    ),
                    graph("Connections to payments", "short", by_state="sum by (state) (gateway_upstream_connections)"),
                    graph("No answer from payments", "reqps", by_kind=_rate("gateway_upstream_errors_total", "kind")),
                ],
            ),
            (
                "Worker",
                [
                    graph("Runs of tasks, p95", "s", by_task=_quantile("0.95", "payments_task_seconds", ", task")),
                    graph(
                        "Failed runs",
                        "short",
                        by_task="sum by (task) (increase(payments_task_failures_total[$__rate_interval]))",
                    ),
                    graph(
                        "Since the last good run",
                        "s",
                        by_task="time() - max by (task) (payments_task_success_timestamp_seconds)",
                    ),
                    graph("Open circuits", "short", by_class='max by (class) (gateway_circuit_state{state="open"})'),
                    graph("Rate limits without Redis", "reqps", fallback=_rate("gateway_rate_limit_fallbacks_total")),
                    table(
                        "Certificates run out in",
                        "s",
                        "min by (host) (payments_certificate_expires_timestamp_seconds) - time()",
                    ),
                ],
            ),
        ],
    )


def business() -> str:
    """Return payments and amounts by currency, and what waits for somebody."""
    live = '{mode="live"}'
    return dashboard(
        "payments-business",
        "Payments: business",
        [
            (
                "Payments",
                [
                    graph(
                        "Live payments by status", "reqps", by_status=_rate("payments_created_total", "status", live)
                    ),
                    graph(
                        "Live payments by currency",
                        "reqps",
                        by_currency=_rate("payments_created_total", "currency", live),
                    ),
                    graph(
                        "Test payments by status",
                        "reqps",
                        by_status=_rate("payments_created_total", "status", '{mode="test"}'),
                    ),
                    graph("Declines by reason", "reqps", by_code=_rate("payments_declined_total", "code")),
                    graph("Replays of idempotency keys", "reqps", replays=_rate("payments_idempotent_replays_total")),
                    graph(
                        "Calls to acquirers by outcome",
                        "reqps",
                        by_outcome=_rate("payments_acquirer_call_seconds_count", "outcome"),
                    ),
                ],
            ),
            (
                "Amounts, in minor units",
                [
                    graph(
                        "Captured per second",
                        "short",
                        by_currency=_rate("payments_captured_minor_units_total", "currency, mode"),
                    ),
                    graph(
                        "Refunded per second",
                        "short",
                        by_currency=_rate("payments_refunded_minor_units_total", "currency, mode"),
                    ),
                    table(
                        "Captured today",
                        "short",
                        "sum by (currency, mode) (increase(payments_captured_minor_units_total[1d]))",
                    ),
                ],
            ),
            (
                "Waiting",
                [
                    graph("Unknown outcomes", "short", waiting="max(payments_unknown)"),
                    graph("Oldest unknown outcome", "s", oldest="max(payments_unknown_oldest_seconds)"),
                    graph("Events without a number", "short", waiting="max(payments_outbox_events)"),
                    graph(
                        "Oldest event",
                        "s",
                        without_number="max(payments_outbox_oldest_seconds)",
                        not_sent="max(payments_webhooks_oldest_seconds)",
                    ),
                    graph(
                        "Webhooks",
                        "short",
                        waiting="max(payments_webhooks_waiting)",
                        retrying="max(payments_webhooks_retrying)",
                    ),
                    graph("Attempts by result", "reqps", by_result=_rate("payments_webhook_attempts_total", "result")),
                ],
            ),
        ],
    )


def fraud() -> str:
    """Return decisions and what they were made of."""
    return dashboard(
        "payments-fraud",
        "Payments: fraud",
        [
            (
                "Decisions",
                [
                    graph("By outcome", "reqps", by_outcome=_rate("payments_decisions_total", "outcome")),
                    graph("By source of signals", "reqps", by_source=_rate("payments_decisions_total", "source")),
                    graph(
                        "Shares",
                        "percentunit",
                        declined=_DECLINED + " / " + _rate("payments_decisions_total"),
                        reviewed=_REVIEWED + " / " + _rate("payments_decisions_total"),
                    ),
                    graph(
                        "Declined as fraud",
                        "reqps",
                        by_mode=_rate("payments_declined_total", "mode", '{code="fraudulent"}'),
                    ),
                    graph(
                        "Fraud API, p95",
                        "s",
                        by_route=_quantile(
                            "0.95", "payments_http_request_duration_seconds", ", route", '{route=~"/v1/fraud/.*"}'
                        ),
                    ),
                    graph(
                        "Upkeep of counters and rules, p95",
                        "s",
                        by_task=_quantile(
                            "0.95",
                            "payments_task_seconds",
                            ", task",
                            '{task=~"rebuild fraud counters|count rule hits"}',
                        ),
                    ),
                ],
            ),
        ],
    )


def database() -> str:
    """Return how commits go, and what the services hold of PostgreSQL."""
    return dashboard(
        "payments-database",
        "Payments: database",
        [
            (
                "Commits",
                [
                    graph("Per second", "short", by_batch=_rate("payments_commit_seconds_count", "batch")),
                    graph("Duration, p50", "s", by_batch=_quantile("0.5", "payments_commit_seconds", ", batch")),
                    graph("Duration, p99", "s", by_batch=_quantile("0.99", "payments_commit_seconds", ", batch")),
                    graph(
                        "Requests in a commit, mean",
                        "short",
                        by_batch=_rate("payments_batch_items_sum", "batch")
                        + " / "
                        + _rate("payments_batch_items_count", "batch"),
                    ),
                    graph(
                        "Requests in a commit, p95",
                        "short",
                        by_batch=_quantile("0.95", "payments_batch_items", ", batch"),
                    ),
                    graph("Run again", "short", by_reason=_rate("payments_commit_retries_total", "reason")),
                ],
            ),
            (
                "Connections and books",
                [
                    graph(
                        "Connections used", "short", by_pool='sum by (pool) (payments_pool_connections{state="used"})'
                    ),
                    graph(
                        "Connections at most",
                        "short",
                        by_pool='sum by (pool) (payments_pool_connections{state="most"})',
                    ),
                    graph(
                        "Requests that wait for one",
                        "short",
                        by_pool='sum by (pool) (payments_pool_connections{state="waiting"})',
                    ),
                    graph(
                        "Answered with nobody knows",
                        "short",
                        requests="sum(increase(payments_unanswered_commits_total[$__rate_interval]))",
                    ),
                    graph(
                        "Differences with settlement files",
                        "short",
                        by_kind="max by (kind) (payments_reconciliation_differences)",
                    ),
                    graph("Books balance", "bool_yes_no", by_mode="min by (mode) (payments_ledger_balanced)"),
                    graph(
                        "Rolling up balances, p95",
                        "s",
                        task=_quantile("0.95", "payments_task_seconds", where='{task="roll up balances"}'),
                    ),
                ],
            ),
        ],
    )
