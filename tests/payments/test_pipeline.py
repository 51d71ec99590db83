"""Transactions in pipeline mode, against a real server."""

import asyncio

import psycopg
import pytest

from payments.pipeline import Statement, transaction

ECHO = Statement("test_echo", "SELECT %(a)s::int AS a, %(b)s::text AS b, %(a)s::int + 1 AS c")
ROWS = Statement("test_rows", "SELECT number, repeat('x', 1000) FROM generate_series(1, %(count)s::int) AS number")
BROKEN = Statement("test_broken", "SELECT 1 / %(by)s::int")
KEEP = Statement("test_keep", "INSERT INTO kept VALUES (%(number)s::int)")


@pytest.fixture
async def connection(database):
    """A connection with a table of its own."""
    async with await psycopg.AsyncConnection.connect(database.url, autocommit=True) as connection:
        await connection.execute("CREATE TEMPORARY TABLE kept (number int)")
        yield connection


async def kept(connection: psycopg.AsyncConnection) -> list[int]:
    return [row[0] for row in await (await connection.execute("SELECT number FROM kept ORDER BY 1")).fetchall()]


async def test_answers_are_read_in_any_order_also_after_the_commit(connection):
    for _ in range(2):  # the second time everything is prepared already
        async with transaction(connection) as pipeline:
            first, second = (pipeline.send(ECHO, {"a": a, "b": b"x"}) for a in (b"1", b"2"))
            assert await pipeline.rows(second) == [(2, "x", 3)]
            assert await pipeline.records(first) == [{"a": 1, "b": "x", "c": 2}]
            last = pipeline.send(ECHO, {"a": b"3", "b": None})
        assert await pipeline.rows(last) == [(3, None, 4)]


async def test_more_than_a_socket_holds_goes_both_ways(connection):
    text = b"y" * 5_000_000
    async with transaction(connection) as pipeline:
        many = pipeline.send(ROWS, {"count": b"5000"})
        big = pipeline.send(ECHO, {"a": b"1", "b": text})
        assert len(await pipeline.rows(many)) == 5_000
        assert (await pipeline.rows(big))[0][1] == text.decode()


async def test_what_fails_undoes_everything_and_the_connection_goes_on(connection):
    async def divide(by: bytes, number: bytes, *, read: bool) -> None:
        async with transaction(connection) as pipeline:
            pipeline.send(KEEP, {"number": number})
            answer = pipeline.send(BROKEN, {"by": by})
            if read:
                await pipeline.rows(answer)

    async def give_up() -> None:
        async with transaction(connection) as pipeline:
            pipeline.send(KEEP, {"number": b"3"})
            raise RuntimeError("ours")

    for read in (True, False):
        with pytest.raises(psycopg.errors.DivisionByZero):
            await divide(b"0", b"1", read=read)
    with pytest.raises(RuntimeError, match="ours"):
        await give_up()
    await divide(b"1", b"4", read=True)
    assert await kept(connection) == [4]


async def test_a_statement_that_the_server_refuses_is_not_taken_for_prepared(connection):
    missing = Statement("test_missing", "SELECT number FROM missing")

    async def ask() -> list[tuple[int]]:
        async with transaction(connection) as pipeline:
            return await pipeline.rows(pipeline.send(missing, {}))

    for _ in range(2):
        with pytest.raises(psycopg.errors.UndefinedTable):
            await ask()
    await connection.execute("CREATE TEMPORARY TABLE missing AS SELECT 7 AS number")
    assert await ask() == [(7,)]


async def test_a_payment_does_not_depend_on_what_somebody_else_removes(platform, shop):
    await shop.pay()
    pool = platform.container.write_path._pool
    async with pool.connection() as first, pool.connection() as second:
        for one in (first, second):
            await one.execute("DEALLOCATE ALL")
    payment = await shop.pay()
    await shop.post(f"/v1/payments/{payment['id']}/refunds", {"amount": 1})


async def test_a_connection_that_ends_says_so(connection, database):
    async def ask_twice() -> None:
        async with transaction(connection) as pipeline:
            await pipeline.rows(pipeline.send(ECHO, {"a": b"1", "b": b""}))
            async with await psycopg.AsyncConnection.connect(database.superuser_url, autocommit=True) as other:
                await other.execute("SELECT pg_terminate_backend(%s)", [connection.info.backend_pid])
            await pipeline.rows(pipeline.send(ECHO, {"a": b"1", "b": b""}))

    with pytest.raises(psycopg.OperationalError):
        await ask_twice()
    assert connection.closed


async def test_whoever_is_canceled_leaves_no_half_transaction_behind(connection):
    waiting = Statement("test_waiting", "SELECT pg_sleep(600)")

    async def wait() -> None:
        async with transaction(connection) as pipeline:
            await pipeline.rows(pipeline.send(waiting, {}))

    task = asyncio.create_task(wait())
    for _ in range(10):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert connection.closed
