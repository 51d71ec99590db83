"""`python -m bench`: measure, print, and keep the figures."""

import argparse
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from bench import report
from bench.measure import QUICK, Plan, measure
from payments.devtools.errors import ToolError

_LATEST = Path(__file__).with_name("results") / "latest.json"


def main() -> int:
    """Return the exit code: 1 when payments failed or were lost, or there is no result."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure payments against pgbench.")
    parser.add_argument("--seconds", type=float, help=f"of each phase (default {Plan().seconds:g})")
    parser.add_argument("--quick", action="store_true", help="everything once and briefly, only to see that it works")
    parser.add_argument("--json", type=Path, default=_LATEST, metavar="PATH", help="where the figures are kept")
    asked = parser.parse_args()
    plan = QUICK if asked.quick else Plan()
    if asked.seconds is not None:
        plan = replace(plan, seconds=asked.seconds)
    terminal, began = Console(highlight=False), datetime.now(UTC)
    try:
        measured = measure(plan, lambda text: terminal.print(f"[dim]{text} …[/]"))
    except ToolError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    report.save(report.document(measured, plan, began), asked.json)
    report.show(measured, terminal)
    return 0 if measured.errors == 0 and measured.balanced else 1


if __name__ == "__main__":
    sys.exit(main())
