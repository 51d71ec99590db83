"""Child processes that leave Ctrl-C to their parent and never outlive it."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from signal import Signals
from typing import IO

from payments.devtools.privileges import Account, closed_folders, passing_closed_folders

_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class Program:
    """What to run, as whom, and how it is asked to stop."""

    name: str
    argv: Sequence[str]
    stop_signal: Signals = Signals.SIGTERM
    account: Account | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    touches: Sequence[Path] = ()  # paths the account must reach, besides the program itself


def spawn(
    program: Program, *, output: int | IO[bytes] = subprocess.DEVNULL, stdin: int | None = None
) -> subprocess.Popen[bytes]:
    """Start `program` in a session of its own, with both output streams going to `output`.

    A terminal's Ctrl-C reaches only the foreground group, so a session of its own means that the parent alone decides
    when and in which order things stop. On Linux the kernel asks the child to stop when the parent dies, however that
    happens. Call it from the main thread: the kernel watches the thread that started the child.
    """
    argv, account = list(program.argv), program.account
    if account and closed_folders(account, [Path(argv[0]), *program.touches]):
        argv, account = passing_closed_folders(account, argv, program.stop_signal), None
    return subprocess.Popen(  # noqa: S603  programs of this package and its wheels
        argv,
        stdin=subprocess.DEVNULL if stdin is None else stdin,
        stdout=output,
        stderr=subprocess.STDOUT,
        env={**os.environ, **program.environment},
        start_new_session=True,
        # The kernel forgets the death signal when the user changes; Popen changes the user first, which suits us.
        preexec_fn=_die_with_parent(program.stop_signal),  # noqa: PLW1509  it calls nothing that takes locks
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
    )


def _die_with_parent(death_signal: Signals) -> Callable[[], None] | None:
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def ask_the_kernel() -> None:
        prctl(_PR_SET_PDEATHSIG, int(death_signal))
        if os.getppid() != parent:  # it died before we asked
            os._exit(1)

    return ask_the_kernel


def stop(process: subprocess.Popen[bytes], stop_signal: Signals, *, grace: float) -> None:
    """Ask a process to stop, and end its whole session if it has not within `grace` seconds."""
    if process.poll() is None:
        process.send_signal(stop_signal)
        try:
            process.wait(grace)
        except subprocess.TimeoutExpired:
            kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """End a process and what it started, without asking."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
