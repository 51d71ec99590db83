"""`make bench`, shortened: does it still measure everything?"""

import json
import math
import subprocess
import sys

import pytest

from payments.devtools.workspace import PROJECT

PARTS = {"gateway", "payments", "worker", "postgres", "valkey", "generator"}


def numbers(value):
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [number for item in value for number in numbers(item)]
    return [value] if isinstance(value, float) else []


@pytest.mark.slow
def test_the_report_is_complete_and_nothing_fails(tmp_path):
    path = tmp_path / "result.json"
    done = subprocess.run(
        [sys.executable, "-m", "bench", "--quick", "--json", str(path)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(path.read_text())
    assert found["errors"] == 0
    assert found["balanced"] is True
    assert found["written"] >= found["answered"] > 0
    assert found["durability"] == {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
    assert found["sync_ms"] > 0
    assert found["ratio"] > 0
    assert found["cpu_ratio"] > 0
    assert found["hot_ratio"] > 0
    assert found["rules"] == 12
    assert found["rules_us"] > 0
    assert 50 < found["redis_mb"] < 1000
    assert set(found["memory_mib"]) == {"gateway", "payments", "worker"}
    assert all(20 < mib < 2000 for mib in found["memory_mib"].values())
    for turn in found["tpcb"]:
        assert turn["tps"] > 0
        assert set(turn["cpu_ms"]) == {"postgres", "generator"}
    below = [*found["spread_open"], *found["shared_open"], *found["straight_open"], found["external_open"]]
    phases = [*found["spread"], *found["hot"], *below, found["external"]]
    assert len(phases) == 4 + 3 * 3
    for phase in phases:
        assert phase["answered"] > 0
        assert phase["errors"] == {}
        assert 0 < phase["p50"] <= phase["p95"] <= phase["p99"]
        assert set(phase["cpu_ms"]) == PARTS
    assert all(math.isfinite(number) for number in numbers(found))
    for line in (
        "payments/s ÷ tpcb tps",
        "two merchants at 60 %",
        "nine tenths of it",
        "a tenth beside the gateway",
        "external order",
        "CPU milliseconds",
    ):
        assert line in done.stdout


@pytest.mark.slow
def test_above_saturation_payments_are_made_or_turned_away(tmp_path):
    path = tmp_path / "overload.json"
    done = subprocess.run(
        [sys.executable, "-m", "bench.overload", "--seconds=0.4", "--rounds=1", "--cards=20", f"--json={path}"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert not done.stderr
    steps = [step for level in json.loads(path.read_text()) for step in level]
    assert [step["share"] for step in steps] == [0.5, 1.0, 1.5, 2.0, 3.0]
    assert all(step["goodput"] > 0 and step["peak"] > 0 and step["failed"] == {} for step in steps)
