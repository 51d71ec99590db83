"""The port to payments: one request out, one answer back. Over HTTP in ``http_client``, in process on Lambda.

UpstreamError
├── UnreachableError   no connection could be had
├── TimedOutError      the answer did not start, or did not go on, in time
└── BrokenError        the connection ended early, or what came back is not HTTP
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

Header = tuple[bytes, bytes]


@dataclass(slots=True)
class Request:
    """A request to payments.

    Shapes:
        method: upper case.
        path: as on the wire, percent-encoded, starting with a slash.
        query: without the question mark; empty for none.
        headers: lower-case names; no hop-by-hop headers, no host and no content-length.
        repeatable: whether sending it twice has the effect of sending it once.
        timeout: seconds until the answer has to start.
        idle: seconds that may pass between two pieces of an answer.
    """

    method: str
    path: bytes
    query: bytes
    headers: Sequence[Header]
    body: bytes
    repeatable: bool
    timeout: float
    idle: float = 60.0


class Stream(Protocol):
    """The rest of a body. Whoever stops early closes it."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield pieces as they arrive; raises ``UpstreamError`` when the body ends early."""
        ...

    async def aclose(self) -> None:
        """Give up what has not been read."""
        ...


@dataclass(slots=True)
class Response:
    """The answer of payments: ``body`` has arrived already, ``rest`` is still on its way (none for most answers)."""

    status: int
    headers: Sequence[Header]
    body: bytes
    rest: Stream | None = None

    async def read(self) -> bytes:
        """Return the whole body."""
        if self.rest is None:
            return self.body
        return b"".join([self.body, *[piece async for piece in self.rest]])


class UpstreamError(Exception):
    """There is no answer. ``sent`` tells whether payments may have acted on the request all the same."""

    def __init__(self, message: str, *, sent: bool) -> None:
        """Take what happened, for the log."""
        super().__init__(message)
        self.sent = sent


class UnreachableError(UpstreamError):
    """No connection could be had."""


class TimedOutError(UpstreamError):
    """The answer did not start, or did not go on, in time."""


class BrokenError(UpstreamError):
    """The connection ended early, or what came back is not HTTP."""


class Upstream(Protocol):
    """Whatever takes a request to payments."""

    async def send(self, request: Request) -> Response:
        """Send a request and return when its answer has started.

        Raises:
            UpstreamError: there is no answer.

        """
        ...

    async def aclose(self) -> None:
        """Close what is open."""
        ...
