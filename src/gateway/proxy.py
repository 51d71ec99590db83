"""The hot path: everything under ``/v1/``, as plain ASGI in front of the framework.

authenticate → say who it is → forward → stream the answer back.
"""

import asyncio
import logging
import re
from collections.abc import Sequence
from dataclasses import replace
from http import HTTPStatus
from urllib.parse import quote

from starlette.types import Receive, Scope, Send

from gateway.auth import Authenticator
from gateway.headers import ClientHeaders, returned
from gateway.upstream import Header, Request, Response, Stream, TimedOutError, UnreachableError, Upstream, UpstreamError
from shared.asgi import ClientGoneError, read_body, send_problem
from shared.problems import Problem, internal
from shared.serving import STOPPING

_log = logging.getLogger(__name__)

_SAFE = ("GET", "HEAD")
_METHODS = frozenset((*_SAFE, "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
_ALLOW = ", ".join(sorted(_METHODS))
# Segments of RFC 3986 characters: none is empty or made of dots, nothing encoded stands for a dot, a slash, a
# backslash, a percent sign before one of these, or a control character. So no path means another one further in.
_PATH = re.compile(
    rb"/v1(?:/(?!\.\.?(?:/|\Z))(?:[A-Za-z0-9._~!$&'()*+,;=:@-]++|%(?!(?:25)*+(?:2[EeFf]|5[Cc]|[01]|7[Ff]))[0-9A-Fa-f]{2})+)+"
)
_QUERY = re.compile(rb"[\x21-\x7e]*")


class Proxy:
    """Forwards requests to payments."""

    def __init__(self, authenticator: Authenticator, upstream: Upstream, timeout: float) -> None:
        """Take the collaborators; ``timeout`` is how many seconds payments may take to start an answer."""
        self._authenticator = authenticator
        self._upstream = upstream
        self._timeout = timeout

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        headers = ClientHeaders(scope["headers"])
        try:
            response = await self._forward(scope, headers, receive)
        except Problem as problem:
            if headers.expects:
                # Its body was not asked for and may never come, so the connection cannot be told apart any more.
                problem = replace(problem, headers={**problem.headers, "Connection": "close"})
            await send_problem(send, problem, scope["path"], headers.request_id)
        except ClientGoneError:
            return
        except Exception:  # noqa: BLE001 - the last resort
            _log.exception("request failed", extra={"request_id": headers.request_id})
            await send_problem(send, internal(), scope["path"], headers.request_id)
        else:
            await _relay(response, headers.request_id, scope, receive, send)

    async def _forward(self, scope: Scope, headers: ClientHeaders, receive: Receive) -> Response:
        path, query, method = _path(scope), scope["query_string"], scope["method"]
        if not _PATH.fullmatch(path) or not _QUERY.fullmatch(query):
            raise _no_such_path()
        if method not in _METHODS:
            raise Problem(405, "method_not_allowed", "This method is not used here.", headers={"Allow": _ALLOW})
        if headers.asks_for_upgrade and method not in _SAFE:
            raise Problem(400, "invalid_request", "Send plain HTTP/1.1: protocol upgrades are not supported.")
        passport = await self._authenticator.authenticate(headers.authorization)
        has_body = headers.content_length is not None or headers.streamed or method not in _SAFE
        body = await read_body(receive, headers.content_length) if has_body else b""
        forwarded = headers.forwarded
        repeatable = method in _SAFE or headers.has(b"idempotency-key")
        forwarded.append((b"authorization", passport.authorization()))
        forwarded.append((b"x-request-id", headers.request_id.encode()))
        request = Request(method, path, query, forwarded, body, repeatable, self._timeout)
        try:
            return await self._upstream.send(request)
        except UpstreamError as error:
            _log.warning("no answer from payments: %s", error, extra={"request_id": headers.request_id})
            raise _problem(error, request) from error


async def _relay(response: Response, request_id: str, scope: Scope, receive: Receive, send: Send) -> None:
    headers = returned(response.headers)
    headers.append((b"x-request-id", request_id.encode()))
    rest = response.rest
    leaving: asyncio.Task[None] | None = None
    try:
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": response.body, "more_body": rest is not None})
        if rest is None:
            return
        # Nobody says that a client has left but this, and a stream of events would go on for ever.
        leaving = asyncio.create_task(_close_when_over(rest, receive, _end_of(headers, scope)))
        async for piece in rest:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    except UpstreamError as error:
        # The answer has begun and cannot become another one. Left unfinished, it makes the server close the connection,
        # which tells the client that it was cut off.
        if leaving is None or not leaving.done():
            _log.warning("an answer of payments was cut off: %s", error, extra={"request_id": request_id})
    finally:
        if leaving is not None:
            leaving.cancel()
        if rest is not None:
            await rest.aclose()


def _end_of(headers: Sequence[Header], scope: Scope) -> asyncio.Event | None:
    """Return what ends an answer that has no end of its own: this gateway stops."""
    endless = any(name == b"content-type" and value.startswith(b"text/event-stream") for name, value in headers)
    return scope.get("state", {}).get(STOPPING) if endless else None


async def _close_when_over(rest: Stream, receive: Receive, end: asyncio.Event | None) -> None:
    """Give up an answer whose client has left, or that is not waited for any more."""
    over = [asyncio.create_task(_gone(receive))]
    if end is not None:
        over.append(asyncio.create_task(end.wait()))
    try:
        await asyncio.wait(over, return_when=asyncio.FIRST_COMPLETED)
        await rest.aclose()
    finally:
        for task in over:
            task.cancel()


async def _gone(receive: Receive) -> bool:
    while (await receive())["type"] != "http.disconnect":
        pass
    return True


def _path(scope: Scope) -> bytes:
    raw: bytes | None = scope.get("raw_path")
    return raw if raw is not None else quote(scope["path"], safe="/~!$&'()*+,;=:@").encode()


def _no_such_path() -> Problem:
    return Problem(
        404,
        "not_found",
        "There is nothing at this path. Write it plainly: no empty or dot segments, no slash at its end, "
        "no encoded dots, slashes or control characters.",
    )


def _problem(error: UpstreamError, request: Request) -> Problem:
    none = not error.sent or request.method in _SAFE
    advice = (
        "Nothing was done; repeat the request."
        if none
        else "It may have been carried out; repeat it with the same Idempotency-Key to find out."
        if request.repeatable
        else "It may have been carried out; look before you repeat it."
    )
    status, code, what = 502, "bad_gateway", "The answer was lost on its way."
    if isinstance(error, UnreachableError):
        status, code, what = 503, "unavailable", "The service cannot be reached right now."
    elif isinstance(error, TimedOutError):
        status, code, what = 504, "timeout", "The service did not answer in time."
    return Problem(
        status,
        code,
        f"{what} {advice}",
        effect="none" if none else "unknown",
        retryable=none or request.repeatable,
        headers={"Retry-After": "1"} if status == HTTPStatus.SERVICE_UNAVAILABLE else {},
    )
