"""Real servers for every test that asks for one.

Each test process (one per xdist worker) starts its own PostgreSQL and Valkey on first use. The schema is migrated once,
into a template; every module that asks for `database_url` works on a fresh copy of it, and `databases.fresh()` gives a
test a copy of its own.
"""

import fcntl
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest
import redis

from cdk import bundle
from payments.devtools.migrate import migrate
from payments.devtools.servers import APP, OWNER, SUPERUSER, Postgres, Valkey
from tests.serverless.runtime import runtime_folder

_TEMPLATE = "template_payments"


@dataclass(frozen=True)
class Database:
    """One migrated database, by the URL of each role."""

    name: str
    url: str
    owner_url: str
    superuser_url: str


class Databases:
    """Fresh copies of the migrated template."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres
        self._numbers = count(1)

    @contextmanager
    def fresh(self) -> Iterator[Database]:
        """A database of its own for the length of a `with` block."""
        name = f"test_{next(self._numbers)}"
        self._postgres.create_database(name, template=_TEMPLATE)
        try:
            yield Database(name, *(self._postgres.url(role, name) for role in (APP, OWNER, SUPERUSER)))
        finally:
            self._postgres.drop_database(name)


@contextmanager
def _server_directory() -> Iterator[Path]:
    """A folder for one server, which its account can reach, unlike those that pytest makes."""
    parent = Path(tempfile.mkdtemp(prefix="payments-test-"))
    parent.chmod(0o711)
    try:
        yield parent / "server"
    finally:
        shutil.rmtree(parent, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server with both roles and the migrated template."""
    with _server_directory() as directory, Postgres(directory, durable=False) as server:
        server.create_database(_TEMPLATE)
        migrate(server.url(OWNER, _TEMPLATE))
        yield server


@pytest.fixture(scope="session")
def databases(postgres: Postgres) -> Databases:
    """For tests that need a database to themselves: `with databases.fresh() as database`."""
    return Databases(postgres)


@pytest.fixture(scope="module")
def database(databases: Databases) -> Iterator[Database]:
    """One database for the tests of a module."""
    with databases.fresh() as database:
        yield database


@pytest.fixture(scope="module")
def database_url(database: Database) -> str:
    """The module's database, as the application's role: it owns nothing."""
    return database.url


@pytest.fixture(scope="module")
def owner_database_url(database: Database) -> str:
    """The module's database, as the role that owns the tables."""
    return database.owner_url


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[Valkey]:
    """A Valkey server."""
    with _server_directory() as directory, Valkey(directory) as server:
        yield server


@pytest.fixture(scope="module")
def redis_url(valkey_server: Valkey) -> str:
    """The Valkey server, emptied for this module."""
    with redis.Redis.from_url(valkey_server.url) as client:
        client.flushall()
    return valkey_server.url


@pytest.fixture(scope="session")
def bundle_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Lambda bundle of this machine's kind, unpacked."""
    folder = tmp_path_factory.mktemp("bundle")
    bundle.ROOT.joinpath("build").mkdir(exist_ok=True)
    with (bundle.ROOT / "build" / "lambda-x86_64.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # one process of the run builds it, if it has changed at all
        try:
            built = bundle.existing("x86_64")
        except bundle.BundleMissingError:
            built = bundle.build("x86_64")
    with zipfile.ZipFile(built.path) as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture(scope="session")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What Lambda brings besides the bundle."""
    return runtime_folder(tmp_path_factory.mktemp("runtime"))
