"""How an answer is written: its head together with its body, in one packet.

uvicorn writes them one after the other and uvloop sends every write at once, so that the other side is woken up twice
for each answer; and it looks at each header with two regular expressions. Together that was a tenth of the gateway.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

_WITHOUT_BODY = (204, 304)


class Answering(RequestResponseCycle):
    """One request and its answer, as uvicorn serves it but for ``send``.

    A head whose body is not there yet, as that of a stream, goes at the end of the loop's turn.
    """

    _head = b""  # waits for its body

    async def send(self, message: Any) -> None:  # noqa: ANN401 - ASGI messages; narrower than uvicorn's type is wrong
        """Send a part of the answer.

        Raises:
            RuntimeError: the application sends what does not fit.

        """
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        expected = "http.response.body" if self.response_started else "http.response.start"
        if message["type"] != expected or self.response_complete:
            raise RuntimeError(f"{message['type']} was sent where {expected} belongs, or after the end")
        if not self.response_started:
            self._begin(message)
        else:
            self._go_on(message.get("body", b""), more=message.get("more_body", False))

    def _begin(self, message: Any) -> None:  # noqa: ANN401
        self.response_started = True
        self.waiting_for_100_continue = False
        status = message["status"]
        lines, closes = [STATUS_LINE[status]], False
        for name, value in (*self.default_headers, *message.get("headers", ())):
            if name == b"content-length":
                self.expected_content_length = int(value)
                self.chunked_encoding = False
            elif name == b"transfer-encoding" and value.lower() == b"chunked":
                self.chunked_encoding = True
            elif name == b"connection" and b"close" in value.lower():
                self.keep_alive, closes = False, True
            lines.append(b"%b: %b\r\n" % (name, value))
        if not self.keep_alive and not closes:
            lines.append(b"connection: close\r\n")
        if self.chunked_encoding is None and self.scope["method"] != "HEAD" and status not in _WITHOUT_BODY:
            self.chunked_encoding = True
            lines.append(b"transfer-encoding: chunked\r\n")
        head = b"".join(lines)
        # Whatever let a line break into a value must not get to write headers.
        if not head.count(b"\r") == head.count(b"\n") == len(lines) or b"\0" in head:
            raise RuntimeError("a header holds a control character")
        self._head = head + b"\r\n"
        asyncio.get_running_loop().call_soon(self._send_head)

    def _go_on(self, body: bytes, *, more: bool) -> None:
        if self.scope["method"] == "HEAD":
            body, self.expected_content_length = b"", 0
        elif self.chunked_encoding:
            body = (b"%x\r\n%b\r\n" % (len(body), body) if body else b"") + (b"" if more else b"0\r\n\r\n")
        else:
            self.expected_content_length -= len(body)
            if self.expected_content_length < 0:
                raise RuntimeError("the body is longer than its Content-Length")
        head, self._head = self._head, b""
        if head or body:
            self.transport.write(head + body)
        if more:
            return
        if self.expected_content_length:
            raise RuntimeError("the body is shorter than its Content-Length")
        self.response_complete = True
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()

    def _send_head(self) -> None:
        if self._head and not self.transport.is_closing():
            head, self._head = self._head, b""
            self.transport.write(head)
