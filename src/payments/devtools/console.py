"""Lines of many processes on one terminal, each with the name of who wrote it."""

import os
import sys
import threading
from collections import deque
from typing import IO

_WIDTH = 9
_COLORS = ("36", "33", "32", "35", "34", "96", "93")  # cyan, yellow, green, magenta, blue, bright cyan and yellow
_REMEMBERED = 200
_DRAIN_SECONDS = 1.0


class Console:
    """Prints whole lines only, so that writers never mix. Colored on a terminal, unless NO_COLOR is set."""

    def __init__(self, stream: IO[str] | None = None, *, quiet: bool = False) -> None:
        """Print to `stream` (stdout); `quiet` keeps the last lines instead, for `recall`."""
        self._stream = stream or sys.stdout
        self._quiet = quiet
        self._colored = (
            self._stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM", "dumb") != "dumb"
        )
        self._lock = threading.Lock()
        self._remembered: deque[str] = deque(maxlen=_REMEMBERED)
        self._readers: list[threading.Thread] = []
        self._colors: dict[str, str] = {}

    def line(self, name: str, text: str) -> None:
        """Print one line that `name` wrote."""
        with self._lock:
            line = f"{self._prefix(name)} {text}\n"
            self._remembered.append(line)
            if not self._quiet:
                self._write(line)

    def say(self, text: str) -> None:
        """Print text as it is, for the person at the terminal."""
        with self._lock:
            self._write(f"{text}\n")

    def recall(self) -> None:
        """Print what `quiet` has kept back."""
        with self._lock:
            if self._quiet:
                self._write("".join(self._remembered))

    def pipe(self, name: str) -> IO[bytes]:
        """A file for a child process to write to; its lines appear here until the last writer closes it."""
        reading, writing = os.pipe()
        reader = threading.Thread(target=self._copy, args=(name, os.fdopen(reading, "rb")), daemon=True)
        reader.start()
        self._readers.append(reader)
        return os.fdopen(writing, "wb", buffering=0)

    def drain(self) -> None:
        """Print what ended processes wrote last."""
        for reader in self._readers:
            reader.join(_DRAIN_SECONDS)  # a process that escaped would keep its pipe open; that is no reason to hang

    def _copy(self, name: str, source: IO[bytes]) -> None:
        with source:
            for line in source:
                self.line(name, line.decode(errors="replace").rstrip())

    def _prefix(self, name: str) -> str:
        label = f"{name:<{_WIDTH}}|"
        if not self._colored:
            return label
        color = self._colors.setdefault(name, _COLORS[len(self._colors) % len(_COLORS)])
        return f"\033[{color}m{label}\033[0m"

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except OSError:
            pass  # nobody reads any more (`make dev | head`, a closed terminal); children must not stall because of it
