"""Traces across gateway, payments, the databases and webhooks: OpenTelemetry, W3C trace context, OTLP over HTTP.

The gateway alone decides which requests are sampled, whatever a client asks for; everybody behind it goes on with the
traces that arrive. A request that is not sampled costs one look at a context variable for each span it does not have:

    with tracing.span("signals"):
        ...

Work that serves many requests at once (a batch) is a span of the first sampled one, with links to the others. The SDK
is imported only where traces are on.
"""

import random
import re
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any, NamedTuple, Self

from shared.context import RequestContext, current

HEADER = b"traceparent"
_TRACEPARENT = re.compile(rb"00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})")
_SERVER_ERROR = 500
_NOTHING: AbstractContextManager[Any] = nullcontext()
# Records what work for many requests does; it runs in no request's context.
_shared: ContextVar[Any] = ContextVar("shared_tracer", default=None)


class Parent(NamedTuple):
    """A ``traceparent`` header: whose span a request is part of, and whether that is recorded."""

    trace_id: str
    span_id: str
    sampled: bool

    @classmethod
    def of(cls, header: bytes | None) -> Self | None:
        """Read a header; one that is malformed is none (https://www.w3.org/TR/trace-context/)."""
        found = _TRACEPARENT.fullmatch(header) if header is not None else None
        return found and cls(found[1].decode(), found[2].decode(), bool(int(found[3], 16) & 1))

    @classmethod
    def at(cls, span: Any) -> Self:  # noqa: ANN401 - the SDK's
        """Return what a recorded span is to the work that follows it."""
        context = span.get_span_context()
        return cls(format(context.trace_id, "032x"), format(context.span_id, "016x"), sampled=True)

    @property
    def header(self) -> bytes:
        """Return what the next service gets."""
        return f"00-{self.trace_id}-{self.span_id}-{self.sampled:02x}".encode()

    @property
    def context(self) -> Any:  # noqa: ANN401 - the SDK's
        """Return what a span needs to go on from here."""
        from opentelemetry import trace  # noqa: PLC0415

        above = trace.SpanContext(
            int(self.trace_id, 16), int(self.span_id, 16), is_remote=True, trace_flags=trace.TraceFlags(1)
        )
        return trace.set_span_in_context(trace.NonRecordingSpan(above))


class Tracing:
    """Records the requests of one process."""

    def __init__(self, provider: Any, ratio: float) -> None:  # noqa: ANN401 - the SDK's, imported only where it is used
        """Take a tracer provider; ``ratio`` is the share of requests that begin a trace here, 0 behind the gateway."""
        self._provider = provider
        self._tracer = provider.get_tracer("payment-platform")
        self._ratio = ratio

    @classmethod
    def to(cls, endpoint: str, service: str, ratio: float) -> "Tracing":
        """Send spans to a collector; ``endpoint`` is its base address, without ``/v1/traces``."""
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

        provider = TracerProvider(resource=Resource.create({"service.name": service}))
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces")))
        return cls(provider, ratio)

    def chooses(self) -> bool:
        """Tell whether to record the next request."""
        return random.random() < self._ratio  # noqa: S311 - a sample, not a secret

    @contextmanager
    def server(self, request: RequestContext, parent: Parent | None) -> Iterator[Any]:
        """Record a request from here on; yields its span, which ``describe`` completes."""
        from opentelemetry import trace  # noqa: PLC0415

        context = parent.context if parent is not None else None
        with self._tracer.start_as_current_span("request", context, trace.SpanKind.SERVER) as span:
            request.tracer = self._tracer
            request.trace_id = format(span.get_span_context().trace_id, "032x")
            yield span

    def later(self, name: str, parent: Parent, **attributes: str | int) -> AbstractContextManager[Any]:
        """Record a call that belongs to a request of before; yields its span."""
        return _client_span(self._tracer, name, attributes, context=parent.context)

    def close(self) -> None:
        """Send what is left."""
        self._provider.shutdown()


def describe(method: str, route: str, status: int) -> None:
    """Say of the span of the request at hand what it was; its path stays out, which may hold a card number."""
    from opentelemetry.trace import StatusCode, get_current_span  # noqa: PLC0415

    span = get_current_span()
    span.update_name(f"{method} {route}")
    span.set_attributes({"http.request.method": method, "http.route": route, "http.response.status_code": status})
    if status >= _SERVER_ERROR:
        span.set_status(StatusCode.ERROR)


def span(name: str, **attributes: str | int | bool) -> AbstractContextManager[Any]:
    """Time a piece of work of the request, or of the requests, at hand; nothing where none is sampled."""
    tracer = _tracer()
    return _NOTHING if tracer is None else _client_span(tracer, name, attributes)


def begin(name: str, **attributes: str | int | bool) -> Any:  # noqa: ANN401 - a span of the SDK's
    """Return a span that is to be ended by hand, where `with` does not fit; none where nothing is sampled."""
    tracer = _tracer()
    if tracer is None:
        return None
    from opentelemetry.trace import SpanKind  # noqa: PLC0415

    return tracer.start_span(name, kind=SpanKind.CLIENT, attributes=attributes)


def traceparent() -> bytes | None:
    """Return the header for a call made on behalf of the request at hand; none where it is not sampled."""
    waiting = waiter()
    return None if waiting is None else Parent.at(waiting.span).header


class Waiter(NamedTuple):
    """A sampled request that waits for work shared with others."""

    tracer: Any
    span: Any


def waiter() -> Waiter | None:
    """Return the request at hand, for ``shared_span``; none where it is not sampled."""
    request = current.get()
    if request is None or request.tracer is None:
        return None
    from opentelemetry import trace  # noqa: PLC0415

    return Waiter(request.tracer, trace.get_current_span())


def shared_span(name: str, waiters: Sequence[Waiter], **attributes: str | int) -> AbstractContextManager[Any]:
    """Time work that several requests wait for; nothing where none of them is sampled."""
    if not waiters:
        return _NOTHING
    from opentelemetry import trace  # noqa: PLC0415

    first, *others = waiters
    context = trace.set_span_in_context(first.span)
    links = [trace.Link(other.span.get_span_context()) for other in others]
    return _shared_work(first.tracer, _client_span(first.tracer, name, attributes, context=context, links=links))


@contextmanager
def _shared_work(tracer: Any, work: AbstractContextManager[Any]) -> Iterator[Any]:  # noqa: ANN401
    token = _shared.set(tracer)
    try:
        with work as recorded:
            yield recorded
    finally:
        _shared.reset(token)


def _tracer() -> Any:  # noqa: ANN401
    request = current.get()
    return _shared.get() if request is None else request.tracer


def _client_span(tracer: Any, name: str, attributes: Any, **arguments: Any) -> AbstractContextManager[Any]:  # noqa: ANN401
    from opentelemetry.trace import SpanKind  # noqa: PLC0415

    found: AbstractContextManager[Any] = tracer.start_as_current_span(
        name, kind=SpanKind.CLIENT, attributes=attributes, **arguments
    )
    return found
