"""The connection dies while the server is still at it: the repetition meets a transaction that is not over."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from tests.conftest import Database, Databases
from tests.faults.evidence import check_one_capture_per_key
from tests.faults.wire import CREATION, Moment, Proxy
from tests.support import Caller, body_of

_GATE = 4242
_WAIT = f"""
CREATE FUNCTION payments.wait_at_gate() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_advisory_xact_lock_shared({_GATE}); RETURN NEW; END $$;
GRANT EXECUTE ON FUNCTION payments.wait_at_gate() TO payments_app;
"""
_HOLD_BACK: dict[Moment, str] = {
    "during the write": """
        CREATE TRIGGER wait_at_gate BEFORE INSERT ON payments.idempotency_keys
            FOR EACH ROW EXECUTE FUNCTION payments.wait_at_gate()""",
    "during the commit": """
        CREATE CONSTRAINT TRIGGER wait_at_gate AFTER INSERT ON payments.idempotency_keys
            DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION payments.wait_at_gate()""",
}
_WAITING = """
SELECT pid FROM pg_stat_activity
 WHERE datname = current_database() AND wait_event_type = 'Lock' AND (wait_event = 'advisory') = %s
"""


class Gate:
    """Keeps whoever writes an idempotency key from going on."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self._connection.execute("SELECT pg_advisory_lock(%s)", [_GATE])

    async def waiting(self, *, at_the_gate: bool) -> int:
        """The backend that waits here, or for one that does, as soon as there is one."""
        async with asyncio.timeout(20):
            while True:
                row = await asyncio.to_thread(self._ask, at_the_gate)
                if row is not None:
                    return int(row[0])

    def _ask(self, at_the_gate: bool) -> Any:
        return self._connection.execute(_WAITING, [at_the_gate]).fetchone()

    def end(self, backend: int) -> None:
        self._connection.execute("SELECT pg_terminate_backend(%s)", [backend])

    def open(self) -> None:
        self._connection.execute("SELECT pg_advisory_unlock(%s)", [_GATE])


@contextmanager
def closed_gate(database: Database, moment: Moment) -> Iterator[Gate]:
    with psycopg.connect(database.superuser_url, autocommit=True) as connection:
        connection.execute(_WAIT.encode())
        connection.execute(_HOLD_BACK[moment].encode())
        yield Gate(connection)


@pytest.fixture
def database(databases: Databases) -> Iterator[Database]:
    """A database that the test may spoil."""
    with databases.fresh() as database:
        yield database


@pytest.mark.parametrize("killed", [False, True], ids=["comes to its end", "is killed"])
@pytest.mark.parametrize("moment", list(_HOLD_BACK))
async def test_the_repetition_waits_until_the_first(
    shop: Caller, proxy: Proxy, database: Database, moment: Moment, killed: bool
):
    body = await shop.payment()
    with closed_gate(database, moment) as gate:
        proxy.cut(CREATION, moment)
        request = asyncio.create_task(shop.post("/v1/payments", body, key="five"))
        await proxy.reached.wait()
        first = await gate.waiting(at_the_gate=True)
        await gate.waiting(at_the_gate=False)
        assert not request.done()
        if killed:
            gate.end(first)
        gate.open()
        answer = await request
    assert body_of(answer, 201)["status"] == "captured"
    assert (await shop.post("/v1/payments", body, key="five")).content == answer.content
    check_one_capture_per_key(shop, 1)
