"""Payments in the same process: one function on Lambda, one hop less, the same answers."""

import asyncio
from urllib.parse import unquote

from starlette.types import ASGIApp, Message

from gateway.upstream import BrokenError, Header, Request, Response, TimedOutError


class InProcess:
    """Takes requests to an ASGI application. Answers arrive whole: API Gateway would not stream them anyway."""

    def __init__(self, app: ASGIApp) -> None:
        """Take payments' application."""
        self._app = app

    async def send(self, request: Request) -> Response:
        """Send a request and return its whole answer.

        Raises:
            UpstreamError: there is none.

        """
        exchange = _Exchange(request.body)
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "scheme": "http",
            "method": request.method,
            "path": unquote(request.path.decode("ascii")),
            "raw_path": request.path,
            "root_path": "",
            "query_string": request.query,
            "headers": [*request.headers, (b"host", b"payments"), (b"content-length", b"%d" % len(request.body))],
            "client": None,
            "server": None,
        }
        try:
            async with asyncio.timeout(request.timeout):
                await self._app(scope, exchange.receive, exchange.send)
        except TimeoutError as error:
            raise TimedOutError("payments did not answer in time", sent=True) from error
        return exchange.response()

    async def aclose(self) -> None:
        """Nothing is open."""


class _Exchange:
    def __init__(self, body: bytes) -> None:
        self._pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]
        self._status: int | None = None
        self._headers: list[Header] = []
        self._body: list[bytes] = []

    async def receive(self) -> Message:
        if self._pending:
            return self._pending.pop()
        # Whoever waits for a disconnect waits for as long as the request lasts.
        await asyncio.get_running_loop().create_future()
        raise AssertionError("nobody completes that future")

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            self._headers = [(name, value) for name, value in message["headers"]]
        else:
            self._body.append(message.get("body", b""))

    def response(self) -> Response:
        if self._status is None:
            raise BrokenError("payments ended without an answer", sent=True)
        return Response(self._status, self._headers, b"".join(self._body))
