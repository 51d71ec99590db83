"""A small load balancer: asks replicas whether they are ready, and sends each request to one that is."""

import asyncio
from collections.abc import Sequence
from itertools import count
from typing import Any, Self

import httpx2

PROBE_SECONDS = 0.05


class Balancer:
    """Sends requests to replicas in turn; one whose readiness fails gets no new ones. Nothing is tried twice."""

    def __init__(self, ports: Sequence[int]) -> None:
        self._ports = list(ports)
        self._ready: set[int] = set()
        self._turns = count()
        self._http = httpx2.AsyncClient(trust_env=False, timeout=60, limits=httpx2.Limits(max_connections=64))
        self._probes = httpx2.AsyncClient(trust_env=False, timeout=5)
        self._watching: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._watching = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._watching is not None
        self._watching.cancel()
        await asyncio.wait([self._watching])
        await self._http.aclose()
        await self._probes.aclose()

    async def until_ready(self, *ports: int) -> None:
        """Wait until exactly these replicas get requests."""
        async with asyncio.timeout(60):
            while self._ready != set(ports):  # noqa: ASYNC110 - that is how a load balancer finds out
                await asyncio.sleep(PROBE_SECONDS)

    async def send(self, method: str, path: str, **arguments: Any) -> httpx2.Response:
        """Send one request to the next replica in turn."""
        ready = sorted(self._ready)
        port = ready[next(self._turns) % len(ready)]
        return await self._http.request(method, f"http://127.0.0.1:{port}{path}", **arguments)

    async def _watch(self) -> None:
        while True:
            for port in self._ports:
                if await self._is_ready(port):
                    self._ready.add(port)
                else:
                    self._ready.discard(port)
            await asyncio.sleep(PROBE_SECONDS)

    async def _is_ready(self, port: int) -> bool:
        try:
            return (await self._probes.get(f"http://127.0.0.1:{port}/health/ready")).status_code == 200
        except httpx2.HTTPError:
            return False
