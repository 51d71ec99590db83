"""`python -m bench.overload`: what is left of the throughput when far more arrives than can be served.

Saturation is found in a closed loop, with as many connections as the gateway takes on at once. Then requests arrive at
fixed moments (open loop) at multiples of it, on more connections than that, so that the gateway has to turn some away.
Goodput is payments created per second; above saturation it should stay within 10 % of its own peak. Saturation is
measured again between any two levels, and each is compared with its neighbours, as the machine was at that time.
"""

import argparse
import json
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median

from bench.generator import Outcome
from bench.stage import CONNECTIONS, running_stage
from payments.devtools.errors import ToolError

SHARES = (0.5, 1.0, 1.5, 2.0, 3.0)
ROUNDS = 7
OVERLOAD_CONNECTIONS = 3 * CONNECTIONS
FLOOR = 0.9  # of the peak
_TURNED_AWAY = frozenset(("503", "429"))


@dataclass(frozen=True, slots=True)
class Step:
    """One level of load in one round.

    Shapes:
        share: offered ÷ the saturation before it.
        peak: saturation before and after it, their mean, per second.
        offered, goodput, turned_away: per second.
        p50, p99: milliseconds, of payments created.
        failed: neither created nor turned away.
        generator: how many cores the generator used.
    """

    share: float
    peak: float
    offered: float
    goodput: float
    turned_away: float
    p50: float
    p99: float
    failed: dict[str, int]
    generator: float

    @property
    def kept(self) -> float:
        """Goodput ÷ peak."""
        return self.goodput / self.peak


def measure(seconds: float, cards: int, rounds: int) -> list[list[Step]]:
    """Return the steps of each level, one per round.

    Raises:
        ToolError: the platform did not start, or a phase gave no result.

    """
    levels: list[list[Step]] = [[] for _ in SHARES]
    with running_stage(cards) as stage:
        stage.spread.saturate(seconds)  # warm up
        crowd = replace(stage.spread, connections=OVERLOAD_CONNECTIONS)
        before = _per_second(stage.spread.saturate(seconds))
        for _ in range(rounds):
            for share, steps in zip(SHARES, levels, strict=True):
                outcome = crowd.arrive(seconds, share * before)
                after = _per_second(stage.spread.saturate(seconds))
                steps.append(_step(share, before, after, outcome))
                before = after
        return levels
    raise ToolError("interrupted")


def _step(share: float, before: float, after: float, outcome: Outcome) -> Step:
    away = sum(count for status, count in outcome.errors.items() if status in _TURNED_AWAY)
    return Step(
        share=share,
        peak=(before + after) / 2,
        offered=share * before,
        goodput=_per_second(outcome),
        turned_away=away / outcome.seconds,
        p50=outcome.p50,
        p99=outcome.p99,
        failed={status: count for status, count in outcome.errors.items() if status not in _TURNED_AWAY},
        generator=outcome.cpu_seconds / outcome.seconds,
    )


def _per_second(outcome: Outcome) -> float:
    return outcome.answered / outcome.seconds


def _show(levels: list[list[Step]]) -> None:
    print("per second, medians of rounds; the peak is that of the closed loop before and after, at the same time\n")
    print("offered    goodput     peak  of peak  turned away  p50 ms  p99 ms  generator, cores  failed")
    for steps in levels:
        goodput, peak, kept, away, p50, p99, generator = (
            median(getattr(step, name) for step in steps)
            for name in ("goodput", "peak", "kept", "turned_away", "p50", "p99", "generator")
        )
        failed = [step.failed for step in steps if step.failed]
        print(
            f"{steps[0].share:5.1f} x {goodput:11,.0f} {peak:8,.0f} {kept:8.0%} {away:12,.0f} {p50:7.1f} {p99:7.1f} "
            f"{generator:17.2f}  {failed or ''}"
        )


def main() -> int:
    """Return the exit code: 1 when goodput falls below its floor, or there is no result."""
    parser = argparse.ArgumentParser(prog="python -m bench.overload", description="Measure goodput above saturation.")
    parser.add_argument("--seconds", type=float, default=2.5, help="of each phase")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--cards", type=int, default=200)
    parser.add_argument("--json", type=Path, help="where the figures are kept")
    asked = parser.parse_args()
    try:
        levels = measure(asked.seconds, asked.cards, asked.rounds)
    except ToolError as error:
        print(f"bench.overload: {error}", file=sys.stderr)
        return 1
    if asked.json is not None:
        asked.json.write_text(json.dumps([[asdict(step) for step in steps] for steps in levels], indent=2) + "\n")
    _show(levels)
    above = [steps for steps in levels if steps[0].share > 1]
    return 0 if all(median(step.kept for step in steps) >= FLOOR for steps in above) else 1


if __name__ == "__main__":
    sys.exit(main())
