"""One keep-alive connection to payments: one exchange at a time, parsed strictly by llhttp (through httptools)."""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import cast

import httptools

from gateway.upstream import BrokenError, Header, Request, Response, TimedOutError, UpstreamError

MAX_HEAD_BYTES = 65_536
_HIGH_WATER_BYTES = 262_144
_BODYLESS = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)


class ClosedError(BrokenError):
    """The connection ended before the first byte of an answer: a server may close an idle one at any moment."""


class Answer:
    """One response while it arrives, and the stream of what follows its first piece."""

    __slots__ = (
        "_connection",
        "_timeout",
        "complete",
        "failure",
        "headers",
        "pieces",
        "short",
        "size",
        "status",
        "waiter",
    )

    def __init__(self, connection: "Connection", timeout: float, waiter: "asyncio.Future[None]") -> None:
        self._connection = connection
        self._timeout = timeout
        self.waiter: asyncio.Future[None] | None = waiter
        self.status = 0
        self.headers: list[Header] = []
        self.pieces: list[bytes] = []
        self.size = 0
        self.complete = False
        # Short answers are waited for whole: one that is cut off can then still become a problem document.
        self.short = False
        self.failure: UpstreamError | None = None

    def wake(self) -> None:
        """Let whoever waits look again."""
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)

    def take(self) -> bytes:
        """Return what has arrived and not been taken."""
        pieces = self.pieces
        body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        self.pieces, self.size = [], 0
        return body

    def __aiter__(self) -> "Answer":
        return self

    async def __anext__(self) -> bytes:
        """Return the next pieces, joined.

        Raises:
            UpstreamError: the body ended early, or nothing came for too long.

        """
        while not self.pieces:
            if self.complete:
                raise StopAsyncIteration
            if self.failure is not None:
                raise self.failure
            self._connection.resume(self)
            self.waiter = asyncio.get_running_loop().create_future()
            try:
                async with asyncio.timeout(self._timeout):
                    await self.waiter
            except TimeoutError:
                raise TimedOutError("the body stopped arriving", sent=True) from None
        return self.take()

    async def aclose(self) -> None:
        """Give up the rest; the connection cannot be used again."""
        if not self.complete:
            self._connection.abort()


class Connection(asyncio.Protocol):
    """A connection and the answer it is waiting for.

    ``on_free`` is called when the answer is complete and the connection may carry another request, ``on_lost`` once
    when it is gone, ``on_stream`` when the answer turns out to be a stream of events, which may last for days.
    """

    def __init__(
        self,
        on_free: Callable[["Connection"], None],
        on_lost: Callable[["Connection"], None],
        on_stream: Callable[["Connection"], None],
    ) -> None:
        self._on_free = on_free
        self._on_lost = on_lost
        self._on_stream = on_stream
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpResponseParser(self)
        self._answer: Answer | None = None
        self._paused = False
        self._bodyless = False
        self._headed = False
        self._keep_alive = False
        self._received = 0
        self._starting: Answer | None = None  # the one whose beginning is waited for
        self._deadline = 0.0
        self._due: float | None = None  # of the one timer there is, which stays from one exchange to the next
        self.used = False
        self.free_since = 0.0

    async def exchange(self, request: Request, head: bytes) -> Response:
        """Send a request and return when its answer has started; a short one is waited for whole.

        ``head`` is the serialized request up to its body.

        Raises:
            ClosedError: the connection ended before any byte of an answer.
            TimedOutError: it did not come in time.
            BrokenError: what came is not a complete HTTP/1.1 answer.

        """
        answer = self._answer = Answer(self, request.idle, waiter := self._loop.create_future())
        self._bodyless = request.method == "HEAD"
        self._headed = False
        self._received = 0
        self.used = True
        self._transport.write(head + request.body)
        self._starting = answer
        self._expire_at(self._loop.time() + request.timeout)
        try:
            await waiter
        except asyncio.CancelledError:
            self.abort()
            raise
        finally:
            self._starting = None
        if answer.failure is not None:
            raise answer.failure
        return Response(answer.status, answer.headers, answer.take(), None if answer.complete else answer)

    @property
    def usable(self) -> bool:
        """Whether nothing has been heard yet of its end."""
        return not self._transport.is_closing()

    def abort(self) -> None:
        """Close at once; an exchange in flight fails."""
        self._transport.abort()

    def resume(self, answer: Answer) -> None:
        """Read on after a pause, if this answer is still the one being read."""
        if self._paused and self._answer is answer:
            self._paused = False
            self._transport.resume_reading()

    def _expire_at(self, deadline: float) -> None:
        self._deadline = deadline
        if self._due is None or self._due > deadline:
            self._due = deadline
            self._loop.call_at(deadline, self._expire, deadline)

    def _expire(self, due: float) -> None:
        if self._due != due:
            return  # a deadline came that was earlier
        self._due = None
        if self._starting is None:
            return
        if self._loop.time() < self._deadline:
            self._expire_at(self._deadline)
        else:
            self._fail(self._starting, TimedOutError("the answer did not come in time", sent=True))

    def _fail(self, answer: Answer, failure: UpstreamError) -> None:
        if self._answer is answer:
            self._answer = None
            answer.failure = failure
            answer.wake()
        self._transport.abort()

    # asyncio calls these

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport; asyncio promises a full one for TCP, though uvloop's is not of that class."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Parse, and wake whoever waits for the answer."""
        answer = self._answer
        if answer is None:
            self._transport.abort()  # nothing was asked
            return
        self._received += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade, BrokenError) as error:
            self._fail(answer, BrokenError(f"not an acceptable HTTP/1.1 answer: {error!r}", sent=True))
            return
        if answer.complete:
            self._finish(answer)
        elif self._headed:
            if not answer.short:
                answer.wake()
            if answer.size > _HIGH_WATER_BYTES and not self._paused:
                self._paused = True
                self._transport.pause_reading()
        elif self._received > MAX_HEAD_BYTES:
            self._fail(answer, BrokenError("the headers of the answer are too large", sent=True))

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail the answer that was still expected."""
        answer, self._answer = self._answer, None
        if answer is not None:
            kind = BrokenError if self._received else ClosedError
            answer.failure = kind(f"the connection ended early: {exc}", sent=True)
            answer.wake()
        self._on_lost(self)

    def _finish(self, answer: Answer) -> None:
        self._answer = None
        answer.wake()
        # Reading is never paused here: a paused transport delivers nothing, so it was resumed to get this far.
        if self._keep_alive and not self._transport.get_write_buffer_size():
            self._on_free(self)
        else:
            self._transport.close()

    # httptools calls these

    def on_message_begin(self) -> None:
        """Refuse an answer to nothing."""
        if self._answer is None or self._answer.complete:
            raise BrokenError("more than one answer", sent=True)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; trailers are dropped."""
        if not self._headed and self._answer is not None:
            self._answer.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Learn how the body is delimited; one that ends with the connection could be cut off unnoticed."""
        answer = self._answer
        if answer is None:
            return
        status = self._parser.get_status_code()
        if status < HTTPStatus.OK:  # an interim answer; the real one follows
            answer.headers.clear()
            return
        answer.status = status
        self._headed = True
        self._keep_alive = self._parser.should_keep_alive()
        if self._bodyless:
            # The parser cannot know that HEAD has no body, and would take the next answer for one.
            answer.complete = True
            self._keep_alive = False
        elif status not in _BODYLESS:
            framing = dict(answer.headers)
            length = framing.get(b"content-length")
            if length is None and b"transfer-encoding" not in framing:
                raise BrokenError("the body has no length", sent=True)
            answer.short = length is not None and int(length) <= _HIGH_WATER_BYTES
            if framing.get(b"content-type", b"").startswith(b"text/event-stream"):
                self._keep_alive = False
                self._on_stream(self)

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body."""
        answer = self._answer
        if answer is not None and not answer.complete:
            answer.pieces.append(body)
            answer.size += len(body)

    def on_message_complete(self) -> None:
        """Note the end of the answer."""
        if self._headed and self._answer is not None:
            self._answer.complete = True
