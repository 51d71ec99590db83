"""Connections to merchants' servers: to judged addresses only, however often a name changes what it means."""

import ssl
from collections.abc import Iterable
from typing import Any

import httpcore2

from payments.webhooks.addresses import Guard

_MAX_CONNECTIONS = 2_000
_MAX_IDLE = 200
_IDLE_SECONDS = 20.0


def judged_pool(guard: Guard, ssl_context: ssl.SSLContext) -> httpcore2.AsyncConnectionPool:
    """Return a pool that keeps connections open for a while, and asks ``guard`` before each new one."""
    return httpcore2.AsyncConnectionPool(
        ssl_context=ssl_context,
        max_connections=_MAX_CONNECTIONS,
        max_keepalive_connections=_MAX_IDLE,
        keepalive_expiry=_IDLE_SECONDS,
        network_backend=_JudgedBackend(guard),
    )


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
