"""Which headers pass, in each direction.

Towards payments only headers that it understands pass: whatever a client invents, hop-by-hop headers and names that
mean something inside the platform stop here. Towards the client everything passes but what belongs to the connection.
"""

import re
from collections.abc import Iterable, Sequence

from gateway.upstream import Header
from shared.card_numbers import contains_card_number
from shared.ids import new_id

FORWARDED = frozenset(
    (
        b"accept",
        b"accept-language",
        b"content-encoding",
        b"content-type",
        b"idempotency-key",
        b"if-match",
        b"if-none-match",
        b"last-event-id",
        b"sandbox-signature",
        b"stripe-signature",
        b"tracestate",
        b"user-agent",
    )
)
_NOT_RETURNED = frozenset(
    (
        b"connection",
        b"date",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authentication-info",
        b"proxy-connection",
        b"ratelimit",
        b"ratelimit-policy",
        b"server",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        b"x-request-id",
    )
)
_REQUEST_ID = re.compile(rb"[A-Za-z0-9_-]{8,64}")


class ClientHeaders:
    """The headers of one request, read once: ``forwarded`` as they came, repeated ones included."""

    __slots__ = (
        "authorization",
        "connection",
        "content_length",
        "expects",
        "forwarded",
        "forwarded_for",
        "request_id",
        "streamed",
        "traceparent",
    )

    def __init__(self, headers: Iterable[Header]) -> None:  # noqa: C901 - one pass, one branch per kind of header
        """Sort lower-case headers by what is done with them."""
        self.forwarded: list[Header] = []
        self.authorization: bytes | None = None
        self.content_length: bytes | None = None
        self.traceparent: bytes | None = None
        self.request_id = ""
        self.forwarded_for = b""
        self.connection = b""
        self.streamed = False
        self.expects = False
        for header in headers:
            name, value = header
            if name in FORWARDED:
                self.forwarded.append(header)
            elif name == b"authorization":
                # Two of them leave open which one counts; together they are no credential.
                self.authorization = value if self.authorization is None else b""
            elif name == b"content-length":
                self.content_length = value
            elif name == b"transfer-encoding":
                self.streamed = True
            elif name == b"connection":
                self.connection += b"," + value.lower()
            elif name == b"expect":
                self.expects = True
            elif name == b"x-forwarded-for":
                self.forwarded_for += b"," + value
            elif name == b"traceparent":
                self.traceparent = value
            elif name == b"x-request-id":
                self.request_id = "" if self.request_id else _accepted(value)
        if self.connection not in (b"", b",keep-alive", b",close"):
            self._drop_nominated()
        self.request_id = self.request_id or new_id("req")

    def has(self, name: bytes) -> bool:
        """Tell whether a header is forwarded."""
        for header in self.forwarded:  # noqa: SIM110 - any() over a generator costs a microsecond per payment
            if header[0] == name:
                return True
        return False

    def _drop_nominated(self) -> None:
        nominated = {token.strip() for token in self.connection.split(b",")}
        self.forwarded = [header for header in self.forwarded if header[0] not in nominated]

    @property
    def asks_for_upgrade(self) -> bool:
        """Tell whether another protocol is asked for; the body of such a request is lost to an HTTP parser."""
        return b"upgrade" in self.connection


def returned(headers: Sequence[Header]) -> list[Header]:
    """Return the headers of an answer that the client gets."""
    kept = [header for header in headers if header[0] not in _NOT_RETURNED]
    for name, value in headers:
        if name == b"connection" and value.lower() not in (b"keep-alive", b"close"):
            nominated = {token.strip() for token in value.lower().split(b",")}
            kept = [header for header in kept if header[0] not in nominated]
    return kept


def _accepted(request_id: bytes) -> str:
    """Return the client's own id, unless it is malformed or a card number: it is logged and sent back."""
    text = request_id.decode() if _REQUEST_ID.fullmatch(request_id) else ""
    return "" if contains_card_number(text) else text
