"""Stands between Redis and its client, and can be cut or made to swallow what comes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from payments.devtools.servers import Valkey


class Relay:
    """One listening port in front of a server."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._writers: list[asyncio.StreamWriter] = []
        self._serving: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.silent = False
        self.port = 0

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()
        await asyncio.gather(*self._serving, self._server.wait_closed())

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        up_reader, up_writer = await asyncio.open_connection(*self._target)
        self._writers += [writer, up_writer]
        await asyncio.gather(self._pipe(reader, up_writer), self._pipe(up_reader, writer))

    async def _pipe(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65_536):
                if not self.silent:
                    writer.write(data)
        except OSError:
            pass
        finally:
            writer.close()


@asynccontextmanager
async def relayed(valkey: Valkey) -> AsyncIterator[tuple[Relay, str]]:
    """A relay to a server, and the URL that goes through it."""
    relay = Relay("127.0.0.1", valkey.port)
    await relay.start()
    try:
        yield relay, valkey.url.replace(f":{valkey.port}/", f":{relay.port}/")
    finally:
        await relay.stop()
