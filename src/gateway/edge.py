"""The one way in: ``/v1/`` goes to the proxy at once, everything else to the gateway's own small application."""

from collections.abc import Sequence
from http import HTTPStatus

from fastapi import FastAPI
from fastapi import Request as HttpRequest
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.addresses import bucket
from gateway.bodies import replay, whole_body
from gateway.cors import Cors
from gateway.headers import ClientHeaders
from gateway.proxy import Proxy
from gateway.strangers import Strangers
from gateway.upstream import Header
from shared.asgi import ClientGoneError, send_problem
from shared.context import RequestContext, current
from shared.problems import MEDIA_TYPE, FieldError, Problem, internal
from shared.red import Requests
from shared.tracing import Parent, Tracing, traceparent

OWN_ADMIN = ("/v1/admin/stats", "/v1/admin/circuit_breakers")
# What costs something and is open to everybody.
LIMITED = ("/docs", "/docs/scalar.js", "/openapi.json")
_CODES = {404: "not_found", 405: "method_not_allowed"}
_DETAILS = {
    404: "There is nothing at this path. The API is under /v1/ and described at /docs.",
    405: "This path does not take this method.",
}


# For browsers, which have no business here but for the reference and the console.
SECURITY_HEADERS: tuple[Header, ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"strict-transport-security", b"max-age=31536000; includeSubDomains"),
    (b"referrer-policy", b"no-referrer"),
)
API_HEADERS: tuple[Header, ...] = (
    *SECURITY_HEADERS,
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)


class Edge:
    """The whole gateway as an ASGI application."""

    def __init__(
        self,
        proxy: Proxy,
        own: ASGIApp,
        strangers: Strangers,
        cors: Cors,
        requests: Requests,
        tracing: Tracing | None,
    ) -> None:
        """Take what serves ``/v1/``, what serves the rest, what both are guarded by, who counts and who traces."""
        self._proxy = proxy
        self._own = own
        self._strangers = strangers
        self._cors = cors
        self._requests = requests
        self._tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or start and stop with the server."""
        if scope["type"] != "http":
            await self._own(scope, receive, send)
            return
        path = scope["path"]  # as decoded; the proxy judges how it was written
        extra = API_HEADERS if path.startswith("/v1/") else SECURITY_HEADERS
        if self._cors.origins:
            origin = self._cors.allowed(scope["headers"])
            if origin is not None:
                extra = (*extra, *self._cors.headers(origin))
                if scope["method"] == "OPTIONS":
                    await self._cors.preflight(send, extra)
                    return

        headers = scope["client_headers"] = ClientHeaders(scope["headers"])
        context = RequestContext(headers.request_id)
        current.set(context)
        parent = Parent.of(headers.traceparent) if headers.traceparent is not None else None
        if self._tracing is not None and self._tracing.chooses():
            with self._tracing.server(context, parent):
                headers.traceparent = traceparent()
                await self._answer(scope, receive, send, extra)
            return
        # Known, so that logs show it, and not recorded, whatever the client wishes.
        context.trace_id = parent.trace_id if parent is not None else None
        headers.traceparent = parent._replace(sampled=False).header if parent is not None else None
        await self._answer(scope, receive, send, extra)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, extra: Sequence[Header]) -> None:
        answer, path = self._requests.begin(scope), scope["path"]

        async def secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *extra]
                answer.status = message["status"]
            elif message.get("more_body", False):
                answer.end()  # a stream of events may last for hours
            await send(message)

        try:
            if path.startswith("/v1/") and not path.startswith(OWN_ADMIN):
                await self._proxy(scope, receive, secured)
            else:
                await self._serve_own(scope, receive, secured)
        finally:
            answer.end()

    async def _serve_own(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: ClientHeaders = scope["client_headers"]
        request_id = scope["request_id"] = headers.request_id

        async def identified(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode())]
            await send(message)

        try:
            if scope["path"] in LIMITED:
                await self._strangers.charge(bucket(self._proxy.address(scope, headers)))
            if headers.content_length is not None or headers.streamed:
                receive = replay(await whole_body(receive, headers.content_length), receive)
            await self._own(scope, receive, identified)
        except ClientGoneError:
            return
        except Problem as problem:
            await send_problem(send, problem, scope["path"], request_id)


def install_problems(app: FastAPI) -> None:
    """Make the framework answer every error with a problem document."""

    def answer(request: HttpRequest, error: Exception) -> Response:
        if isinstance(error, HTTPException):
            status, headers = error.status_code, error.headers or {}
            detail = _DETAILS.get(status, f"{HTTPStatus(status).phrase}.")
            error = Problem(status, _CODES.get(status, "invalid_request"), detail, headers=headers)
        problem = error if isinstance(error, Problem) else internal()
        body = problem.body(request.url.path, request.scope["request_id"])
        return Response(body, problem.status, dict(problem.headers), MEDIA_TYPE)

    def refuse(request: HttpRequest, error: Exception) -> Response:
        found = error.errors() if isinstance(error, RequestValidationError) else []
        if any(each["type"] == "json_invalid" for each in found):
            return answer(request, Problem(400, "malformed_json", "The body is not valid JSON."))
        errors = [FieldError(str(each["msg"]), "".join(f"/{part}" for part in each["loc"][1:])) for each in found]
        return answer(
            request, Problem(422, "validation_failed", "The request is not valid; see errors.", errors=errors)
        )

    app.add_exception_handler(RequestValidationError, refuse)
    app.add_exception_handler(Exception, answer)  # the server logs it
    app.add_exception_handler(Problem, answer)
    app.add_exception_handler(HTTPException, answer)
