"""Which pages of other origins may call from a browser: none, unless an operator names them."""

from collections.abc import Iterable, Sequence

from starlette.types import Send

from gateway.upstream import Header

_METHODS = b"GET, POST, PUT, PATCH, DELETE"
_REQUEST_HEADERS = b"authorization, content-type, idempotency-key, last-event-id, x-request-id"
_EXPOSED = b"x-request-id, ratelimit, ratelimit-policy, retry-after, idempotent-replayed"


class Cors:
    """The origins that are let in. No cookies are used here, so credentials are never allowed."""

    def __init__(self, origins: Sequence[str]) -> None:
        """Take origins such as ``https://console.example``."""
        self.origins = frozenset(origin.encode() for origin in origins)

    def allowed(self, headers: Iterable[Header]) -> bytes | None:
        """Return the origin of a request, if it is one of ours."""
        return next((value for name, value in headers if name == b"origin" and value in self.origins), None)

    def headers(self, origin: bytes) -> list[Header]:
        """Return what lets a page of the origin read the answer."""
        return [
            (b"access-control-allow-origin", origin),
            (b"access-control-expose-headers", _EXPOSED),
            (b"vary", b"origin"),
        ]

    async def preflight(self, send: Send, headers: Iterable[Header]) -> None:
        """Tell a browser what a page may send."""
        answer = [
            *headers,
            (b"access-control-allow-methods", _METHODS),
            (b"access-control-allow-headers", _REQUEST_HEADERS),
            (b"access-control-max-age", b"600"),
        ]
        await send({"type": "http.response.start", "status": 204, "headers": answer})
        await send({"type": "http.response.body", "body": b""})
