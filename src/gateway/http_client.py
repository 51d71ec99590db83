"""Payments over HTTP/1.1: a bounded pool of keep-alive connections, thin enough to be used once per payment."""

import asyncio
from collections import deque
from typing import Literal

from gateway.clock import Clock
from gateway.connection import ClosedError, Connection
from gateway.upstream import Request, Response, UnreachableError

CONNECT_SECONDS = 1.0
# Below the keep-alive of the server (shared.serving), so that this side closes and rarely loses the race.
IDLE_SECONDS = 30.0


class HttpUpstream:
    """Sends requests to ``host:port`` over at most ``limit`` connections; requests beyond that wait in turn.

    A connection that carries a stream of events no longer counts: streams must not use up what requests need.
    """

    def __init__(self, host: str, port: int, *, limit: int, clock: Clock) -> None:
        self._host = host
        self._port = port
        self._limit = limit
        self._clock = clock
        self._authority = f"[{host}]:{port}".encode() if ":" in host else f"{host}:{port}".encode()
        self._open: set[Connection] = set()
        self._streams: set[Connection] = set()
        self._opening = 0  # asked for, not there yet
        self._idle: list[Connection] = []  # the latest used is taken first, so that a quiet pool shrinks
        self._waiting: deque[asyncio.Future[None]] = deque()  # one turn for each request that found no connection

    async def send(self, request: Request) -> Response:
        """Send a request; repeat it once if an idle connection turns out dead and repeating is harmless.

        Raises:
            UpstreamError: there is no answer.

        """
        head = self._head(request)
        connection = self._take() or await self._acquire()
        reused = connection.used
        try:
            return await connection.exchange(request, head)
        except ClosedError:
            if not (reused and request.repeatable):
                raise
        self._drop_idle()
        try:
            connection = await self._acquire()
        except UnreachableError as error:
            # The first attempt may have been carried out before its connection died.
            raise UnreachableError(str(error), sent=True) from error
        return await connection.exchange(request, head)

    def count(self, state: Literal["open", "idle", "waiting"]) -> int:
        """Return how many connections there are, how many are not in use, or how many requests wait for one."""
        return {"open": len(self._open), "idle": len(self._idle), "waiting": len(self._waiting)}[state]

    async def aclose(self) -> None:
        """Close every connection."""
        for connection in (*self._open, *self._streams):
            connection.abort()
        await asyncio.sleep(0)  # the loop closes them in its next turn

    def _head(self, request: Request) -> bytes:
        target = request.path + b"?" + request.query if request.query else request.path
        lines = [b"%b %b HTTP/1.1\r\nhost: %b\r\n" % (request.method.encode(), target, self._authority)]
        lines += [b"%b: %b\r\n" % header for header in request.headers]
        if request.body or request.method not in ("GET", "HEAD"):
            lines.append(b"content-length: %d\r\n" % len(request.body))
        lines.append(b"\r\n")
        head = b"".join(lines)
        # Whatever let a line break into a value must not get to write headers.
        if not head.count(b"\r") == head.count(b"\n") == len(lines) + 1 or b"\0" in head:
            raise ValueError("a header holds a control character")
        return head

    def _take(self) -> Connection | None:
        oldest = self._clock.steady() - IDLE_SECONDS
        while self._idle:
            connection = self._idle.pop()
            if connection.usable and connection.free_since >= oldest:
                return connection
            connection.abort()
        return None

    def _drop_idle(self) -> None:
        # A server that closed one idle connection has probably closed them all.
        for connection in self._idle:
            connection.abort()
        self._idle.clear()

    async def _acquire(self) -> Connection:
        again = False
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                while True:
                    if (connection := self._take()) is not None:
                        return connection
                    if len(self._open) + self._opening < self._limit:
                        return await self._connect()
                    await self._turn(again=again)
                    again = True
        except TimeoutError:
            raise UnreachableError("no connection in time", sent=False) from None
        except OSError as error:
            raise UnreachableError(f"cannot connect: {error}", sent=False) from error

    async def _connect(self) -> Connection:
        self._opening += 1
        try:
            _, connection = await asyncio.get_running_loop().create_connection(
                lambda: Connection(self._freed, self._lost, self._streaming), self._host, self._port
            )
        except BaseException:
            self._opening -= 1
            self._notify()
            raise
        self._opening -= 1
        self._open.add(connection)
        return connection

    async def _turn(self, *, again: bool) -> None:
        # Who was woken in vain, because somebody else was faster, keeps the first place.
        turn = asyncio.get_running_loop().create_future()
        if again:
            self._waiting.appendleft(turn)
        else:
            self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():
                self._notify()  # it was this one's turn; pass it on
            raise

    def _notify(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return

    def _freed(self, connection: Connection) -> None:
        connection.free_since = self._clock.steady()
        self._idle.append(connection)
        self._notify()

    def _streaming(self, connection: Connection) -> None:
        self._open.discard(connection)
        self._streams.add(connection)
        self._notify()

    def _lost(self, connection: Connection) -> None:
        self._open.discard(connection)
        self._streams.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        self._notify()
