"""PostgreSQL's own benchmark, the yardstick: pgbench's tpcb-like script, one durable commit per transaction."""

import os
import re
import subprocess
from dataclasses import dataclass

from psycopg.conninfo import conninfo_to_dict

from bench.load import BenchError
from payments.devtools.servers import SUPERUSER, Postgres

CLIENTS = 32
THREADS = 2
_DATABASE = "tpcb"
_STARTING_AND_ENDING_SECONDS = 300  # a slow disk takes its time to fill the tables
_VARIABLES = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
}
_TPS = re.compile(r"^tps = ([0-9.]+)", re.MULTILINE)
_LATENCY = re.compile(r"^latency average = ([0-9.]+) ms", re.MULTILINE)
_TRANSACTIONS = re.compile(r"^number of transactions actually processed: (\d+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Tpcb:
    """One run: transactions per second, how many, and their mean latency in milliseconds."""

    tps: float
    transactions: int
    latency: float


class Pgbench:
    """Runs pgbench against a database of its own on a server."""

    def __init__(self, postgres: Postgres, scale: int) -> None:
        """Fill the tables: 100,000 accounts per unit of scale."""
        self._postgres = postgres
        postgres.create_database(_DATABASE)
        self._run("--initialize", "--quiet", f"--scale={scale}")

    def run(self, seconds: float) -> Tpcb:
        """Run for that long."""
        duration = f"--time={max(1, round(seconds))}"
        return parse(self._run(f"--client={CLIENTS}", f"--jobs={THREADS}", "--protocol=prepared", duration))

    def _run(self, *options: str) -> str:
        server = conninfo_to_dict(self._postgres.url(SUPERUSER, _DATABASE))
        done = subprocess.run(
            [str(self._postgres.binaries / "pgbench"), *options],
            # Not on the command line, which everybody can read.
            env={**os.environ, **{variable: str(server[name]) for name, variable in _VARIABLES.items()}},
            capture_output=True,
            text=True,
            check=False,
            timeout=_STARTING_AND_ENDING_SECONDS,
        )
        if done.returncode:
            raise BenchError(f"pgbench failed: {done.stderr.strip()[-2000:]}")
        return done.stdout


def parse(printed: str) -> Tpcb:
    """Read what pgbench prints at its end."""
    found = [pattern.search(printed) for pattern in (_TPS, _TRANSACTIONS, _LATENCY)]
    tps, transactions, latency = (match[1] if match else "nan" for match in found)
    return Tpcb(float(tps), int(transactions), float(latency))
