"""The database password changes while payments are made, and nobody notices."""

import asyncio
import json
from pathlib import Path
from secrets import token_hex
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from payments.credentials import connection_info
from payments.devtools.servers import APP
from tests.support import body_of, platform_on

_USERS = ("alternate_one", "alternate_two")


@pytest.fixture
def users(postgres):
    """Two users who may do what the application may, and belong to nobody else."""
    with postgres.connect() as connection:
        for user in _USERS:
            statement = sql.SQL("CREATE ROLE {} LOGIN IN ROLE {}")
            connection.execute(statement.format(sql.Identifier(user), sql.Identifier(APP)))
    yield _USERS
    with postgres.connect() as connection:
        for user in _USERS:
            connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(user)))


class Rotation:
    """Secrets Manager's alternating users, and the file that they end in."""

    def __init__(self, postgres, file: Path) -> None:
        self._postgres = postgres
        self._file = file
        self._turn = 0

    @property
    def user(self) -> str:
        return _USERS[self._turn % 2]

    def rotate(self) -> None:
        """Give the user who is not in use a new password, and make that one current, in one step for readers."""
        self._turn += 1
        password = token_hex(8)
        with self._postgres.connect() as connection:
            connection.execute(
                sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(self.user), sql.Literal(password))
            )
        unfinished = self._file.with_suffix(".new")
        unfinished.write_text(json.dumps({"username": self.user, "password": password}))
        unfinished.replace(self._file)

    def connected(self, user: str) -> int:
        with self._postgres.connect() as connection:
            row = connection.execute("SELECT count(*) FROM pg_stat_activity WHERE usename = %s", [user]).fetchone()
        assert row is not None
        return int(str(row[0]))


def without_user(url: str) -> str:
    parts = conninfo_to_dict(url)
    return f"postgresql://{parts['host']}:{parts['port']}/{parts['dbname']}"


async def test_rotations_under_load_fail_no_payment(  # noqa: C901  clients, and those who watch them, share counters
    postgres, database, redis_url, tmp_path, users, monkeypatch
):
    # What takes half an hour takes a moment here: connections are replaced again and again while payments are made.
    for module in ("payments.database", "payments.payments.write_path"):
        monkeypatch.setattr(f"{module}.CONNECTION_SECONDS", 0.1)
    file = tmp_path / "database-credentials.json"
    rotation = Rotation(postgres, file)
    rotation.rotate()
    settings = {"database_url": without_user(database.url), "database_credentials_file": file}
    async with platform_on(database, redis_url, tmp_path / "keys", **settings) as platform:
        shop = await platform.shop()
        body = await shop.payment()
        progress, stop = asyncio.Event(), asyncio.Event()
        count = 0

        async def client() -> None:
            nonlocal count
            while not stop.is_set():
                body_of(await shop.post("/v1/payments", body, key=uuid4().hex), 201)
                body_of(await shop.get("/v1/payments"), 200)
                count += 1
                progress.set()

        async def paid(more: int) -> None:
            wanted = count + more
            while count < wanted:
                progress.clear()
                await progress.wait()

        async def left(user: str) -> None:
            for _ in range(1_000):
                if not rotation.connected(user):
                    return
                await paid(1)
            pytest.fail(f"connections of {user} outlive a thousand payments")

        async with asyncio.TaskGroup() as group:
            for _ in range(4):
                group.create_task(client())
            await paid(20)
            for _ in range(4):  # each user twice: the password that the pools began with is long gone
                before = rotation.user
                rotation.rotate()
                await left(before)
                await paid(10)
            stop.set()

        assert rotation.connected(rotation.user) > 0


def test_the_file_is_read_for_each_connection(tmp_path):
    file = tmp_path / "credentials.json"
    info = connection_info("postgresql://db.example:5432/payments?sslmode=verify-full", file)
    for password in ("one", "it's \\ two"):
        file.write_text(json.dumps({"username": "payments_app", "password": password}))
        assert conninfo_to_dict(info())["password"] == password
    assert conninfo_to_dict(info())["sslmode"] == "verify-full"


def test_a_wrong_password_is_refused(postgres, database, tmp_path, users):
    # Otherwise the tests above would prove nothing.
    file = tmp_path / "credentials.json"
    file.write_text(json.dumps({"username": users[0], "password": "wrong"}))
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(connection_info(without_user(database.url), file)())
