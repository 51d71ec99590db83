"""CPU accounts, pgbench's words, and how a result is judged."""

import subprocess
import sys
from dataclasses import replace

import psutil
import pytest

from bench import cpu
from bench.cpu import Meter, Sample
from bench.load import BenchError, Load
from bench.measure import Measured, Phase, Yardstick
from bench.requests import MARK, write
from bench.tpcb import Tpcb, parse

BURN = "import time\nwhile time.process_time() < {seconds}: pass"


def test_cpu_of_a_part_includes_its_descendants_dead_or_alive():
    # The child burns; its own child has burned and gone before.
    program = (
        "import subprocess, sys\n"
        f"subprocess.run([sys.executable, '-c', {BURN.format(seconds=0.3)!r}])\n"
        f"{BURN.format(seconds=0.3)}\n"
        "print('done', flush=True)\nsys.stdin.read()"
    )
    command = [sys.executable, "-c", f"import subprocess, sys; subprocess.run([sys.executable, '-c', {program!r}])"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        meter = Meter({"part": process.pid})
        assert process.stdout.readline() == b"done\n"
        sample = meter.read()
        process.stdin.close()
    assert sample.parts["part"] >= 0.55  # the kernel counts hundredths
    assert sample.machine >= sample.parts["part"]


def test_what_others_used():
    cpus = psutil.cpu_count() or 1
    before, after = Sample({"a": 1.0, "b": 1.0}, 10.0, 0.0), Sample({"a": 2.0, "b": 1.5}, 10.0 + 4 * cpus, 5.0)
    assert cpu.others(before, after, own=0.5) == pytest.approx((4 * cpus - 2) / (5 * cpus))
    assert cpu.others(before, after, own=1000.0) == 0


def test_pgbench_is_read():
    printed = """pgbench (18.6)
transaction type: <builtin: TPC-B (sort of)>
scaling factor: 30
number of transactions actually processed: 54321
number of failed transactions: 0 (0.000%)
latency average = 5.891 ms
initial connection time = 71.002 ms
tps = 5432.100000 (without initial connection time)
"""
    assert parse(printed) == Tpcb(5432.1, 54321, 5.891)


def test_a_run_without_an_answer_has_no_result(tmp_path):
    write(tmp_path / "requests", [MARK])
    with pytest.raises(BenchError, match="refused"):
        Load(tmp_path / "requests", "127.0.0.1:1", 1, slow=True).saturate(0.1)


def phase(**changes):
    same = Phase(answered=10, payments=1.0, rate=None, p50=1.0, p95=1.0, p99=1.0, errors={}, cpu_ms={}, others=0.0)
    return replace(same, **changes)


@pytest.mark.parametrize(
    ("bad", "answered", "errors"), [({}, 60, 0), ({}, 62, 2), ({"503": 3, "connection lost": 1}, 60, 4)]
)
def test_errors_are_bad_answers_and_lost_payments(bad, answered, errors):
    measured = Measured(
        tpcb=[Yardstick(1.0, 1.0, {}, 0.0)],
        spread=[phase()],
        hot=[phase(errors=bad)],
        spread_open=[phase()],
        shared_open=[phase()],
        straight_open=[phase()],
        external=phase(),
        external_open=phase(),
        ratio=1.0,
        cpu_ratio=1.0,
        hot_ratio=1.0,
        hop_ms=1.0,
        answered=answered,
        written=60,
        degraded=0,
        rules=12,
        rules_us=1.0,
        redis_mb=1.0,
        memory_mib={},
        balanced=True,
        durability={},
        sync_ms=1.0,
    )
    assert measured.errors == errors
