"""One transaction in libpq's pipeline mode: statements are sent as they come, answers are read when they are needed.

For the write path, whose batches ask the same few prepared statements again and again. psycopg's cursors do the same
for any statement and any type; what that costs was a tenth of the service's work for a small batch.
https://www.postgresql.org/docs/current/libpq-pipeline-mode.html
"""

import asyncio
import re
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from psycopg import errors
from psycopg.adapt import Transformer
from psycopg.pq import ConnStatus, ExecStatus, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult

from shared.tracing import span

Connection = psycopg.AsyncConnection[Any]

_PARAMETER = re.compile(r"%\((\w+)\)s")
_FINE = (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK, ExecStatus.PIPELINE_SYNC)


class Statement:
    """A statement with parameters like ``%(days)s``, prepared once per connection under its name."""

    __slots__ = ("name", "parameters", "text")

    def __init__(self, name: str, text: str) -> None:
        numbers: dict[str, int] = {}
        numbered = _PARAMETER.sub(lambda found: f"${numbers.setdefault(found[1], len(numbers) + 1)}", text)
        self.name = name.encode()
        self.text = numbered.encode()
        self.parameters = tuple(numbers)


class Answer:
    """What a statement returned, or will return."""

    __slots__ = ("result",)

    def __init__(self) -> None:
        self.result: PGresult | None = None


class _Prepared(Answer):
    __slots__ = ("statement",)

    def __init__(self, statement: Statement) -> None:
        super().__init__()
        self.statement = statement


# What is prepared on each connection; a statement's name is never used for another text.
_prepared: WeakKeyDictionary[Connection, set[Statement]] = WeakKeyDictionary()


class Pipeline:
    """A transaction under way on a connection that nobody else uses meanwhile."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._libpq: PGconn = connection.pgconn
        self._awaited: deque[Answer] = deque()
        self._failure: errors.Error | None = None
        self._prepared = _prepared.setdefault(connection, set())
        self._preparing: set[Statement] = set()
        self._open = False

    def send(self, statement: Statement, values: Mapping[str, bytes | None]) -> Answer:
        """Send a statement; its values are the texts of their SQL types."""
        if statement not in self._prepared and statement not in self._preparing:
            self._libpq.send_prepare(statement.name, statement.text)
            self._awaited.append(_Prepared(statement))
            self._preparing.add(statement)
        self._libpq.send_query_prepared(statement.name, [values[name] for name in statement.parameters])
        return self._expect()

    async def rows(self, answer: Answer) -> list[tuple[Any, ...]]:
        """Return the rows of an answer, when they are there.

        Raises:
            psycopg.Error: of the first statement that failed; the server skips what was sent after it.

        """
        if answer.result is None:
            self._libpq.send_flush_request()
            await self._receive(answer)
        result = answer.result
        if result is None or not result.ntuples:
            return []
        reader = Transformer(self._connection)
        reader.set_pgresult(result)
        return reader.load_rows(0, result.ntuples, tuple)

    async def records(self, answer: Answer) -> list[dict[str, Any]]:
        """Return the rows of an answer by the names of their columns; raises as ``rows`` does."""
        rows = await self.rows(answer)
        if not rows or answer.result is None:
            return []
        names = [(answer.result.fname(at) or b"").decode() for at in range(answer.result.nfields)]
        return [dict(zip(names, row, strict=True)) for row in rows]

    async def begin(self) -> None:
        """Send BEGIN, which travels with what follows."""
        self._libpq.enter_pipeline_mode()
        self._open = True
        self._libpq.send_query_params(b"BEGIN", None)
        self._expect()

    async def commit(self) -> None:
        """Commit, and wait for everything that was sent.

        Raises:
            psycopg.Error: something failed, so that nothing was written, or the connection ended meanwhile.

        """
        self._libpq.send_query_params(b"COMMIT", None)
        self._expect()
        with span("sql COMMIT"):
            await self._end()
        if self._failure is not None:
            raise self._failure

    async def abandon(self) -> None:
        """Undo what was sent. A connection that cannot tell is of no use to anybody."""
        try:
            if self._open:
                await self._end()
            if isinstance(self._failure, errors.InvalidSqlStatementName):
                self._libpq.finish()  # somebody, a pooler perhaps, has removed what was prepared
            elif self._libpq.transaction_status != TransactionStatus.IDLE:
                await self._connection.rollback()
        except (psycopg.Error, OSError):
            self._libpq.finish()

    def finish(self) -> None:
        """Give up the connection in the middle of things."""
        self._libpq.finish()

    async def _end(self) -> None:
        self._libpq.pipeline_sync()
        await self._receive(self._expect(), tolerant=True)
        self._libpq.exit_pipeline_mode()
        self._open = False

    def _expect(self) -> Answer:
        answer = Answer()
        self._awaited.append(answer)
        return answer

    async def _receive(self, last: Answer, *, tolerant: bool = False) -> None:
        """Read answers up to the last one; stop at a failure unless tolerant of it."""
        libpq = self._libpq
        while last.result is None:
            unsent = libpq.flush()
            if unsent or libpq.is_busy():
                await self._ready(writing=bool(unsent))
                libpq.consume_input()
                continue
            result = libpq.get_result()
            if result is None:  # the end of one statement's results, or of everything
                if libpq.status != ConnStatus.OK:
                    raise psycopg.OperationalError("the connection is lost")
                continue
            self._take(self._awaited.popleft(), result)
            if self._failure is not None and not tolerant:
                raise self._failure

    def _take(self, answer: Answer, result: PGresult) -> None:
        answer.result = result
        if result.status in _FINE:
            if isinstance(answer, _Prepared):
                self._prepared.add(answer.statement)
        elif self._failure is None and result.status == ExecStatus.FATAL_ERROR:
            self._failure = errors.error_from_result(result)

    async def _ready(self, *, writing: bool) -> None:
        """Wait until there is something to read, or until there is room to write."""
        loop = asyncio.get_running_loop()
        ready: asyncio.Future[None] = loop.create_future()

        def wake() -> None:
            if not ready.done():
                ready.set_result(None)

        socket = self._libpq.socket
        loop.add_reader(socket, wake)
        if writing:
            loop.add_writer(socket, wake)
        try:
            await ready
        finally:
            loop.remove_reader(socket)
            if writing:
                loop.remove_writer(socket)


@asynccontextmanager
async def transaction(connection: Connection) -> AsyncIterator[Pipeline]:
    """Commit what happens within at its end, or nothing of it.

    Whatever is read later than the last statement within is read after the commit.
    """
    pipeline = Pipeline(connection)
    try:
        await pipeline.begin()
        yield pipeline
        await pipeline.commit()
    except Exception:
        await pipeline.abandon()
        raise
    except BaseException:
        pipeline.finish()
        raise
