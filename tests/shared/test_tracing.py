"""Which requests are traced, what their spans say, and that nothing else costs or leaks anything."""

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from shared import tracing
from shared.context import RequestContext, current
from shared.tracing import Parent, Tracing, describe

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture
def exporter():
    return InMemorySpanExporter()


@pytest.fixture
def traced(exporter):
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return Tracing(provider, 1.0)


@pytest.fixture
def request_context():
    context = RequestContext("req_1")
    token = current.set(context)
    yield context
    current.reset(token)


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"00",
        f"00-{TRACE}-{SPAN}".encode(),
        f"01-{TRACE}-{SPAN}-01".encode(),
        f"00-{'0' * 32}-{SPAN}-01".encode(),
        f"00-{TRACE}-{'0' * 16}-01".encode(),
        f"00-{TRACE.upper()}-{SPAN}-01".encode(),
        f"00-{TRACE}-{SPAN}-01-extra".encode(),
        f"00-{TRACE}-{SPAN}-zz".encode(),
    ],
)
def test_a_malformed_header_is_none(header):
    assert Parent.of(header) is None


def test_a_header_is_read_and_written():
    header = f"00-{TRACE}-{SPAN}-01".encode()
    parent = Parent.of(header)
    assert parent == (TRACE, SPAN, True)
    assert parent.header == header
    assert parent._replace(sampled=False).header.endswith(b"-00")


def test_a_request_and_its_parts_are_one_trace(traced, exporter, request_context):
    with traced.server(request_context, Parent(TRACE, SPAN, sampled=True)):
        assert request_context.trace_id == TRACE
        with tracing.span("signals", source="redis"):
            onward = tracing.traceparent()
        describe("POST", "/v1/payments", 503)
    part, whole = exporter.get_finished_spans()
    assert (whole.name, part.name) == ("POST /v1/payments", "signals")
    assert whole.parent.span_id == int(SPAN, 16)
    assert part.parent.span_id == whole.context.span_id
    assert part.attributes == {"source": "redis"}
    assert whole.attributes["http.response.status_code"] == 503
    assert not whole.status.is_ok
    assert onward == f"00-{TRACE}-{part.context.span_id:016x}-01".encode()


def test_a_batch_belongs_to_its_first_request_and_points_at_the_others(traced, exporter):
    waiters = []
    for number in (1, 2):
        context = RequestContext(f"req_{number}")
        token = current.set(context)
        with traced.server(context, None):
            waiter = tracing.waiter()
            assert waiter
            waiters.append(waiter)
        current.reset(token)
    with tracing.shared_span("commit", waiters, items=2):
        pass
    first, second, batch = exporter.get_finished_spans()
    assert batch.parent.span_id == first.context.span_id
    assert [link.context.span_id for link in batch.links] == [second.context.span_id]


def test_what_is_not_sampled_leaves_nothing(request_context, exporter):
    with tracing.span("signals"):
        assert tracing.traceparent() is None
        assert tracing.waiter() is None
    with tracing.shared_span("commit", []):
        pass
    assert exporter.get_finished_spans() == ()


def test_the_share_of_requests_is_a_setting(traced):
    assert traced.chooses()
    assert not Tracing(TracerProvider(), 0.0).chooses()
