"""The one way in: ``/v1/`` goes to the proxy at once, everything else to the gateway's own small application."""

from http import HTTPStatus

from fastapi import FastAPI
from fastapi import Request as HttpRequest
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.headers import ClientHeaders
from gateway.proxy import Proxy
from shared.problems import MEDIA_TYPE, Problem, internal

_CODES = {404: "not_found", 405: "method_not_allowed"}
_DETAILS = {
    404: "There is nothing at this path. The API is under /v1/ and described at /docs.",
    405: "This path does not take this method.",
}


class Edge:
    """The whole gateway as an ASGI application."""

    def __init__(self, proxy: Proxy, own: ASGIApp) -> None:
        self._proxy = proxy
        self._own = own

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or start and stop with the server."""
        if scope["type"] != "http":
            await self._own(scope, receive, send)
        elif scope["path"].startswith("/v1/"):  # as decoded; the proxy judges how it was written
            await self._proxy(scope, receive, send)
        else:
            await self._serve_own(scope, receive, send)

    async def _serve_own(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = scope["request_id"] = ClientHeaders(scope["headers"]).request_id

        async def identified(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode())]
            await send(message)

        await self._own(scope, receive, identified)


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

    app.add_exception_handler(Exception, answer)  # the server logs it
    app.add_exception_handler(Problem, answer)
    app.add_exception_handler(HTTPException, answer)
