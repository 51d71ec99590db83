"""The gateway on a real socket, and a payments that behaves as badly as a test wants."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from uvicorn.lifespan.on import LifespanOn
from uvicorn.server import ServerState

from gateway.clock import Clock
from gateway.http_client import HttpUpstream
from gateway.upstream import Request
from shared.serving import server_config

KEY = "sk_test_" + "a" * 43
KEY_ID = "key_" + "1" * 32
MERCHANT = "mer_" + "2" * 32
KEY_ENTRY = {
    "key_id": KEY_ID,
    "merchant_id": MERCHANT,
    "livemode": False,
    "scopes": ["payments:read", "payments:write"],
}


@dataclass
class Seen:
    """A request as it arrived at payments, byte for byte."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes
    connection: int

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]

    def one(self, name: str) -> str:
        (value,) = self.all(name)
        return value


Answer = Callable[[Seen, asyncio.StreamWriter], Awaitable[None]]


def reply(body: bytes = b"{}", status: str = "200 OK", headers: tuple[str, ...] = ()) -> bytes:
    """A well-formed answer with a Content-Length."""
    lines = [f"HTTP/1.1 {status}", "content-type: application/json", f"content-length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def raw(data: bytes, *, close: bool = False) -> Answer:
    """Answer with exactly these bytes."""

    async def answer(_: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        if close:
            writer.close()

    return answer


async def silence(_: Seen, writer: asyncio.StreamWriter) -> None:
    """Take the request and close without a word."""
    writer.close()


@dataclass
class FakePayments:
    """Payments as raw sockets: verifies keys by itself, and does with everything else what ``answer`` does."""

    port: int = 0
    answer: Answer = field(default_factory=lambda: raw(reply()))
    keys: dict[str, dict[str, Any]] = field(default_factory=lambda: {KEY: KEY_ENTRY})
    seen: list[Seen] = field(default_factory=list)
    verifications: list[Seen] = field(default_factory=list)
    verify: Answer | None = None
    connections: int = 0
    writers: list[asyncio.StreamWriter] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    listener: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen: on any port the first time, on the same one after ``stop``."""
        self.listener = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self.listener.sockets[0].getsockname()[1]

    def stop(self) -> None:
        """Die: nobody listens, and every connection is gone."""
        assert self.listener is not None
        self.listener.close()
        for writer in self.writers:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        number = self.connections
        self.writers.append(writer)
        try:
            while not writer.is_closing():
                seen = await self._read(reader, number)
                if seen.target == "/internal/api_keys/verify":
                    self.verifications.append(seen)
                    await (self.verify or self._verify)(seen, writer)
                else:
                    self.seen.append(seen)
                    self.arrived.set()
                    await self.answer(seen, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _read(self, reader: asyncio.StreamReader, number: int) -> Seen:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[:-2]
        method, target, _ = lines[0].split(" ")
        headers = [(name.lower(), value) for name, _, value in (line.partition(": ") for line in lines[1:])]
        length = int(dict(headers).get("content-length", 0))
        return Seen(method, target, headers, await reader.readexactly(length), number)

    async def _verify(self, seen: Seen, writer: asyncio.StreamWriter) -> None:
        entry = self.keys.get(json.loads(seen.body)["key"])
        writer.write(reply(json.dumps(entry).encode()) if entry else reply(b"{}", "404 Not Found"))


@asynccontextmanager
async def served(app):
    """Any ASGI application behind the same HTTP protocol as in production; yields its port."""
    config = server_config(lambda: app, "127.0.0.1", 0)
    config.load()
    lifespan = LifespanOn(config)
    await lifespan.startup()
    assert not lifespan.should_exit
    state = ServerState()
    protocol: Any = config.http_protocol_class
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: protocol(config=config, server_state=state, app_state=lifespan.state), "127.0.0.1", 0
    )
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for connection in list(state.connections):
            connection.transport.abort()
        for task in list(state.tasks):
            task.cancel()
        await lifespan.shutdown()


class ManualClock:
    """Both clocks, moved by the test."""

    def __init__(self, start: float = 1_000_000.0) -> None:
        self.now = start

    def __call__(self) -> float:
        return self.now

    def clock(self) -> Clock:
        return Clock(wall=self, steady=self)


def write_private_key(path: Path, key: Ed25519PrivateKey) -> Path:
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return path


async def exchange(port: int, data: bytes, *, until_closed: bool = False) -> bytes:
    """Send bytes and return the first answer whole (or all until the server closes)."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(data)
        async with asyncio.timeout(60):
            if until_closed:
                return await reader.read()
            head = await reader.readuntil(b"\r\n\r\n")
            lengths = [
                line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")
            ]
            return head + await reader.readexactly(int(lengths[0]) if lengths else 0)
    finally:
        writer.transport.abort()


def request(method="GET", *, repeatable=True, timeout=60, idle=60, headers=(), body=b"", path=b"/v1/x"):
    return Request(method, path, b"", headers, body, repeatable, timeout, idle)


@asynccontextmanager
async def client_of(payments, clock, limit=4):
    client = HttpUpstream("127.0.0.1", payments.port, limit=limit, clock=clock.clock())
    yield client
    await client.aclose()
    assert client._open == set()
    assert client._idle == []


async def until(condition) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - it waits for the state of the client, which tells nobody
            await asyncio.sleep(0)
