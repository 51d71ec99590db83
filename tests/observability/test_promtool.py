"""The rules of Prometheus: promtool reads them, each alert fires when it should and stays quiet when it should not."""

import shutil
import subprocess

import pytest
import yaml

from manifests.observability.alerts import alerts
from manifests.observability.rules import rules
from manifests.observability.times import Times
from tests.observability.expressions import expressions

if not shutil.which("promtool"):
    pytest.skip("rules of Prometheus: no promtool on PATH (apt-get install prometheus)", allow_module_level=True)

ALL = {alert.name: alert for group in alerts(Times()).values() for alert in group}
COUNT = "gateway_http_request_duration_seconds_count"
BUCKET = "gateway_http_request_duration_seconds_bucket"
V1 = 'method="POST",route="/v1/payments",status'
MINUTES, DAYS = 40, 4_500


def requests(status, per_minute):
    return f'{COUNT}{{{V1}="{status}"}}', f"0+{per_minute}x4500"


def fast(share):
    return (f'{BUCKET}{{{V1}="201",le="0.2"}}', f"0+{600 * share:g}x4500"), requests(201, 600)


def histogram(name, above, below, labels=""):
    """Series of values that are all between two bounds."""
    return [
        (f'{name}_bucket{{{labels}le="{bound}"}}', f"0+{count}x100")
        for bound, count in ((above, 0), (below, 600), ("+Inf", 600))
    ]


DECISIONS = 'payments_decisions_total{{outcome="approve",source="{}"}}'
CALLS = 'payments_acquirer_call_seconds_count{{outcome="{}"}}'
CREATED = 'payments_created_total{{currency="EUR",status="{}",mode="live"}}'
# For each alert: what makes it fire, and what is just not enough. Steps are minutes.
CASES = {
    "AvailabilityBudgetFast": ((requests(201, 600), requests(503, 2)), (requests(201, 60_000), requests(503, 2))),
    "AvailabilityBudgetSlow": ((requests(201, 1000), requests(503, 1)), (requests(201, 10_000), requests(503, 1))),
    "AvailabilityBudgetLeak": ((requests(201, 6000), requests(503, 1)), (requests(201, 60_000), requests(503, 1))),
    "LatencyBudgetFast": (fast(0.2), fast(0.35)),
    "LatencyBudgetSlow": (fast(0.6), fast(0.75)),
    "LatencyBudgetLeak": (fast(0.9), fast(0.96)),
    "ProcessDown": ([('up{job="payments"}', "0x100")], [('up{job="payments"}', "1x100")]),
    "WorkerStalled": (
        [('payments_task_success_timestamp_seconds{task="sequence events"}', "0x100")],
        [('payments_task_success_timestamp_seconds{task="sequence events"}', "0+60x100")],
    ),
    "TaskFailing": (
        [('payments_task_failures_total{task="send payouts"}', "0+1x100")],
        [('payments_task_failures_total{task="send payouts"}', "0x10 1x60")],
    ),
    "EventLoopLag": (
        histogram("event_loop_lag_seconds", "0.1", "0.25"),
        histogram("event_loop_lag_seconds", "0.05", "0.1"),
    ),
    "LoadShed": ([("gateway_shed_total", "0+60x100")], [("gateway_shed_total", "5x100")]),
    "ConnectionsExhausted": (
        [('payments_pool_connections{pool="read",state="waiting"}', "9x100")],
        [('payments_pool_connections{pool="read",state="waiting"}', "2x100")],
    ),
    "UpstreamQueue": (
        [('gateway_upstream_connections{state="waiting"}', "4x100")],
        [('gateway_upstream_connections{state="waiting"}', "4 0 4 0x97")],
    ),
    "MemoryHigh": (
        [('process_resident_memory_bytes{job="payments"}', "343000000x100")],
        [('process_resident_memory_bytes{job="payments"}', "341000000x100")],
    ),
    "SignalsWithoutRedis": (
        [(DECISIONS.format("redis"), "0+60x100"), (DECISIONS.format("postgres"), "0+6x100")],
        [(DECISIONS.format("redis"), "0+600x100"), (DECISIONS.format("degraded"), "0+6x100")],
    ),
    "LimitsWithoutRedis": (
        [("gateway_rate_limit_fallbacks_total", "0+1x100")],
        [("gateway_rate_limit_fallbacks_total", "7x100")],
    ),
    "CircuitOpen": (
        [('gateway_circuit_state{class="write",state="open"}', "1x100")],
        [('gateway_circuit_state{class="write",state="open"}', "0x100")],
    ),
    "UpstreamErrors": (
        [('gateway_upstream_errors_total{kind="timeout"}', "0+60x100")],
        [('gateway_upstream_errors_total{kind="timeout"}', "3x100")],
    ),
    "CommitsSlow": (
        histogram("payments_commit_seconds", "0.1", "0.25", 'batch="creations",'),
        histogram("payments_commit_seconds", "0.05", "0.1", 'batch="creations",'),
    ),
    "CommitsRetried": (
        [('payments_commit_retries_total{reason="connection"}', "0+60x100")],
        [('payments_commit_retries_total{reason="connection"}', "0+1x100")],
    ),
    "CommitsUnanswered": (
        [("payments_unanswered_commits_total", "0+1x100")],
        [("payments_unanswered_commits_total", "1x100")],
    ),
    "AcquirerSlow": (
        histogram("payments_acquirer_call_seconds", "1.0", "2.5"),
        histogram("payments_acquirer_call_seconds", "0.5", "1.0"),
    ),
    "AcquirerUnknown": (
        [(CALLS.format("approved"), "0+60x100"), (CALLS.format("unknown"), "0+6x100")],
        [(CALLS.format("approved"), "0+600x100"), (CALLS.format("unknown"), "0+6x100")],
    ),
    "UnknownOutcomes": (
        [("payments_unknown", "11x100"), ("payments_unknown_oldest_seconds", "400x100")],
        [("payments_unknown", "11x100"), ("payments_unknown_oldest_seconds", "200x100")],
    ),
    "UnknownOutcomeOld": (
        [("payments_unknown_oldest_seconds", "3700x100")],
        [("payments_unknown_oldest_seconds", "3500x100")],
    ),
    "OutboxStalled": (
        [("payments_outbox_oldest_seconds", "70x100")],
        [("payments_outbox_oldest_seconds", "0 70 0x98")],
    ),
    "WebhooksDelayed": (
        [("payments_webhooks_oldest_seconds", "400x100")],
        [("payments_webhooks_oldest_seconds", "200x100")],
    ),
    "WebhooksParked": (
        [('payments_webhook_attempts_total{result="parked"}', "0+1x100")],
        [('payments_webhook_attempts_total{result="delivered"}', "0+99x100")],
    ),
    "LedgerUnbalanced": (
        [('payments_ledger_balanced{mode="live"}', "0x100")],
        [('payments_ledger_balanced{mode="live"}', "1x100")],
    ),
    "ReconciliationDifferences": (
        [('payments_reconciliation_differences{kind="missing"}', "2x100")],
        [('payments_reconciliation_differences{kind="missing"}', "0x100")],
    ),
    "DeclinesHigh": (
        [(CREATED.format("captured"), "0+4x100"), (CREATED.format("declined"), "0+6x100")],
        [(CREATED.format("captured"), "0+6x100"), (CREATED.format("declined"), "0+4x100")],
    ),
    "KeyOld": (
        [('payments_key_since_timestamp_seconds{purpose="keyring"}', f"{-366 * 86_400}x100")],
        [('payments_key_since_timestamp_seconds{purpose="keyring"}', f"{-364 * 86_400}x100")],
    ),
    "CertificateExpires": (
        [
            (
                'payments_certificate_expires_timestamp_seconds{host="api.example.com"}',
                f"{MINUTES * 60 + 13 * 86_400}x100",
            )
        ],
        [
            (
                'payments_certificate_expires_timestamp_seconds{host="api.example.com"}',
                f"{MINUTES * 60 + 15 * 86_400}x100",
            )
        ],
    ),
}


def test_every_alert_is_tried_here():
    assert CASES.keys() == ALL.keys()


def promtool(*arguments):
    ran = subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize("scale", [1, 1 / 12, 1 / 60])
def test_promtool_reads_the_rules_at_every_speed(tmp_path, scale):
    path = tmp_path / "rules.yml"
    path.write_text(yaml.safe_dump(rules(Times(scale))))
    promtool("check", "rules", str(path))


@pytest.mark.parametrize("long", [False, True], ids=["minutes", "days"])
def test_alerts_fire_and_stay_quiet(tmp_path, long):
    """Those of objectives look days back, and are evaluated less often for it; the others are seen after 40 minutes."""
    groups = [group for group in rules()["groups"] if group["name"].startswith("objectives") == long]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": groups}))
    tests = [
        {
            "interval": "1m",
            "name": f"{name} {'fires' if firing else 'is quiet'}",
            "input_series": [{"series": series, "values": values} for series, values in cases[0 if firing else 1]],
            # Whether there is one, whatever its labels.
            "promql_expr_test": [
                {
                    "expr": f'count(ALERTS{{alertname="{name}",alertstate="firing"}}) or vector(0)',
                    "eval_time": f"{DAYS if long else MINUTES}m",
                    "exp_samples": [{"labels": "{}", "value": 1 if firing else 0}],
                }
            ],
        }
        for name, cases in CASES.items()
        for firing in (True, False)
        if ("Budget" in name) == long
    ]
    plan = {
        "rule_files": ["rules.yml"],
        "group_eval_order": [group["name"] for group in groups],
        "evaluation_interval": "30m" if long else "1m",
        "tests": tests,
    }
    path = tmp_path / "tests.yml"
    path.write_text(yaml.safe_dump(plan))
    promtool("test", "rules", str(path))


def test_expressions_of_dashboards_are_promql(tmp_path):
    found = [each.replace("$__rate_interval", "5m") for each in expressions()]
    group = {"name": "panels", "rules": [{"record": f"panel:{at}", "expr": each} for at, each in enumerate(found)]}
    path = tmp_path / "panels.yml"
    path.write_text(yaml.safe_dump({"groups": [group]}))
    promtool("check", "rules", str(path))
