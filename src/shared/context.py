"""What is known about the request at hand, for logs and traces: set once at the door, filled in on the way.

Work that serves many requests at once runs in no request's context.
"""

from contextvars import ContextVar
from typing import Any
from uuid import UUID


class RequestContext:
    """The ids of one request.

    Shapes:
        trace_id: 32 hexadecimal digits, where the client or the gateway sent them.
        tracer: records spans; none for requests that are not sampled, which are most.
    """

    __slots__ = ("merchant_id", "payment_id", "request_id", "trace_id", "tracer")

    def __init__(self, request_id: str) -> None:
        self.request_id = request_id
        self.trace_id: str | None = None
        self.merchant_id: UUID | None = None
        self.payment_id: UUID | None = None
        self.tracer: Any = None


current: ContextVar[RequestContext | None] = ContextVar("request", default=None)


def note_merchant(merchant_id: UUID | None) -> None:
    """Remember whose request is at hand."""
    request = current.get()
    if request is not None:
        request.merchant_id = merchant_id


def note_payment(payment_id: UUID) -> None:
    """Remember which payment the request at hand is about."""
    request = current.get()
    if request is not None:
        request.payment_id = payment_id
