"""What the embedded servers share: a private folder, a free port, a start that waits, a clean stop."""

import os
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from signal import Signals
from typing import IO, ClassVar, Self

from payments.devtools import processes
from payments.devtools.errors import ServerError
from payments.devtools.ports import free_port
from payments.devtools.privileges import server_account
from payments.devtools.processes import Program

STOP_SECONDS = 20.0
_START_ATTEMPTS = 3  # a port may be lost to a neighbour, or a killed predecessor may still be letting go of its memory
_START_SECONDS = 60.0  # recovery after a crash replays the log first
_POLL_SECONDS = 0.03
_TAIL_BYTES = 2000


class Server(ABC):
    """One server process whose files live in `directory`, which nobody else may use at the same time."""

    name: ClassVar[str]
    stop_signal: ClassVar[Signals]

    def __init__(self, directory: Path) -> None:
        """Nothing happens on disk before `start`."""
        self.directory = directory.resolve()
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None
        self._account = server_account()

    def start(self, output: IO[bytes] | None = None) -> None:
        """Start and wait until it answers. Its log goes to `output`, or to the file `log` in the directory.

        Raises:
            ServerError: it did not come up.
        """
        self._claim_directory()
        self._prepare()
        with self._log(output) as log:
            for _ in range(_START_ATTEMPTS):
                self.port = free_port(self.port or None)
                self.process = processes.spawn(self._program(), output=log)
                if self._comes_up(self.process):
                    return
                processes.kill(self.process)
                self.process, self.port = None, 0
            raise ServerError(f"{self.name} did not start\n{self._last_words(output)}".rstrip())

    def stop(self) -> None:
        """Stop and wait for it; does nothing if it is not running."""
        if self.process:
            processes.stop(self.process, self.stop_signal, grace=STOP_SECONDS)
            self.process = None

    def __enter__(self) -> Self:
        """Start, for a `with` block."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self.stop()

    @abstractmethod
    def _prepare(self) -> None:
        """Make what the server needs on disk; runs before every start."""

    @abstractmethod
    def _program(self) -> Program:
        """The command line, for the port in `self.port`."""

    @abstractmethod
    def _ping(self) -> bool:
        """Whether it answers on its port."""

    def _claim_directory(self) -> None:
        try:
            self.directory.mkdir(mode=0o700, parents=True)
        except FileExistsError:
            owner = self.directory.stat().st_uid
            if owner != (self._account.uid if self._account else os.geteuid()):
                raise ServerError(
                    f"{self.directory} was made by user {owner}; start as that user (or as root, if root made it), "
                    "or remove it as that user"
                ) from None
        else:
            self._hand_over(self.directory)

    def _hand_over(self, *paths: Path) -> None:
        """Give paths to the account that the server runs as."""
        if self._account:
            for path in paths:
                os.chown(path, self._account.uid, self._account.gid)

    def _comes_up(self, process: subprocess.Popen[bytes]) -> bool:
        deadline = time.monotonic() + _START_SECONDS
        while process.poll() is None and time.monotonic() < deadline:
            if self._ping():
                return True
            time.sleep(_POLL_SECONDS)
        return False

    @contextmanager
    def _log(self, output: IO[bytes] | None) -> Iterator[IO[bytes]]:
        if output is not None:
            yield output
            return
        with (self.directory / "log").open("wb") as log:
            yield log

    def _last_words(self, output: IO[bytes] | None) -> str:
        if output is not None:
            return ""  # the reader of that stream has seen them
        return (self.directory / "log").read_bytes()[-_TAIL_BYTES:].decode(errors="replace")


def package_folder(name: str) -> Path:
    """Where an installed package lives, without importing it: the wheels' modules do more on import than we want.

    Raises:
        ServerError: it is not installed.
    """
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise ServerError(f"the package {name} is not installed; `make setup-dev` installs it")
    return Path(spec.submodule_search_locations[0])


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, at no moment otherwise."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
