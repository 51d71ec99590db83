"""`python -m bench.overload`: what is left of the throughput when far more arrives than can be served.

First saturation is found, with as many connections as the gateway takes on at once. Then requests arrive at fixed
moments (open loop) at multiples of it, on more connections than that, so that the gateway has to turn some away.
Goodput is payments created per second; above saturation it should stay within 10 % of its own peak.
"""

import argparse
import json
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from bench.generator import Outcome
from bench.stage import CONNECTIONS, running_stage
from payments.devtools.errors import ToolError

SHARES = (0.5, 1.0, 1.5, 2.0, 3.0)
OVERLOAD_CONNECTIONS = 3 * CONNECTIONS
FLOOR = 0.9  # of the peak
_TURNED_AWAY = frozenset(("503", "429"))


@dataclass(frozen=True, slots=True)
class Step:
    """One level of load.

    Shapes:
        offered, goodput, turned_away: per second.
        p50, p99: milliseconds, of payments created.
        failed: neither created nor turned away.
    """

    share: float
    offered: float
    goodput: float
    turned_away: float
    p50: float
    p99: float
    failed: dict[str, int]


def measure(seconds: float, cards: int) -> tuple[float, list[Step]]:
    """Return the peak and what became of it at each level.

    Raises:
        ToolError: the platform did not start, or a phase gave no result.

    """
    with running_stage(cards) as stage:
        stage.spread.saturate(seconds)  # warm up
        first = _per_second(stage.spread.saturate(seconds))
        crowd = replace(stage.spread, connections=OVERLOAD_CONNECTIONS)
        steps = [_step(share, first, crowd.arrive(seconds, share * first)) for share in SHARES]
        return max(first, *(step.goodput for step in steps)), steps
    raise ToolError("interrupted")


def _step(share: float, peak: float, outcome: Outcome) -> Step:
    away = sum(count for status, count in outcome.errors.items() if status in _TURNED_AWAY)
    failed = {status: count for status, count in outcome.errors.items() if status not in _TURNED_AWAY}
    goodput = _per_second(outcome)
    return Step(share, share * peak, goodput, away / outcome.seconds, outcome.p50, outcome.p99, failed)


def _per_second(outcome: Outcome) -> float:
    return outcome.answered / outcome.seconds


def main() -> int:
    """Return the exit code: 1 when goodput falls below its floor, or there is no result."""
    parser = argparse.ArgumentParser(prog="python -m bench.overload", description="Measure goodput above saturation.")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each phase")
    parser.add_argument("--cards", type=int, default=200)
    parser.add_argument("--json", type=Path, help="where the figures are kept")
    asked = parser.parse_args()
    try:
        peak, steps = measure(asked.seconds, asked.cards)
    except ToolError as error:
        print(f"bench.overload: {error}", file=sys.stderr)
        return 1
    if asked.json is not None:
        asked.json.write_text(json.dumps({"peak": peak, "steps": [asdict(step) for step in steps]}, indent=2) + "\n")
    print(f"peak {peak:,.0f} payments/s on {CONNECTIONS} connections\n")
    print(f"{'offered':>16} {'goodput':>9} {'of peak':>8} {'turned away':>12} {'p50 ms':>8} {'p99 ms':>8}  failed")
    for step in steps:
        print(
            f"{step.share:4.1f} x = {step.offered:7,.0f} {step.goodput:9,.0f} {step.goodput / peak:8.0%} "
            f"{step.turned_away:12,.0f} {step.p50:8.1f} {step.p99:8.1f}  {step.failed or ''}"
        )
    above = [step.goodput / peak for step in steps if step.share > 1]
    return 0 if min(above) >= FLOOR else 1


if __name__ == "__main__":
    sys.exit(main())
