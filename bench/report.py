"""The result, for people and for programs."""

import json
import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import psutil
from rich.box import SIMPLE_HEAD
from rich.console import Console, RenderableType
from rich.table import Table

from bench.load import generator_name
from bench.measure import GENERATOR, Measured, Phase, Plan, Yardstick
from bench.stage import CONNECTIONS, EXTERNAL_CONNECTIONS
from bench.tpcb import CLIENTS, THREADS

_PARTS = {
    "gateway": "gateway",
    "payments": "payments",
    "worker": "worker",
    "postgres": "Postgres",
    "valkey": "Redis",
    GENERATOR: "load",
}
# The targets of this stage of the project, shown beside what was measured.
_RATIO, _P95_MS, _GATEWAY_MS, _HOP_MS, _RULES_US = 0.6, 50.0, 0.12, 2.0, 30.0


def document(measured: Measured, plan: Plan, began: datetime) -> dict[str, Any]:
    """Return the whole result as JSON types."""
    return {
        "began_at": began.astimezone(UTC).isoformat(timespec="seconds"),
        "machine": {
            "system": f"{platform.system()} {platform.machine()}",
            "cpus": psutil.cpu_count(),
            "memory_gib": round(psutil.virtual_memory().total / 2**30),
            "load_average": os.getloadavg(),
            "python": _python(),
        },
        "plan": asdict(plan)
        | {
            "connections": CONNECTIONS,
            "external_connections": EXTERNAL_CONNECTIONS,
            "tpcb_clients": CLIENTS,
            "tpcb_threads": THREADS,
        },
        "closed_loop": generator_name(),
        **asdict(measured),
        "errors": measured.errors,
    }


def _python() -> str:
    """Return the interpreter and where it is: one built without profile guidance is up to two fifths slower."""
    return f"{platform.python_version()}, {os.path.realpath(sys.executable)}"


def save(found: dict[str, Any], path: Path) -> None:
    """Write the result as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found, indent=2, allow_nan=False) + "\n")


def show(measured: Measured, terminal: Console) -> None:
    """Print the result."""
    phases = [
        *(("two merchants", phase) for phase in measured.spread),
        *(("one merchant", phase) for phase in measured.hot),
        *(("two merchants at 60 %", phase) for phase in measured.spread_open),
        *(("nine tenths of it", phase) for phase in measured.shared_open),
        ("external order", measured.external),
        ("external at 60 %", measured.external_open),
    ]
    beside = [("a tenth beside the gateway", phase) for phase in measured.straight_open]
    terminal.print(_speed(measured.tpcb, [*phases, *beside]), _cpu(measured.tpcb, phases), *_summary(measured))


def _speed(tpcb: Sequence[Yardstick], phases: Sequence[tuple[str, Phase]]) -> Table:
    table = _table("Per second, latency in ms, share of the machine that others used", "per s", "p50", "p95", "p99")
    table.add_column("errors", justify="right")
    table.add_column("others", justify="right")
    for turn in tpcb:
        table.add_row(
            "pgbench tpcb-like", f"{turn.tps:,.0f}", f"∅ {turn.latency:.1f}", "", "", "", f"{turn.others:.0%}"
        )
    for name, phase in phases:
        latencies = [f"{latency:.1f}" for latency in (phase.p50, phase.p95, phase.p99)]
        errors = str(sum(phase.errors.values()))
        table.add_row(name, f"{phase.payments:,.0f}", *latencies, errors, f"{phase.others:.0%}")
    return table


def _cpu(tpcb: Sequence[Yardstick], phases: Sequence[tuple[str, Phase]]) -> Table:
    table = _table("CPU milliseconds per transaction or payment", *_PARTS.values())
    for turn in tpcb:
        cells = [f"{turn.cpu_ms[part]:.3f}" if part in turn.cpu_ms else "" for part in _PARTS]
        table.add_row("pgbench tpcb-like", *cells)
    for name, phase in phases:
        table.add_row(name, *(f"{phase.cpu_ms[part]:.3f}" for part in _PARTS))
    return table


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("", no_wrap=True)
    for name in columns:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _summary(measured: Measured) -> list[RenderableType]:
    gateway = min(phase.cpu_ms["gateway"] for phase in measured.spread)
    p95 = median(phase.p95 for phase in measured.spread_open)
    lines = [
        ("payments/s ÷ tpcb tps", f"{measured.ratio:.2f}", measured.ratio >= _RATIO, f"at least {_RATIO}"),
        ("CPU per transaction ÷ payment", f"{measured.cpu_ratio:.2f}", None, "the ratio, were the machine ours alone"),
        ("p95 at 60 %", f"{p95:.1f} ms", p95 < _P95_MS, f"below {_P95_MS:g}"),
        ("the gateway adds to p50", f"{measured.hop_ms:.1f} ms", measured.hop_ms <= _HOP_MS, f"at most {_HOP_MS:g}"),
        ("gateway CPU per payment", f"{gateway:.3f} ms", gateway <= _GATEWAY_MS, f"at most {_GATEWAY_MS}"),
        ("one merchant ÷ two", f"{measured.hot_ratio:.2f}", None, "about 1"),
        (f"{measured.rules} fraud rules", f"{measured.rules_us:.1f} µs", measured.rules_us < _RULES_US, "below 30 µs"),
        ("Redis, a million active cards", f"{measured.redis_mb:.0f} MB", None, "one payment each, today"),
        (
            "memory at most",
            ", ".join(f"{name} {mib:.0f}" for name, mib in measured.memory_mib.items()) + " MiB",
            None,
            "one process each",
        ),
        ("errors", str(measured.errors), measured.errors == 0, "0"),
        (
            "payments answered, written",
            f"{measured.answered:,}, {measured.written:,}",
            measured.answered <= measured.written,
            "none lost",
        ),
        ("decided without Redis", f"{measured.degraded:,}", None, ""),
        ("books balance", "yes" if measured.balanced else "no", measured.balanced, "yes"),
    ]
    table = Table.grid(padding=(0, 2))
    for name, value, good, target in lines:
        mark = "" if good is None else "[green]✓[/]" if good else "[red]✗[/]"
        table.add_row(name, value, mark, f"[dim]{target}[/]")
    settings = ", ".join(f"{name} {value}" for name, value in measured.durability.items())
    how = f"Durable commits: {settings}; one durable write takes {measured.sync_ms:.2f} ms."
    return [table, f"\n[dim]{how} Closed loop by {generator_name()}. Python {_python()}.[/]"]
