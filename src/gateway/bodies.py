"""The body of a request: whole and within its limits; how long it may take is the server's to say (shared.serving)."""

from starlette.types import Message, Receive

from gateway.json_depth import MOST_LEVELS, too_deep
from shared.asgi import read_body
from shared.problems import Problem


async def whole_body(receive: Receive, declared: bytes | None) -> bytes:
    """Return the body; ``declared`` is its ``Content-Length``, if it has one.

    Raises:
        Problem: 400 or 413.
        ClientGoneError: the connection ended within the body.

    """
    body = await read_body(receive, declared)
    if too_deep(body):
        raise Problem(400, "malformed_json", f"The body nests more than {MOST_LEVELS} levels.")
    return body


def replay(body: bytes, receive: Receive) -> Receive:
    """Return what hands a body that was read already to an application."""
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Message:
        return pending.pop() if pending else await receive()

    return replayed
