"""Sends the head of an answer together with its body: one packet, and one wake-up of whoever waits for it.

uvicorn writes both as they come, and uvloop sends every write at once. Two packets cost both sides half as much again.
"""

import asyncio

_INTERIM = b"HTTP/1.1 100 "


class WholeAnswer:
    """The part of a transport that one answer of uvicorn uses.

    A head whose body is not there yet, as that of a stream, goes at the end of the loop's turn.
    """

    __slots__ = ("_head", "_loop", "_transport")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        """Take what to write to, and who tells the end of a turn."""
        self._transport = transport
        self._loop = loop
        self._head: bytes | None = None  # empty once it is sent

    def write(self, data: bytes) -> None:
        """Keep a head, send anything else, with the head in front of it."""
        if self._head:
            head, self._head = self._head, b""
            self._transport.write(head + data)  # cheaper than writelines, which cannot be sent at once
        elif self._head is None and not data.startswith(_INTERIM):
            self._head = data
            self._loop.call_soon(self._send_head)
        else:
            self._transport.write(data)

    def close(self) -> None:
        """Send what is left, then close."""
        self._send_head()
        self._transport.close()

    def is_closing(self) -> bool:
        """Tell whether nothing can be sent any more."""
        return self._transport.is_closing()

    def _send_head(self) -> None:
        if self._head:
            head, self._head = self._head, b""
            if not self._transport.is_closing():
                self._transport.write(head)
