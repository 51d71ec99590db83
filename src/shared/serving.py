"""How both services are served: one process, uvicorn on uvloop, HTTP parsed by httptools.

    python -m shared.serving gateway.main:app_factory --port 8000

What is set, and why:

    proxy_headers   off: a client's X-Forwarded-For must change nothing by default
    server_header   off: no banner; the date stays, clients and caches rely on it
    access_log      off: a line per request costs more than proxying it; metrics count requests
    ws              none: no WebSockets, so no second parser to attack
    keep-alive      above the 60 s of a load balancer and the 30 s of the gateway's own client, so that the
                    side that sends requests is the one that closes
    head            32 kB at most, whole within 10 s, as is the body
    drain           after SIGTERM not ready but serving: load balancers stop sending before this stops accepting
    graceful stop   below the 30 s after which an orchestrator kills; answers without an end (streams) are told to end
"""

import argparse
import asyncio
import gc
import signal
import socket
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from types import FrameType
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from shared.answers import Answering
from shared.asgi import DRAINING, REFUSE, STOPPING
from shared.problems import MEDIA_TYPE, Problem

KEEP_ALIVE_SECONDS = 75
GRACEFUL_SECONDS = 25
GARBAGE_OBJECTS = 50_000
HEAD_SECONDS = 10.0
BODY_SECONDS = 10.0
MAX_HEAD_BYTES = 32_768
_VERSIONS = ("1.1", "1.0")


_NOT_HTTP = Problem(400, "invalid_request", "This is not HTTP as it is accepted here.")
_TOO_LARGE = Problem(431, "headers_too_large", "The head of a request is at most 32 kB.")
_TOO_SLOW = Problem(408, "request_timeout", "The request did not arrive in time. Nothing was done.", retryable=True)


class _Protocol(HttpToolsProtocol):
    """Bounds the head of a request in size and time, and answers even what is not HTTP with a problem document."""

    _fed = 0  # bytes of the latest read
    _head_bytes = 0  # of a head that has not ended yet
    _in_head = False
    _timer: asyncio.TimerHandle | None = None
    _idle_since = 0.0
    _refusal = _NOT_HTTP

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for a first request, but not for ever."""
        super().connection_made(transport)
        self._timer = self.loop.call_later(HEAD_SECONDS, self._too_slow)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop_timer()
        super()._unset_keepalive_if_required()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse; nearly every head arrives in one piece, and none of this costs it anything."""
        self._fed = len(data)
        super().data_received(data)
        if self._in_head and not self.transport.is_closing():
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self._refuse_head()
            elif self._timer is None:
                self._timer = self.loop.call_later(HEAD_SECONDS, self._too_slow)
        elif self._timer is None and self._body_missing():
            self._timer = self.loop.call_later(BODY_SECONDS, self._too_slow)

    def on_message_complete(self) -> None:
        """Wait no more: the request is whole."""
        self._stop_timer()
        super().on_message_complete()
        self.cycle.more_body = False  # also when it was answered before its end

    def on_message_begin(self) -> None:
        """Note that a head has begun."""
        self._in_head = True
        self._head_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Start the request, if its head is not too large."""
        self._in_head = False
        self._stop_timer()
        if self._fed > MAX_HEAD_BYTES and _size(self.headers) + len(self.url) > MAX_HEAD_BYTES:
            self._refusal = _TOO_LARGE
            raise ValueError("the head is too large")
        if self.parser.get_http_version() not in _VERSIONS:
            raise ValueError("HTTP/0.9 has no headers, and so no end and no caller")
        refuse = self.app_state.get(REFUSE)
        if refuse is not None and refuse.needed() and self._between_requests():
            refusal = refuse(self.parser.get_method(), self.url, self.headers)
            if refusal is not None:
                self._answer_at_once(*refusal)
                return
        super().on_headers_complete()
        self.cycle.__class__ = Answering  # uvicorn has no other place for it, and its task has not begun yet
        if DRAINING in self.app_state:
            self.cycle.keep_alive = False  # its client finds another replica for the next one

    def _between_requests(self) -> bool:
        """Tell whether an answer may be written now, and another request follow it."""
        cycle: RequestResponseCycle | None = self.cycle
        return (
            cycle is not None
            and cycle.response_complete
            and not self.flow.write_paused
            and self.parser.should_keep_alive()
            and DRAINING not in self.app_state
        )

    def _answer_at_once(self, status: int, rest: bytes) -> None:
        """Answer without the application. The request before, which is complete, stands for this one as well."""
        self.cycle.more_body = True
        date = b"".join(b"%b: %b\r\n" % header for header in self.server_state.default_headers)
        self.transport.write(STATUS_LINE[status] + date + rest)
        self.on_response_complete()

    def on_response_complete(self) -> None:
        """Go on with the next request, or wait for one."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
            return
        self._idle_since = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._wait_for_request(self.timeout_keep_alive)

    def timeout_keep_alive_handler(self) -> None:
        """Close a connection that has been idle for long enough."""
        self.timeout_keep_alive_task = None
        if self._in_head or not self.cycle.response_complete:
            return
        rest = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if rest > 0:
            self._wait_for_request(rest)
        else:
            super().timeout_keep_alive_handler()

    def _wait_for_request(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(seconds, self.timeout_keep_alive_handler)

    def _unset_keepalive_if_required(self) -> None:
        """Leave the timer as it is: it finds out by itself, and one per connection is cheaper than one per request."""

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - the same words for every reason
        """Refuse what is not HTTP, or not HTTP as it is accepted here; what is answered gets no second answer."""
        if self._body_missing() and self.cycle.response_started:
            self.transport.close()
            return
        status, body = self._refusal.status, self._refusal.body("/", None)
        self.transport.write(
            b"HTTP/1.1 %d %b\r\ncontent-type: %b\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%b"
            % (status, HTTPStatus(status).phrase.encode(), MEDIA_TYPE.encode(), len(body), body)
        )
        self.transport.close()

    def _refuse_head(self) -> None:
        self._refusal = _TOO_LARGE
        self.send_400_response("")

    def _too_slow(self) -> None:
        self._timer = None
        if not self.transport.is_closing():
            self._refusal = _TOO_SLOW
            self.send_400_response("")

    def _body_missing(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle  # none before the first request, whatever its type says
        return not self._in_head and cycle is not None and cycle.more_body

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _size(headers: list[tuple[bytes, bytes]]) -> int:
    return sum(len(name) + len(value) for name, value in headers)


class _Server(uvicorn.Server):
    """Collects garbage where there can be some, and tells requests when it stops.

    What exists once the service has started lives as long as the process, and at any moment hundreds of requests are
    half done. Looking through both every 700 objects, as Python does by default, took a fifth of all CPU time.
    """

    drain_seconds = 0.0

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start; from then on look at new objects only, and at many of them at once."""
        await super().startup(sockets)
        self.lifespan.state[STOPPING] = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        gc.collect()
        gc.freeze()
        gc.set_threshold(GARBAGE_OBJECTS)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """At the first SIGTERM say that this replica is not ready, and go on until everybody has noticed."""
        if sig != signal.SIGTERM or not self.drain_seconds or not self.started or DRAINING in self.lifespan.state:
            super().handle_exit(sig, frame)
            return
        self.lifespan.state[DRAINING] = True
        self._loop.call_soon_threadsafe(
            self._loop.call_later, self.drain_seconds, partial(super().handle_exit, sig, frame)
        )

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop; answers without an end are not waited for."""
        if stopping := self.lifespan.state.get(STOPPING):
            stopping.set()
        await super().shutdown(sockets)


def server_config(app: str | Callable[[], Any], host: str, port: int) -> uvicorn.Config:
    """Return uvicorn's configuration for a service; ``app`` is a factory, or where to import one from."""
    return uvicorn.Config(
        app,
        factory=True,
        host=host,
        port=port,
        loop="uvloop",
        http=_Protocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACEFUL_SECONDS,
    )


def serve(factory: str, *, host: str = "127.0.0.1", port: int = 8000, drain: float = 0.0) -> None:
    """Serve ``module:factory`` until SIGTERM or SIGINT, then finish what is in flight.

    ``drain`` is how many seconds to go on after SIGTERM while ``/health/ready`` answers 503: longer than load balancers
    take to notice.
    """
    server = _Server(server_config(factory, host, port))
    server.drain_seconds = drain
    server.run()


def main() -> None:
    """Serve what the command line names."""
    parser = argparse.ArgumentParser(prog="python -m shared.serving", description="Serve one of the two services.")
    parser.add_argument("factory", help="for example gateway.main:app_factory")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--drain", type=float, default=0.0, help="seconds to go on after SIGTERM, not ready any more")
    arguments = parser.parse_args()
    serve(arguments.factory, host=arguments.host, port=arguments.port, drain=arguments.drain)


if __name__ == "__main__":
    main()
