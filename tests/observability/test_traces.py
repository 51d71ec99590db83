"""A payment's trace as a collector gets it: real exporter, real database, one trace from the gateway's header on."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.support import platform_on

TRACE, GATEWAY_SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
EXTERNAL = "4000009000000060"


@pytest.fixture
def collector() -> Iterator[tuple[str, list[ExportTraceServiceRequest]]]:
    received: list[ExportTraceServiceRequest] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            assert self.path == "/v1/traces"
            body = self.rfile.read(int(self.headers["content-length"]))
            received.append(ExportTraceServiceRequest.FromString(body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", received
        server.shutdown()


async def test_a_payment_is_one_trace(database, redis_url, tmp_path, collector):
    endpoint, received = collector
    async with platform_on(database, redis_url, tmp_path, otlp_endpoint=endpoint) as service:
        shop = await service.shop()
        body = await shop.payment(EXTERNAL)
        sampled = {"traceparent": f"00-{TRACE}-{GATEWAY_SPAN}-01"}
        assert (await shop.request("POST", "/v1/payments", json=body, headers=sampled)).status_code == 201
        quiet = {"traceparent": f"00-{'a' * 32}-{GATEWAY_SPAN}-00"}
        assert (await shop.request("POST", "/v1/payments", json=body, headers=quiet)).status_code == 201
    [resource] = {each.resource.SerializeToString(): each for one in received for each in one.resource_spans}.values()
    assert "payments" in [
        each.value.string_value for each in resource.resource.attributes if each.key == "service.name"
    ]
    spans = [
        span for one in received for each in one.resource_spans for scope in each.scope_spans for span in scope.spans
    ]
    assert {span.trace_id.hex() for span in spans} == {TRACE}, "what is not sampled leaves nothing"
    by_id = {span.span_id: span for span in spans}
    [root] = [span for span in spans if span.name == "POST /v1/payments"]
    assert root.parent_span_id.hex() == GATEWAY_SPAN
    names = {span.name for span in spans}
    assert {"signals", "commit", "batch", "acquirer"} <= names
    for span in spans:
        assert span is root or span.parent_span_id in by_id, span.name
    parents = {by_id[span.parent_span_id].name for span in spans if span.name == "batch"}
    assert {"signals", "commit"} <= parents
