"""The platform's own processes: the two services and the worker."""

import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from signal import Signals
from typing import IO

from payments.devtools import processes
from payments.devtools.errors import ServiceError
from payments.devtools.ports import LOOPBACK
from payments.devtools.processes import Program

_READY_SECONDS = 30.0
_POLL_SECONDS = 0.05


class Service:
    """`python -m …`, with settings from the environment."""

    stop_signal = Signals.SIGTERM

    def __init__(self, name: str, *module: str, environment: Mapping[str, str]) -> None:
        """Take what follows `python -m`."""
        self.name = name
        self.process: subprocess.Popen[bytes] | None = None
        self._program = Program(
            name, [sys.executable, "-m", *module], stop_signal=self.stop_signal, environment=environment
        )

    def start(self, output: IO[bytes]) -> None:
        """Start and wait until it is ready.

        Raises:
            ServiceError: it ended, or took too long.
        """
        self.process = processes.spawn(self._program, output=output)
        deadline = time.monotonic() + _READY_SECONDS
        while not self.ready():
            if self.process.poll() is not None:
                raise ServiceError(f"{self.name} ended with exit code {self.process.returncode} instead of starting")
            if time.monotonic() > deadline:
                raise ServiceError(f"{self.name} was not ready after {_READY_SECONDS:.0f} s")
            time.sleep(_POLL_SECONDS)

    def ready(self) -> bool:
        """Nobody waits for a process that does not listen."""
        return True


class HttpService(Service):
    """A service that listens on a loopback port and says there whether it is ready."""

    def __init__(self, name: str, factory: str, *, port: int, environment: Mapping[str, str]) -> None:
        """Take the application factory as `module:function`."""
        super().__init__(
            name, "shared.serving", factory, "--host", LOOPBACK, "--port", str(port), environment=environment
        )
        self.url = f"http://{LOOPBACK}:{port}"

    def ready(self) -> bool:
        """Ask it."""
        try:
            with urllib.request.urlopen(f"{self.url}/health/ready", timeout=2):  # noqa: S310  an http URL of ours
                return True
        except OSError:  # refused, or an answer that says "not yet"
            return False
