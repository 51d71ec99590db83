"""The hot path: everything under ``/v1/``, as plain ASGI in front of the framework.

is there a way through? → authenticate → count → say who it is → forward → stream the answer back.
"""

import asyncio
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from http import HTTPStatus
from urllib.parse import quote

from starlette.types import Receive, Scope, Send

from gateway.addresses import Network, bucket, client_address
from gateway.auth import Authenticator
from gateway.bodies import whole_body
from gateway.headers import ClientHeaders, returned
from gateway.identity_tokens import Passport
from gateway.lanes import Lane
from gateway.policies import RouteClass
from gateway.rate_limit import RateLimiter
from gateway.strangers import Strangers, too_many
from gateway.streams import Streams
from gateway.upstream import Header, Request, Response, TimedOutError, UnreachableError, UpstreamError
from shared.asgi import ClientGoneError, send_problem
from shared.context import note_merchant
from shared.metrics import Counter, Family
from shared.problems import Problem, internal
from shared.tracing import HEADER

_log = logging.getLogger(__name__)

_SAFE = ("GET", "HEAD")
_SLOWEST_READER_SECONDS = 30.0
_CALLBACKS = b"/v1/callbacks/"
_METHODS = frozenset((*_SAFE, "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
_ALLOW = ", ".join(sorted(_METHODS))
# Segments of RFC 3986 characters: none is empty or made of dots, nothing encoded stands for a dot, a slash, a
# backslash, a percent sign before one of these, or a control character. So no path means another one further in.
_PATH = re.compile(
    rb"/v1(?:/(?!\.\.?(?:/|\Z))(?:[A-Za-z0-9._~!$&'()*+,;=:@-]++|%(?!(?:25)*+(?:2[EeFf]|5[Cc]|[01]|7[Ff]))[0-9A-Fa-f]{2})+)+"
)
_KINDS: dict[type[UpstreamError], str] = {UnreachableError: "unreachable", TimedOutError: "timeout"}
_QUERY = re.compile(rb"[\x21-\x7e]*")


class Proxy:
    """Forwards requests to payments."""

    def __init__(
        self,
        *,
        authenticator: Authenticator,
        strangers: Strangers,
        limiter: RateLimiter,
        lanes: Mapping[RouteClass, Lane],
        streams: Streams,
        acquirers: Passport,
        trusted_proxies: Sequence[Network],
        errors: Family[Counter],
    ) -> None:
        """Take the collaborators.

        Shapes:
            acquirers: who calls payments on behalf of acquirers: they have no key, payments knows them by signature.
            errors: counts the requests that payments did not answer.
        """
        self._authenticator = authenticator
        self._strangers = strangers
        self._limiter = limiter
        self._lanes = lanes
        self._streams = streams
        self._acquirers = acquirers
        self._trusted = trusted_proxies
        self._errors = errors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        headers: ClientHeaders = scope["client_headers"]
        limits: list[Header] = []
        try:
            response = await self._forward(scope, headers, receive, limits)
        except Problem as problem:
            told = {name.decode(): value.decode() for name, value in limits}
            if headers.expects:
                # Its body was not asked for and may never come, so the connection cannot be told apart any more.
                told["Connection"] = "close"
            await send_problem(
                send,
                replace(problem, headers={**told, **problem.headers}) if told else problem,
                scope["path"],
                headers.request_id,
            )
        except ClientGoneError:
            return
        except Exception:  # noqa: BLE001 - the last resort
            _log.exception("request failed", extra={"request_id": headers.request_id})
            await send_problem(send, internal(), scope["path"], headers.request_id)
        else:
            limits.append((b"x-request-id", headers.request_id.encode()))
            await self._relay(response, limits, headers, scope, receive, send)

    async def _forward(self, scope: Scope, headers: ClientHeaders, receive: Receive, limits: list[Header]) -> Response:
        path, query, method = _path(scope), scope["query_string"], scope["method"]
        if not _PATH.fullmatch(path) or not _QUERY.fullmatch(query):
            raise _no_such_path()
        if method not in _METHODS:
            raise Problem(405, "method_not_allowed", "This method is not used here.", headers={"Allow": _ALLOW})
        if headers.asks_for_upgrade and method not in _SAFE:
            raise Problem(400, "invalid_request", "Send plain HTTP/1.1: protocol upgrades are not supported.")
        lane = self._lanes[class_of(method, headers.authorization)]
        lane.check()
        if method == "POST" and path.startswith(_CALLBACKS):
            passport, subject = self._acquirers, bucket(self.address(scope, headers))
        else:
            passport = await self.enter(scope, headers)
            subject = passport.identity.subject
        note_merchant(passport.identity.merchant_id)
        verdict = await self._limiter.take(subject, lane.kind, passport.quotas.get(lane.kind, lane.quota))
        if not verdict.allowed:
            raise too_many(verdict)
        limits += verdict.headers()
        has_body = headers.content_length is not None or headers.streamed or method not in _SAFE
        body = await whole_body(receive, headers.content_length) if has_body else b""
        forwarded = headers.forwarded
        repeatable = method in _SAFE or headers.has(b"idempotency-key")
        forwarded.append((b"authorization", passport.authorization()))
        forwarded.append((b"x-request-id", headers.request_id.encode()))
        forwarded.append(lane.deadline)
        if headers.traceparent is not None:
            forwarded.append((HEADER, headers.traceparent))
        if passport.identity.kind == "person":  # what people do is written down, with where they did it
            forwarded.append((b"x-client-address", self.address(scope, headers).encode()))
        request = Request(method, path, query, forwarded, body, repeatable, lane.timeout)
        try:
            response = await lane.send(request)
        except UpstreamError as error:
            _log.warning("no answer from payments: %s", error, extra={"request_id": headers.request_id})
            self._errors.of(_KINDS.get(type(error), "broken")).inc()
            raise _problem(error, request) from error
        if response.status == HTTPStatus.UNAUTHORIZED:
            # The caller is known here, so this is not about its key: the word we gave for it was too old on arrival, or
            # signed with a key that payments does not have.
            _log.warning("payments did not take our word for the caller", extra={"request_id": headers.request_id})
            self._errors.of("unbelieved").inc()
            raise _unbelieved()
        return response

    async def enter(self, scope: Scope, headers: ClientHeaders) -> Passport:
        """Return who is calling; an address that failed too often is not listened to.

        Raises:
            Problem: 401, 429, or 503 when it cannot be found out now.

        """
        try:
            return await self._authenticator.authenticate(
                headers.authorization, lambda: self._strangers.check(bucket(self.address(scope, headers)))
            )
        except Problem as problem:
            if problem.status == HTTPStatus.UNAUTHORIZED:
                await self._strangers.charge(bucket(self.address(scope, headers)))
            raise

    def address(self, scope: Scope, headers: ClientHeaders) -> str:
        """Return where a request comes from."""
        peer = scope["client"][0] if scope.get("client") else ""
        return client_address(peer, headers.forwarded_for, self._trusted)

    async def _relay(
        self, response: Response, own: list[Header], request: ClientHeaders, scope: Scope, receive: Receive, send: Send
    ) -> None:
        rest = response.rest
        watching: asyncio.Task[None] | None = None
        try:
            headers = returned(response.headers) + own
            await send({"type": "http.response.start", "status": response.status, "headers": headers})
            await send({"type": "http.response.body", "body": response.body, "more_body": rest is not None})
            if rest is None:
                return
            watching = asyncio.create_task(self._streams.watch(rest, headers, scope, request.authorization, receive))
            async for piece in rest:
                async with asyncio.timeout(_SLOWEST_READER_SECONDS):
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        except (UpstreamError, TimeoutError) as error:
            # The answer has begun and cannot become another one. Left unfinished, it makes the server close the
            # connection, which tells the client that it was cut off.
            if watching is None or not watching.done():
                _log.warning("an answer was cut off: %s", error, extra={"request_id": request.request_id})
        finally:
            if watching is not None:
                watching.cancel()
            if rest is not None:
                await rest.aclose()


def class_of(method: str, authorization: bytes | None) -> RouteClass:
    """Return which limits a request falls under, before anybody knows who calls."""
    if authorization is not None and authorization[7:10] != b"sk_":
        return "admin"
    return "read" if method in _SAFE else "write"


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


def _unbelieved() -> Problem:
    return Problem(
        503,
        "unavailable",
        "The service could not take the request just now. Nothing was done; repeat the request.",
        retryable=True,
        headers={"Retry-After": "1"},
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
