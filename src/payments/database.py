"""The way to PostgreSQL for everything but the micro-batched writes: SQLAlchemy Core on an async engine."""

from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from typing import Any, Self

import psycopg
from psycopg_pool import AsyncConnectionPool, PoolTimeout
from sqlalchemy import MetaData, NullPool, QueuePool
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from payments import actor
from payments.credentials import CONNECTION_SECONDS, ConnectionInfo, connection_info
from payments.statement_spans import trace_statements

metadata = MetaData()

# A read that runs away holds back vacuum and schema changes for everybody.
_TIMEOUTS = "-c statement_timeout=30s -c lock_timeout=5s -c idle_in_transaction_session_timeout=60s"
# Statements are planned once and kept. A plan made while a month's partition was empty would go on reading all of it.
_BY_INDEX = "-c enable_seqscan=off"


def sqlalchemy_url(url: str) -> str:
    """Return the SQLAlchemy form of a libpq URL."""
    return url.replace("postgresql://", "postgresql+psycopg://", 1)


class Database:
    """One engine per process."""

    _waiting = 0

    def __init__(self, url: str | ConnectionInfo, *, pool_size: int = 5, by_index: bool = False) -> None:
        """Connect lazily.

        Shapes:
            url: a libpq URL, or what tells the one that is right by then.
            by_index: for tasks that look every second for what is new: no table is read from end to end.
        """
        info = url if callable(url) else connection_info(url)
        options = f"{_TIMEOUTS} {_BY_INDEX}" if by_index else _TIMEOUTS

        async def connect() -> psycopg.AsyncConnection:
            return await psycopg.AsyncConnection.connect(info(), options=options)

        self.engine: AsyncEngine = create_async_engine(
            "postgresql+psycopg://",
            async_creator=connect,
            pool_size=pool_size,
            max_overflow=0,
            pool_pre_ping=True,
            pool_recycle=CONNECTION_SECONDS,
            pool_timeout=5,
            hide_parameters=True,
        )
        trace_statements(self.engine)

    @classmethod
    def sharing(cls, pool: AsyncConnectionPool[Any]) -> Self:
        """Borrow connections from the write path's pool: on Lambda, one connection does everything.

        Whoever holds a connection of this database must not wait for the write path.
        """

        async def borrow() -> psycopg.AsyncConnection[Any]:
            try:
                connection: psycopg.AsyncConnection[Any] = await pool.getconn()
            except PoolTimeout as error:
                raise psycopg.OperationalError(str(error)) from error
            await connection.set_autocommit(False)
            return connection

        database = cls.__new__(cls)
        database.engine = create_async_engine(
            "postgresql+psycopg://", async_creator=borrow, poolclass=NullPool, hide_parameters=True
        )
        trace_statements(database.engine)
        return database

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """Yield a connection whose work commits at the end, or not at all."""
        with self._queue() as queue:
            async with self.engine.begin() as connection:
                queue.close()
                await actor.tell(connection)
                yield connection

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[AsyncConnection]:
        """Yield a connection that reads one moment: every statement sees the same rows."""
        with self._queue() as queue:
            async with self.engine.connect() as connection:
                queue.close()
                await connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
                async with connection.begin():
                    yield connection

    def _queue(self) -> ExitStack:
        """Count as waiting until this is closed."""
        self._waiting += 1
        queue = ExitStack()
        queue.callback(self._leave)
        return queue

    def _leave(self) -> None:
        self._waiting -= 1

    def pool_counts(self) -> dict[str, int]:
        """Return how many connections are used, how many there are at most, and how many wait for one."""
        pool = self.engine.sync_engine.pool
        if not isinstance(pool, QueuePool):  # it borrows from the write path, which counts for both
            return {"used": 0, "most": 0, "waiting": 0}
        return {"used": pool.checkedout(), "most": pool.size(), "waiting": self._waiting}

    async def dispose(self) -> None:
        """Close every connection."""
        await self.engine.dispose()
