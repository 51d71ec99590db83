"""One multiplexed connection to Redis: calls are written as they come, and replies arrive in the same order.

A twentieth of the cost per call of a pool of general clients, and all that the hot path needs. A failure is reported at
once; while Redis is gone, calls fail without waiting, and one a second tries again.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import Any, cast
from urllib.parse import unquote, urlsplit

import hiredis

RETRY_SECONDS = 1.0
_DEFAULT_PORT = 6379


class RedisUnavailableError(Exception):
    """Redis did not answer: refused, lost, or too late. What was sent may have been carried out."""


class RedisReplyError(Exception):
    """Redis answered with an error."""


class RedisConnection:
    """Connects on first use, and again after a failure."""

    def __init__(self, url: str, *, timeout: float, clock: Callable[[], float] = monotonic) -> None:
        """Take ``redis[s]://[user]:password@host:port/database``, and how many seconds anything may take."""
        self._url = urlsplit(url)
        self._timeout = timeout
        self._clock = clock
        self._retry_at = 0.0
        self._protocol: _Protocol | None = None
        self._connecting: asyncio.Task[_Protocol] | None = None

    async def call(self, *arguments: bytes | str | int) -> Any:  # noqa: ANN401 - whatever the command returns
        """Return the reply to one command.

        Raises:
            RedisUnavailableError: it did not come in time.
            RedisReplyError: it is an error.

        """
        protocol = self._protocol
        if protocol is None or protocol.lost:
            protocol = await self._connected()
        return await self._reply(protocol, protocol.send(arguments))

    async def close(self) -> None:
        """Disconnect."""
        if self._protocol is not None:
            self._protocol.drop()
            await self._protocol.gone.wait()

    async def _connected(self) -> "_Protocol":
        if self._clock() < self._retry_at:
            raise RedisUnavailableError("Redis did not answer a moment ago")
        if self._connecting is None:
            self._connecting = asyncio.create_task(self._connect())
            self._connecting.add_done_callback(self._connection_made)
        # The shield lets each caller give up without taking the connection from the others.
        return await asyncio.shield(self._connecting)

    def _connection_made(self, task: "asyncio.Task[_Protocol]") -> None:
        self._connecting = None
        if task.cancelled() or task.exception() is not None:
            self._failed()
        else:
            self._protocol = task.result()

    async def _connect(self) -> "_Protocol":
        url = self._url
        encryption = ssl.create_default_context() if url.scheme == "rediss" else None
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._timeout):
                _, protocol = await loop.create_connection(
                    _Protocol, url.hostname or "localhost", url.port or _DEFAULT_PORT, ssl=encryption
                )
        except (OSError, TimeoutError) as error:
            raise RedisUnavailableError(str(error)) from error
        try:
            if url.password is not None:
                user = [unquote(url.username)] if url.username else []
                await self._reply(protocol, protocol.send(["AUTH", *user, unquote(url.password)]))
            if database := url.path.strip("/"):
                await self._reply(protocol, protocol.send(["SELECT", database]))
        except RedisReplyError:
            protocol.drop()
            raise
        return protocol

    async def _reply(self, protocol: "_Protocol", future: "asyncio.Future[Any]") -> Any:  # noqa: ANN401
        # A timer of our own: it looks whether the reply is there before it gives up, however late it is called.
        timer = asyncio.get_running_loop().call_later(self._timeout, protocol.expire, future)
        try:
            reply = await future
        except RedisUnavailableError:
            self._failed()
            raise
        finally:
            timer.cancel()
        if isinstance(reply, hiredis.ReplyError):
            raise RedisReplyError(str(reply))
        return reply

    def _failed(self) -> None:
        self._retry_at = self._clock() + RETRY_SECONDS


class _Protocol(asyncio.Protocol):
    def __init__(self) -> None:
        self.lost = False
        self.gone = asyncio.Event()
        self._reader = hiredis.Reader()
        self._waiting: deque[asyncio.Future[Any]] = deque()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Not narrowed by isinstance: uvloop's transports are no subclasses of asyncio's.
        self._transport = cast("asyncio.Transport", transport)

    def send(self, arguments: Any) -> "asyncio.Future[Any]":  # noqa: ANN401 - anything that hiredis can pack
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if self.lost or self._transport is None:
            future.set_exception(RedisUnavailableError("the connection is lost"))
        else:
            self._waiting.append(future)
            self._transport.write(hiredis.pack_command(tuple(arguments)))
        return future

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        while (reply := self._reader.gets()) is not False:
            future = self._waiting.popleft()
            if not future.done():
                future.set_result(reply)

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        self.gone.set()
        while self._waiting:
            future = self._waiting.popleft()
            if not future.done():
                future.set_exception(RedisUnavailableError(str(exc or "the server closed the connection")))

    def expire(self, future: "asyncio.Future[Any]") -> None:
        """Give up a connection that is silent: whatever else waits on it would wait as long."""
        if not future.done():
            future.set_exception(RedisUnavailableError("no reply in time"))
            self.drop()

    def drop(self) -> None:
        self.lost = True
        if self._transport is not None:
            self._transport.abort()
