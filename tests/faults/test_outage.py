"""PostgreSQL dies under load and comes back: every answer was right, and repeating every key completes the work."""

import asyncio
import logging
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from signal import SIGKILL, SIGQUIT

import httpx2
import pytest

from payments.devtools.migrate import migrate
from payments.devtools.servers import APP, OWNER, SUPERUSER, Postgres
from tests.conftest import Database
from tests.faults.evidence import check_one_capture_per_key
from tests.faults.load import Load
from tests.support import Caller, Platform, body_of, platform_on, problem_of

_KEYS = [f"key {number}" for number in range(300)]
_WRITER = "SELECT pid FROM pg_stat_activity WHERE application_name = 'payments write path' LIMIT 1"


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """A server whose commits survive its death, unlike the one that tests share."""
    directory = Path(tempfile.mkdtemp(prefix="payments-test-"))
    directory.chmod(0o711)
    with Postgres(directory / "server") as server:
        server.create_database("payments")
        migrate(server.url(OWNER, "payments"))
        yield server
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def database(server: Postgres) -> Database:
    return Database("payments", *(server.url(role, "payments") for role in (APP, OWNER, SUPERUSER)))


@pytest.fixture
async def platform(database: Database, redis_url: str, key_folder: Path) -> AsyncIterator[Platform]:
    async with platform_on(database, redis_url, key_folder) as platform:
        yield platform


class _Noticed(logging.Handler):
    """Tells that the service has met the outage."""

    def __init__(self) -> None:
        super().__init__()
        self.event = asyncio.Event()

    def emit(self, record: logging.LogRecord) -> None:
        self.event.set()


@pytest.fixture
async def noticed() -> AsyncIterator[asyncio.Event]:
    handler, logger = _Noticed(), logging.getLogger("payments.payments.write_path")
    logger.addHandler(handler)
    yield handler.event
    logger.removeHandler(handler)


def _stop_at_once(server: Postgres) -> None:
    """As `pg_ctl stop -m immediate` does: no good-byes, no checkpoint."""
    os.kill(int((server.data / "postmaster.pid").read_text().split("\n", 1)[0]), SIGQUIT)
    assert server.process is not None
    server.process.wait()


def _kill_a_backend(server: Postgres) -> None:
    """PostgreSQL then ends all others as well, because their shared memory may be damaged, and recovers."""
    with server.connect() as connection:
        row = connection.execute(_WRITER).fetchone()
    assert row is not None
    os.kill(int(str(row[0])), SIGKILL)


@pytest.mark.parametrize("outage", ["short", "long", "a crash of one backend"])
async def test_every_answer_is_right(shop: Caller, server: Postgres, noticed: asyncio.Event, outage: str):
    body = await shop.payment()

    async def post(key: str) -> httpx2.Response:
        return await shop.post("/v1/payments", body, key=key)

    load = Load(_KEYS, post)
    async with load.running(clients=24, until=60):
        if outage == "a crash of one backend":
            _kill_a_backend(server)
        else:
            _stop_at_once(server)
        await noticed.wait()
        if outage == "long":
            shop.platform.container.write_path._pool.timeout = 0.1  # wait for a connection, four times
            await load.unsure.wait()
            problem_of(await shop.get("/v1/payments"), 503, "unavailable")
        if outage != "a crash of one backend":
            server.start()
    assert len(load.done()) >= 60
    assert load.unsure.is_set() or outage != "long"
    load.check_the_others_know_that_they_do_not_know()
    load.check_repeated(await load.repeat(post))
    check_one_capture_per_key(shop, len(_KEYS))
    assert body_of(await shop.get("/v1/balances"), 200)["data"][0]["pending"] == 10_000 * len(_KEYS)
