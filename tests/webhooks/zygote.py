"""Starts real workers quickly: `python -m tests.webhooks.zygote`, settings from the environment.

Imports once; each line on standard input forks a worker, and its process id is printed.
"""

# ruff: noqa: T201 - it talks over its output

import os
import sys

from payments.settings import Settings
from payments.webhooks import deliverer, schedule
from payments.worker import run

# Short enough for a test: whoever takes over waits for the lease of the dead.
deliverer.LEASE_SECONDS = 1.0
schedule.SCHEDULE = (0, *[0.2] * 20)  # type: ignore[assignment]


def main() -> None:
    """Fork until the input ends."""
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            run(Settings())
            os._exit(0)
        print(child, flush=True)


if __name__ == "__main__":
    main()
