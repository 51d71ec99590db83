"""Refusals of new payments while every place is taken, made before there is a request.

To turn a payment away the long way costs the gateway three quarters of what it costs to serve one, which those that are
served then lack. This is the same answer for half of that, on the route that everybody calls; others go the long way.
"""

import asyncio
from collections.abc import Sequence

from gateway.admission import Admission, overloaded
from gateway.edge import API_HEADERS
from gateway.headers import ClientHeaders
from gateway.proxy import class_of
from gateway.upstream import Header
from shared.problems import MEDIA_TYPE
from shared.red import Requests

_METHOD, _PATH = "POST", "/v1/payments"
_ID = "{request_id}"


class Refusals:
    """What the server asks about each request before it makes one of it."""

    def __init__(self, admission: Admission, requests: Requests) -> None:
        """Take who knows of places, and who counts answers."""
        self._admission = admission
        self._requests = requests
        self._coming = 0
        self._target, self._method = _PATH.encode(), _METHOD.encode()
        self._scope = {"method": _METHOD, "path": _PATH}
        problem = overloaded()
        self._status = problem.status
        self._body = problem.body(_PATH, _ID).split(_ID.encode())
        headers = [(b"content-type", MEDIA_TYPE.encode()), *API_HEADERS]
        headers += [(name.lower().encode(), value.encode()) for name, value in problem.headers.items()]
        self._head = b"".join(b"%b: %b\r\n" % header for header in headers)

    def needed(self) -> bool:
        """Count one more request, and tell whether there is no place for it; all that is asked while there are some.

        Those that came in the same turn of the loop count, though they take their places only when it is over: whatever
        is let in beyond them is turned away the long way.
        """
        if self._admission.free("write") <= self._coming:
            return True
        if not self._coming:
            asyncio.get_running_loop().call_soon(self._turn_is_over)
        self._coming += 1
        return False

    def _turn_is_over(self) -> None:
        self._coming = 0

    def __call__(self, method: bytes, target: bytes, headers: Sequence[Header]) -> tuple[int, bytes] | None:
        """Return the status and everything after it, or None to go the long way."""
        if target != self._target or method != self._method:
            return None
        asked = ClientHeaders(headers)
        if class_of(_METHOD, asked.authorization) != "write" or asked.expects or asked.asks_for_upgrade:
            return None
        self._admission.shed += 1
        answer = self._requests.begin(self._scope)
        answer.status = self._status
        answer.end()
        request_id = asked.request_id.encode()
        body = request_id.join(self._body)
        head = b"%bx-request-id: %b\r\ncontent-length: %d\r\n\r\n" % (self._head, request_id, len(body))
        return self._status, head + body
