"""One request to a merchant's server: to a judged address, without redirects, and with an end."""

import asyncio
import ssl
from collections.abc import Iterable, Mapping
from contextlib import suppress
from time import monotonic
from typing import Any, NamedTuple

import httpcore2

from payments.webhooks.addresses import Guard, RefusedError

_CONNECT_SECONDS = 5.0
_SECONDS = 15.0
_MAX_CONNECTIONS = 2_000
_MAX_IDLE = 200
_IDLE_SECONDS = 20.0
# More of an answer is not read, and its connection not used again.
_MAX_ANSWER_BYTES = 65_536
_SENT = "http11.send_request_body.complete"


class Outcome(NamedTuple):
    """What became of a request; without a status there was no answer, and ``error`` says why."""

    status: int | None
    latency: float
    error: str | None = None
    retry_after: int | None = None


class _JudgedBackend(httpcore2.AsyncNetworkBackend):
    """Connects to judged addresses only. TLS still asks for the name, and ``Host`` still says it."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._network: httpcore2.AsyncNetworkBackend = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the interface of the library
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        first: Exception | None = None
        for address in await self._guard.addresses(host, port):
            try:
                return await self._network.connect_tcp(str(address), port, timeout, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                first = first or error
        raise first or httpcore2.ConnectError("no address")

    async def sleep(self, seconds: float) -> None:
        await self._network.sleep(seconds)


class Sender:
    """Sends; keeps connections open for a while. Knows no proxies, no cookies and no redirects."""

    def __init__(self, guard: Guard, ssl_context: ssl.SSLContext | None = None) -> None:
        """Take who judges addresses; the certificates that count are the system's unless told."""
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=ssl_context or ssl.create_default_context(),
            max_connections=_MAX_CONNECTIONS,
            max_keepalive_connections=_MAX_IDLE,
            keepalive_expiry=_IDLE_SECONDS,
            network_backend=_JudgedBackend(guard),
        )

    async def send(self, url: str, headers: Mapping[str, str], body: bytes, sent: asyncio.Event) -> Outcome:
        """POST a body; ``sent`` is set when all of it is on its way, or there is nothing more to send."""
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
                self._pool.stream(
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
            error = None if status else _reason(failed)
        finally:
            sent.set()
        return Outcome(status, monotonic() - started, error, retry_after)

    async def close(self) -> None:
        """Close every connection."""
        await self._pool.aclose()


def _reason(error: Exception) -> str:
    if "certificate" in str(error).lower():
        return "the certificate is not valid for this name"
    if isinstance(error, httpcore2.ConnectError):
        return "cannot connect"
    return "the connection ended without an answer"


def _seconds(value: bytes) -> int | None:
    # Also a date, by the standard; nobody who asks for patience in webhooks sends one.
    return int(value) if value.isdigit() and len(value) <= len("86400000") else None
