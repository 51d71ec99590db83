"""A merchant's server that knows nothing of the platform: it verifies, remembers, and answers as a test wants."""

import asyncio
import json
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self

from standardwebhooks import Webhook


@dataclass
class Message:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def event(self) -> dict[str, Any]:
        event: dict[str, Any] = json.loads(self.body)
        return event

    def verify(self, secret: str) -> None:
        """Check the signature as the library of the standard does; raises when it is wrong."""
        Webhook(secret).verify(self.body, self.headers)


Answer = Callable[[Message], Awaitable[bytes]]


def answer(status: str = "204 No Content", *headers: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", "content-length: 0", *headers]).encode() + b"\r\n\r\n"


@dataclass
class Receiver:
    """Listens on the loopback interface; `answer` decides, 204 unless told."""

    answer: Answer | None = None
    certificate: ssl.SSLContext | None = None
    seen: list[Message] = field(default_factory=list)
    asked_for: list[str] = field(default_factory=list)
    port: int = 0

    async def __aenter__(self) -> Self:
        self._changed = asyncio.Condition()
        self._writers: set[asyncio.StreamWriter] = set()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=self.certificate)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def sequences(self) -> list[int]:
        """The numbers of what came, in the order in which it came."""
        return [message.event["sequence"] for message in self.seen]

    async def until(self, condition: Callable[[], bool], seconds: float = 60) -> None:
        """Return when what has come satisfies a condition."""
        async with asyncio.timeout(seconds), self._changed:
            await self._changed.wait_for(condition)

    async def more(self, messages: int) -> None:
        """Return when so many more have come."""
        enough = len(self.seen) + messages
        await self.until(lambda: len(self.seen) >= enough)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                message = await self._read(reader)
                async with self._changed:
                    self.seen.append(message)
                    self._changed.notify_all()
                writer.write(await self.answer(message) if self.answer else answer())
                await writer.drain()
        writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> Message:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[:-2]
        method, path, _ = lines[0].split(" ")
        assert method == "POST"
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
        return Message(path, headers, await reader.readexactly(int(headers["content-length"])))
