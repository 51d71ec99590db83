"""Runs a set of processes as one: starts them in order, stops them in reverse, and stops all when one ends.

    with Supervisor(console) as supervisor:
        supervisor.start(postgres)
        supervisor.start(gateway)
        supervisor.watch()          # returns on Ctrl-C, SIGTERM or a closed terminal

Only the supervisor hears Ctrl-C: its children live in sessions of their own. A second Ctrl-C ends them at once.
"""

import signal
import subprocess
import time
from collections.abc import Sequence
from signal import Signals
from types import FrameType
from typing import IO, Protocol, Self

from payments.devtools import processes
from payments.devtools.console import Console
from payments.devtools.errors import ChildDiedError

_POLL_SECONDS = 0.1
_GRACE_SECONDS = 20.0
_STOP_SIGNALS = (Signals.SIGINT, Signals.SIGTERM, Signals.SIGHUP)
_NAME = "platform"


class Child(Protocol):
    """Something with a process that can be started and stopped."""

    @property
    def name(self) -> str:
        """How the log calls it."""

    @property
    def stop_signal(self) -> Signals:
        """The signal that asks it to stop in good order."""

    @property
    def process(self) -> subprocess.Popen[bytes] | None:
        """The running process, once there is one."""

    def start(self, output: IO[bytes]) -> None:
        """Start with both output streams going to `output`, and wait until it is ready."""


class Interrupted(BaseException):
    """Somebody asked the platform to stop; like KeyboardInterrupt, not to be caught by accident."""


class Supervisor:
    """Owns its children and the signals of this process, for the length of a `with` block in the main thread."""

    def __init__(self, console: Console) -> None:
        """Nothing starts yet."""
        self._console = console
        self._children: list[Child] = []
        self._previous: dict[Signals, object] = {}
        self._asked = 0

    def __enter__(self) -> Self:
        """Take over the signals that ask to stop."""
        for number in _STOP_SIGNALS:
            self._previous[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(self, _kind: type[BaseException] | None, error: BaseException | None, *_: object) -> bool:
        """Stop every child, last started first; being asked to stop is not an error."""
        self._asked += 1  # from here on, a signal means: at once
        if isinstance(error, Interrupted):
            self._console.line(_NAME, f"{error}: stopping (once more to end everything at once)")
        for child in reversed(self._children):
            self._stop(child)
        for number, handler in self._previous.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # whatever signal.signal returned fits
        self._console.drain()
        return isinstance(error, Interrupted)

    @property
    def children(self) -> Sequence[Child]:
        """What was started, in that order."""
        return tuple(self._children)

    def start(self, child: Child) -> None:
        """Start a child and wait until it is ready."""
        self._children.append(child)
        with self._console.pipe(child.name) as output:
            child.start(output)

    def watch(self) -> None:
        """Wait, until somebody asks to stop.

        Raises:
            ChildDiedError: a child ended.
        """
        while True:
            self.check()
            time.sleep(_POLL_SECONDS)

    def check(self) -> None:
        """Look after the children once.

        Raises:
            ChildDiedError: a child ended.
        """
        for child in self._children:
            if child.process and child.process.poll() is not None:
                raise ChildDiedError(f"{child.name} {_how_it_ended(child.process.returncode)}")

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self._asked += 1
        if self._asked == 1:
            raise Interrupted(Signals(number).name)  # printing here could interrupt a print
        for child in self._children:
            if child.process and child.process.poll() is None:
                child.process.kill()

    def _stop(self, child: Child) -> None:
        if child.process and child.process.poll() is None:
            processes.stop(child.process, child.stop_signal, grace=_GRACE_SECONDS)
            self._console.line(_NAME, f"{child.name} stopped")


def _how_it_ended(code: int) -> str:
    return f"was ended by {Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
