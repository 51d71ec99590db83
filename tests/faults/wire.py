"""A proxy between the service and PostgreSQL that reads enough of the protocol to break a connection at one moment.

https://www.postgresql.org/docs/current/protocol-message-formats.html: a client parses, binds and executes statements,
and the server completes them in that order; ReadyForQuery ends what the client closed with Sync.
"""

import asyncio
from collections import deque
from contextlib import suppress
from typing import Literal, NamedTuple, Self
from urllib.parse import urlsplit

# Where the connection is cut:
#   before the write    the statement never reaches the server
#   during the write    the server goes on with it alone; the client is cut off at once
#   before the commit   the statement ran, its COMMIT never reaches the server
#   during the commit   the server commits alone; the client is cut off at once
#   after the commit    the server has committed, and its confirmation is lost
#   behind the commit   the same, but "COMMIT" came through and only the end of the reply is lost
#   never               not at all: the confirmation is held back until somebody kills the client
Moment = Literal[
    "before the write",
    "during the write",
    "before the commit",
    "during the commit",
    "after the commit",
    "behind the commit",
    "never",
]

# What marks the write of a batch of new payments, and of a batch of changes.
CREATION = "INSERT INTO payments.payments ("
CHANGE = "UPDATE payments.payments "


class _Message(NamedTuple):
    kind: bytes
    body: bytes

    @property
    def raw(self) -> bytes:
        return self.kind + (len(self.body) + 4).to_bytes(4) + self.body


class _Step(NamedTuple):
    """Something the server will complete: a statement, or a Sync when there is no text."""

    text: str | None
    wanted: bool = False  # the COMMIT of the write that is to be lost


class Proxy:
    """Listens on a port of its own; `cut` arms it for one connection."""

    def __init__(self, url: str) -> None:
        """Take the libpq URL of the real server."""
        self.target = urlsplit(url)
        self.reached = asyncio.Event()
        self._write = ""
        self._moment: Moment = "never"
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def url(self) -> str:
        """The way to the server through this proxy."""
        port = self._server.sockets[0].getsockname()[1]
        user = f"{self.target.username}:{self.target.password}"
        # Plain from the first byte, so that there is something to read.
        return f"postgresql://{user}@127.0.0.1:{port}{self.target.path}?sslmode=disable&gssencmode=disable"

    def cut(self, write: str, moment: Moment) -> None:
        """Break the next connection that does this write; `reached` tells when it happened."""
        self._write, self._moment = write, moment
        self.reached.clear()

    def writes(self, text: str) -> bool:
        """Return whether a statement is the one that was named."""
        return bool(self._write) and self._write in text

    def is_time(self, moment: Moment, *, wanted: bool) -> bool:
        """Return whether to cut now, and never again."""
        if not wanted or not self._write or moment != self._moment:
            return False
        self._write = ""
        self.reached.set()
        return True

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None:
            raise AssertionError("connections are served by tasks")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await _Session(self, reader, writer).run()


class _Session:
    """One connection through the proxy."""

    def __init__(self, proxy: Proxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._proxy = proxy
        self._from_client, self._to_client = reader, writer
        self._texts: dict[bytes, str] = {}  # of prepared statements, by name
        self._bound = ""
        self._writing = False  # this transaction did the write
        self._behind = False  # the last thing completed was the commit that is to be lost
        self._pending = deque([_Step(None)])  # the server's start ends with ReadyForQuery, too

    async def run(self) -> None:
        """Forward until one side ends, or the cut."""
        target = self._proxy.target
        self._from_server, self._to_server = await asyncio.open_connection(target.hostname, target.port)
        try:
            length = await self._from_client.readexactly(4)
            self._to_server.write(length + await self._from_client.readexactly(int.from_bytes(length) - 4))
            sides = [asyncio.ensure_future(self._client_side()), asyncio.ensure_future(self._server_side())]
            try:
                await asyncio.wait(sides, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for side in sides:
                    side.cancel()
                await asyncio.gather(*sides, return_exceptions=True)
        finally:
            for writer in (self._to_client, self._to_server):
                writer.transport.abort()

    async def _client_side(self) -> None:
        while True:
            message = await _read(self._from_client)
            match message.kind:
                case b"P":
                    name, text, _ = message.body.split(b"\0", 2)
                    self._texts[name] = text.decode()
                case b"B":
                    self._bound = self._texts[message.body.split(b"\0", 2)[1]]
                    if self._is_too_early(self._bound):
                        return
                case b"E":
                    self._execute(self._bound)
                case b"Q":
                    text_sent = message.body.rstrip(b"\0").decode()
                    if self._is_too_early(text_sent):
                        return
                    self._execute(text_sent)
                    self._pending.append(_Step(None))
                case b"S":
                    self._pending.append(_Step(None))
                case _:
                    pass  # everything else says nothing about statements
            self._to_server.write(message.raw)
            if message.kind in b"HSQ" and self._is_on_its_way():
                self._to_client.transport.abort()
                self._to_server.close()  # after what was sent
                await self._to_server.wait_closed()
                return

    def _is_too_early(self, text: str) -> bool:
        write = self._proxy.is_time("before the write", wanted=self._proxy.writes(text))
        return write or self._proxy.is_time("before the commit", wanted=self._writing and text == "COMMIT")

    def _execute(self, text: str) -> None:
        self._pending.append(_Step(text, wanted=self._writing and text == "COMMIT"))
        if text.startswith("BEGIN"):
            self._writing = False
        self._writing = self._writing or self._proxy.writes(text)

    def _is_on_its_way(self) -> bool:
        commits = any(step.wanted for step in self._pending)
        write = self._proxy.is_time("during the write", wanted=self._writing)
        return write or self._proxy.is_time("during the commit", wanted=commits)

    async def _server_side(self) -> None:
        while True:
            message = await _read(self._from_server)
            if message.kind == b"C":
                if self._proxy.is_time("after the commit", wanted=self._pending[0].wanted):
                    return
                if self._proxy.is_time("never", wanted=self._pending[0].wanted):
                    await asyncio.Event().wait()
                self._behind = self._pending.popleft().wanted
            elif message.kind == b"Z":
                if self._proxy.is_time("behind the commit", wanted=self._behind):
                    await self._to_client.drain()
                    return
                while self._pending.popleft().text is not None:
                    pass  # an error made the server skip the rest
            self._to_client.write(message.raw)


async def _read(reader: asyncio.StreamReader) -> _Message:
    head = await reader.readexactly(5)
    return _Message(head[:1], await reader.readexactly(int.from_bytes(head[1:]) - 4))
