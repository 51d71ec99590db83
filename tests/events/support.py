"""Merchants with real keys, and a reader of server-sent events that knows nothing of the platform."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx2

from payments.events.schemas import Stream
from tests.support import Caller, Platform


@dataclass
class Shop:
    """A merchant with an API key."""

    caller: Caller
    merchant: str
    key_id: str
    secret: str
    gateway_url: str

    @property
    def headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.secret}"}

    @asynccontextmanager
    async def follow(
        self, client: httpx2.AsyncClient, query: str = "", **headers: str
    ) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
        """The blocks of the live stream, as they come."""
        url = f"{self.gateway_url}/v1/stream{query}"
        async with client.stream("GET", url, headers=self.headers | headers) as response:
            assert response.status_code == 200, await response.aread()
            assert response.headers["content-type"].startswith("text/event-stream")
            yield blocks(response)


def stream_of(caller: Caller) -> Stream:
    """A caller's stream."""
    merchant: UUID | None = caller.identity.merchant_id
    assert merchant is not None
    return Stream(merchant, caller.identity.livemode)


async def blocks(response: httpx2.Response) -> AsyncIterator[dict[str, Any]]:
    """Parse server-sent events; a block with comments only has no data."""
    block: dict[str, Any] = {}
    async for line in response.aiter_lines():
        if not line:
            yield block
            block = {}
        elif not line.startswith(":"):
            name, _, value = line.partition(": ")
            block[name] = json.loads(value) if name == "data" else value


async def next_event(following: AsyncIterator[dict[str, Any]]) -> dict[str, Any]:
    """The next block with data."""
    async for block in following:
        if "data" in block:
            return block
    raise AssertionError("the stream ended")


async def sequence(platform: Platform) -> None:
    """Do what the worker does after every commit."""
    await platform.container.sequencer.run()
