"""How both services are served: one process, uvicorn on uvloop, HTTP parsed by httptools.

    python -m shared.serving gateway.main:app_factory --port 8000

What is set, and why:

    proxy_headers   off: a client's X-Forwarded-For must change nothing by default
    server_header   off: no banner; the date stays, clients and caches rely on it
    access_log      off: a line per request costs more than proxying it; metrics count requests
    ws              none: no WebSockets, so no second parser to attack
    keep-alive      above the 60 s of a load balancer and the 30 s of the gateway's own client, so that the
                    side that sends requests is the one that closes
    graceful stop   below the 30 s after which an orchestrator kills; answers without an end (streams) are told to end
"""

import argparse
import asyncio
import gc
import socket
from collections.abc import Callable
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from shared.problems import MEDIA_TYPE, Problem

KEEP_ALIVE_SECONDS = 75
GRACEFUL_SECONDS = 25
GARBAGE_OBJECTS = 50_000
# Name in a request's `state` of the event that is set when the server begins to stop.
STOPPING = "stopping"


class _Protocol(HttpToolsProtocol):
    """Answers even what is not HTTP with a problem document."""

    def send_400_response(self, msg: str) -> None:
        body = Problem(400, "invalid_request", msg).body("/", None)
        self.transport.write(
            b"HTTP/1.1 400 Bad Request\r\ncontent-type: %b\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%b"
            % (MEDIA_TYPE.encode(), len(body), body)
        )
        self.transport.close()


class _Server(uvicorn.Server):
    """Collects garbage where there can be some, and tells requests when it stops.

    What exists once the service has started lives as long as the process, and at any moment hundreds of requests are
    half done. Looking through both every 700 objects, as Python does by default, took a fifth of all CPU time.
    """

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start; from then on look at new objects only, and at many of them at once."""
        await super().startup(sockets)
        self.lifespan.state[STOPPING] = asyncio.Event()
        gc.collect()
        gc.freeze()
        gc.set_threshold(GARBAGE_OBJECTS)

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


def serve(factory: str, *, host: str = "127.0.0.1", port: int = 8000) -> None:
    """Serve ``module:factory`` until SIGTERM or SIGINT, then finish what is in flight."""
    _Server(server_config(factory, host, port)).run()


def main() -> None:
    """Serve what the command line names."""
    parser = argparse.ArgumentParser(prog="python -m shared.serving", description="Serve one of the two services.")
    parser.add_argument("factory", help="for example gateway.main:app_factory")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    arguments = parser.parse_args()
    serve(arguments.factory, host=arguments.host, port=arguments.port)


if __name__ == "__main__":
    main()
