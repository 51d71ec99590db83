"""One request to a merchant's server: to a judged address, without redirects, and with an end."""

import asyncio
import ssl
from collections.abc import Mapping
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple

from payments.webhooks.addresses import Guard, RefusedError

if TYPE_CHECKING:
    import httpcore2

_CONNECT_SECONDS = 5.0
_SECONDS = 15.0
# More of an answer is not read, and its connection not used again.
_MAX_ANSWER_BYTES = 65_536
_SENT = "http11.send_request_body.complete"


class Outcome(NamedTuple):
    """What became of a request; without a status there was no answer, and ``error`` says why."""

    status: int | None
    latency: float
    error: str | None = None
    retry_after: int | None = None


class Sender:
    """Sends; keeps connections open for a while. Knows no proxies, no cookies and no redirects."""

    def __init__(self, guard: Guard, ssl_context: ssl.SSLContext | None = None) -> None:
        """Take who judges addresses; the certificates that count are the system's unless told."""
        self._guard = guard
        self._ssl_context = ssl_context
        self._pool: httpcore2.AsyncConnectionPool | None = None

    async def send(self, url: str, headers: Mapping[str, str], body: bytes, sent: asyncio.Event) -> Outcome:
        """POST a body; ``sent`` is set when all of it is on its way, or there is nothing more to send."""
        # Most processes never send: what reads certificates and speaks HTTP is loaded by the first request.
        import httpcore2  # noqa: PLC0415

        pool = self._open()
        started = monotonic()

        async def trace(name: str, _: Mapping[str, Any]) -> None:
            if name == _SENT:
                sent.set()

        status, error, retry_after = None, None, None
        extensions = {
            "timeout": {"connect": _CONNECT_SECONDS, "read": _SECONDS, "write": _SECONDS, "pool": _SECONDS},
            "trace": trace,
        }
        try:
            async with (
                asyncio.timeout(_SECONDS),
                pool.stream(
                    "POST", url, headers=list(headers.items()), content=body, extensions=extensions
                ) as response,
            ):
                status = response.status
                retry_after = _seconds(dict(response.headers).get(b"retry-after", b""))
                size = 0
                with suppress(httpcore2.NetworkError, httpcore2.TimeoutException, httpcore2.ProtocolError):
                    async for piece in response.aiter_stream():
                        size += len(piece)
                        if size > _MAX_ANSWER_BYTES:
                            break
        except (TimeoutError, httpcore2.TimeoutException):
            error = None if status else "timeout"
        except RefusedError as refused:
            error = f"refused: {refused}"
        except (httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.UnsupportedProtocol, ssl.SSLError) as failed:
            error = None if status else _reason(failed, connected=not isinstance(failed, httpcore2.ConnectError))
        finally:
            sent.set()
        return Outcome(status, monotonic() - started, error, retry_after)

    async def close(self) -> None:
        """Close every connection."""
        if self._pool is not None:
            await self._pool.aclose()

    def _open(self) -> "httpcore2.AsyncConnectionPool":
        if self._pool is None:
            from payments.webhooks.connections import judged_pool  # noqa: PLC0415

            self._pool = judged_pool(self._guard, self._ssl_context or ssl.create_default_context())
        return self._pool


def _reason(error: Exception, *, connected: bool) -> str:
    if "certificate" in str(error).lower():
        return "the certificate is not valid for this name"
    return "the connection ended without an answer" if connected else "cannot connect"


def _seconds(value: bytes) -> int | None:
    # Also a date, by the standard; nobody who asks for patience in webhooks sends one.
    return int(value) if value.isdigit() and len(value) <= len("86400000") else None
