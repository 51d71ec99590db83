"""The few pieces of plain ASGI that both services need: problem answers and bodies with a limit."""

from starlette.types import Receive, Send

from shared.problems import MEDIA_TYPE, Problem

MAX_BODY_BYTES = 1_000_000

# Name in a request's `state` of the event that is set when the server begins to stop.
STOPPING = "stopping"
# Name in a request's `state` of what is there once this replica is not to be sent anything new.
DRAINING = "draining"
# Name in the application's `state` of what may answer a request before there is one: while it is `needed()`, a function
# of method, target and headers that returns the status and everything after it, or None.
REFUSE = "refuse"

_CONTENT_TYPE = (b"content-type", MEDIA_TYPE.encode())


class ClientGoneError(Exception):
    """The client went away before it had sent its whole request, so there is nobody to answer."""


async def send_problem(send: Send, problem: Problem, instance: str, request_id: str | None) -> None:
    """Answer with a problem document.

    ``instance`` is the path of the request; ``request_id`` also goes into the ``X-Request-Id`` header.
    """
    body = problem.body(instance, request_id)
    headers = [_CONTENT_TYPE, (b"content-length", b"%d" % len(body))]
    headers += [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in problem.headers.items()]
    if request_id is not None:
        headers.append((b"x-request-id", request_id.encode("latin-1")))
    await send({"type": "http.response.start", "status": problem.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def read_body(receive: Receive, declared: bytes | None) -> bytes:
    """Return the whole body of a request; ``declared`` is its ``Content-Length``, if it has one.

    A body that says it is too large is refused unread; one that does not say is refused when it passes the limit.

    Raises:
        Problem: 413.
        ClientGoneError: the connection ended within the body.

    """
    if declared is not None and declared.isdigit() and int(declared) > MAX_BODY_BYTES:
        raise _too_large()
    message = await receive()
    body: bytes = message.get("body", b"")
    if message["type"] == "http.request" and not message.get("more_body", False) and len(body) <= MAX_BODY_BYTES:
        return body  # nearly every body arrives in one piece
    chunks, size = [body], len(body)
    while message["type"] == "http.request" and message.get("more_body", False) and size <= MAX_BODY_BYTES:
        message = await receive()
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
    if size > MAX_BODY_BYTES:
        raise _too_large()
    if message["type"] != "http.request":
        raise ClientGoneError
    return b"".join(chunks)


def _too_large() -> Problem:
    return Problem(413, "body_too_large", f"The body is at most {MAX_BODY_BYTES} bytes.")
