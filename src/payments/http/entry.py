"""The way in: request ids, bodies, the hot routes, and the last resort for errors. A plain ASGI application.

Hot routes skip the framework's dependency machinery. They are ordinary FastAPI routes as well, so that they are
documented and would work without this file: each takes ``(body, caller, idempotency_key)`` and returns a response.
"""

import logging
import re
from collections.abc import Awaitable, Callable
from typing import Any

from pydantic import ValidationError
from pydantic_core import from_json
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from payments import deadline
from payments.access import Access
from payments.http.models import StrictModel
from payments.http.problems import from_failure, from_validation, malformed_json, not_an_object
from shared.asgi import ClientGoneError, read_body, send_problem
from shared.card_numbers import contains_card_number
from shared.context import RequestContext, current, note_merchant
from shared.identity import Identity
from shared.ids import new_id
from shared.permissions import PERMISSIONS
from shared.problems import Problem
from shared.red import Requests
from shared.tracing import HEADER, Parent, Tracing

_log = logging.getLogger(__name__)

_WITH_BODY = frozenset(("POST", "PUT", "PATCH"))
MAX_KEY_LENGTH = 255
# A string of RFC 9651: within the quotes, only a quote and a backslash are escaped.
_QUOTED = re.compile(r'"((?:[^"\\]|\\["\\])*)"')
_ESCAPED = re.compile(r"\\(.)")

HotEndpoint = Callable[[Any, Identity, str], Awaitable[Response]]


class HotRoute:
    """One route on the short path: its model and its endpoint."""

    def __init__(self, model: type[StrictModel], endpoint: HotEndpoint) -> None:
        """Take what the dispatcher needs to know."""
        self.validate = model.__pydantic_validator__.validate_json
        self.endpoint = endpoint


class Entry:
    """Wraps the FastAPI application."""

    def __init__(
        self,
        app: ASGIApp,
        access: Access,
        hot: dict[tuple[str, str], HotRoute],
        requests: Requests,
        tracing: Tracing | None = None,
    ) -> None:
        """Take the application, who verifies callers, the hot routes by (method, path), who counts and who traces."""
        self._app = app
        self._access = access
        self._hot = hot
        self._requests = requests
        self._tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers: dict[bytes, bytes] = dict(scope["headers"])
        deadline.set_timeout(headers.get(b"x-request-timeout"))
        request_id = headers.get(b"x-request-id", b"").decode("latin-1")
        if not request_id or contains_card_number(request_id):
            request_id = new_id("req")
        scope["request_id"] = request_id
        context = RequestContext(request_id)
        current.set(context)
        parent = Parent.of(headers[HEADER]) if HEADER in headers else None
        context.trace_id = parent.trace_id if parent is not None else None
        if parent is None or not parent.sampled or self._tracing is None:
            await self._answer(scope, headers, receive, send)
            return
        with self._tracing.server(context, parent):
            await self._answer(scope, headers, receive, send)

    async def _answer(self, scope: Scope, headers: dict[bytes, bytes], receive: Receive, send: Send) -> None:
        request_id: str = scope["request_id"]
        answer, started = self._requests.begin(scope), False

        async def remember(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                answer.status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", request_id.encode("latin-1"))]
            elif message.get("more_body", False):
                answer.end()  # a stream of events may last for hours
            await send(message)

        try:
            await self._serve(scope, headers, receive, remember)
        except ClientGoneError:
            return
        except Problem as problem:
            answer.status = problem.status
            await send_problem(send, problem, scope["path"], request_id)
        except Exception as error:  # noqa: BLE001 - the last resort: whatever it was, the client gets a problem document
            _log.exception("request failed", extra={"request_id": request_id})
            if not started:
                failure = from_failure(error, scope["method"])
                answer.status = failure.status
                await send_problem(send, failure, scope["path"], request_id)
        finally:
            answer.end()

    async def _serve(self, scope: Scope, headers: dict[bytes, bytes], receive: Receive, send: Send) -> None:
        if scope["method"] not in _WITH_BODY:
            await self._app(scope, receive, send)
            return
        body = await read_body(receive, headers.get(b"content-length"))
        if body:
            _require_json(headers)
        hot = self._hot.get((scope["method"], scope["path"]))
        if hot is not None:
            response = await self._serve_hot(hot, scope, headers, body)
            await response(scope, receive, send)
            return
        if body:
            _check_json(body)
        await self._app(scope, _replay(body, receive), send)

    async def _serve_hot(self, hot: HotRoute, scope: Scope, headers: dict[bytes, bytes], body: bytes) -> Response:
        caller = self._access.identify(headers.get(b"authorization", b"").decode("latin-1"))
        note_merchant(caller.merchant_id)
        PERMISSIONS[f"{scope['method']} {scope['path']}"].demand(caller)
        key = idempotency_key([value for name, value in scope["headers"] if name == b"idempotency-key"])
        try:
            model = hot.validate(body)
        except ValidationError as error:
            _check_json(body)  # the model's parser lets NaN through, up to the field that refuses it
            raise from_validation(error.errors(include_input=False, include_url=False)) from None
        return await hot.endpoint(model, caller, key)


def idempotency_key(values: list[bytes]) -> str:
    """Return the key in the ``Idempotency-Key`` headers of a request.

    A structured-field string (``"abc"``) or the same unquoted, 1 to 255 printable ASCII characters
    (draft-ietf-httpapi-idempotency-key-header-07).

    Raises:
        Problem: 400 when it is missing, repeated or malformed.

    """
    if not values:
        raise Problem(
            400,
            "idempotency_key_missing",
            "Send an Idempotency-Key header: a fresh UUID for each payment, and the same one when you retry it.",
        )
    if len(values) > 1:
        raise Problem(400, "idempotency_key_invalid", "Send the Idempotency-Key header once.")
    key = values[0].decode("latin-1").strip(" \t")
    if key.startswith('"'):
        quoted = _QUOTED.fullmatch(key)
        key = _ESCAPED.sub(r"\1", quoted[1]) if quoted else ""
    if not is_idempotency_key(key):
        raise Problem(400, "idempotency_key_invalid", "The Idempotency-Key is 1 to 255 printable ASCII characters.")
    if contains_card_number(key):
        raise Problem(
            400, "idempotency_key_invalid", "The Idempotency-Key looks like a card number, and it would be stored."
        )
    return key


def is_idempotency_key(text: str) -> bool:
    """Return whether a key could be stored."""
    return 1 <= len(text) <= MAX_KEY_LENGTH and text.isascii() and text.isprintable()


def _require_json(headers: dict[bytes, bytes]) -> None:
    if headers.get(b"content-type", b"").partition(b";")[0].strip().lower() != b"application/json":
        raise Problem(415, "unsupported_media_type", "Send the body as application/json.")


def _check_json(body: bytes) -> None:
    # The framework's own parser accepts NaN and fails on deep nesting; this one bounds both.
    try:
        parsed = from_json(body, allow_inf_nan=False)
    except ValueError:
        raise malformed_json() from None
    if parsed is None:
        # Where a body may be left out, the framework would take null for none; everywhere else it is refused anyway.
        raise not_an_object()


def _replay(body: bytes, receive: Receive) -> Receive:
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Message:
        return pending.pop() if pending else await receive()

    return replayed
