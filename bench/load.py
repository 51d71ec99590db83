"""Sends payments: with wrk where it is installed and the loop is closed, with our own generator otherwise."""

import json
import resource
import secrets
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.generator import Outcome
from bench.requests import MARK, MIDDLE, PREFIX_WIDTH
from payments.devtools.errors import ToolError

_LUA = Path(__file__).with_name("wrk.lua")
_STARTING_AND_ENDING_SECONDS = 60


class BenchError(ToolError):
    """The benchmark has no result."""


@dataclass(frozen=True, slots=True)
class Load:
    """What is sent: a file of requests, to `host:port`, on so many connections.

    `slow`: an answer takes so long that all of them have to be waited for, which wrk does not do.
    """

    requests: Path
    address: str
    connections: int
    slow: bool = False

    def saturate(self, seconds: float) -> Outcome:
        """Send as fast as answers come back (closed loop)."""
        wrk = None if self.slow else shutil.which("wrk")
        return self._wrk(wrk, seconds) if wrk else self._own(seconds)

    def arrive(self, seconds: float, rate: float) -> Outcome:
        """Send at fixed moments, so many a second (open loop)."""
        return self._own(seconds, "--rate", f"{rate:.3f}")

    def _own(self, seconds: float, *options: str) -> Outcome:
        command = [sys.executable, "-m", "bench.generator", str(self.requests), "--address", self.address]
        command += ["--connections", str(self.connections), "--seconds", str(seconds), "--prefix", _prefix()]
        return _answered(Outcome(**json.loads(_output([*command, *options], seconds))))

    def _wrk(self, wrk: str, seconds: float) -> Outcome:
        command = [wrk, "--threads=1", f"--connections={self.connections}", f"--duration={max(1, round(seconds))}s"]
        command += [f"--script={_LUA}", f"http://{self.address}", "--", str(self.requests), MARK, _prefix() + MIDDLE]
        before = _cpu_of_children()
        printed = _output(command, seconds)
        cpu = _cpu_of_children() - before
        found = json.loads(printed.strip().rsplit("\n", 1)[-1])
        errors = {"status": found.pop("status_errors"), "socket": found.pop("socket_errors")}
        return _answered(Outcome(errors={what: n for what, n in errors.items() if n}, cpu_seconds=cpu, **found))


def generator_name() -> str:
    """Return what `saturate` uses here."""
    return "wrk" if shutil.which("wrk") else "bench.generator"


def _prefix() -> str:
    return secrets.token_hex(PREFIX_WIDTH // 2)


def _answered(outcome: Outcome) -> Outcome:
    if not outcome.answered:
        raise BenchError(f"not one payment was answered; errors: {outcome.errors}")
    return outcome


def _output(command: Sequence[str], seconds: float) -> str:
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=seconds + _STARTING_AND_ENDING_SECONDS
    )
    if done.returncode:
        raise BenchError(f"{command[0]} failed: {done.stderr.strip()[-2000:]}")
    return done.stdout


def _cpu_of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
