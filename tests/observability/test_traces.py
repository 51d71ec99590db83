"""A payment's trace as a collector gets it: real exporter, real database, one trace from the gateway's header on."""

from typing import Any

from opentelemetry.sdk.trace import TracerProvider

from payments.events.service import record
from shared.context import RequestContext, current
from shared.ids import new_uuid
from shared.tracing import Parent, Tracing
from tests.support import platform_on
from tests.webhooks.receiver import Receiver
from tests.webhooks.support import endpoint, work

TRACE, GATEWAY_SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
EXTERNAL = "4000009000000060"


async def test_a_payment_is_one_trace_from_the_gateway_to_the_webhook(database, redis_url, tmp_path, collector):
    address, received = collector
    settings = {"otlp_endpoint": address, "webhook_allow_loopback": True}
    async with platform_on(database, redis_url, tmp_path, **settings) as service, Receiver() as receiver:
        shop = await service.shop()
        await endpoint(shop, receiver.url, event_types=["payment.captured"])
        body = await shop.payment(EXTERNAL)
        sampled = {"traceparent": f"00-{TRACE}-{GATEWAY_SPAN}-01"}
        assert (await shop.request("POST", "/v1/payments", json=body, headers=sampled)).status_code == 201
        quiet = {"traceparent": f"00-{'a' * 32}-{GATEWAY_SPAN}-00"}
        assert (await shop.request("POST", "/v1/payments", json=body, headers=quiet)).status_code == 201
        await work(service)
        told, untold = [message.headers.get("traceparent") for message in receiver.seen]
        stored = service.rows("SELECT count(*), count(traceparent) FROM payments.events WHERE type LIKE 'payment.%%'")
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
    assert {"signals", "commit", "batch", "acquirer", "webhook"} <= names
    for span in spans:
        assert span is root or span.parent_span_id in by_id, span.name
    above = {(by_id[span.parent_span_id].name, span.name) for span in spans if span is not root}
    assert {("commit", "batch"), ("batch", "signals")} <= above
    assert {("batch", "sql keys"), ("batch", "sql Payment"), ("batch", "sql COMMIT")} <= above
    [webhook] = [span for span in spans if span.name == "webhook"]
    assert by_id[webhook.parent_span_id].name == "commit"
    assert told == f"00-{TRACE}-{webhook.span_id.hex()}-01"
    assert untold is None
    assert stored == [(4, 2)], "of the two payments, the one that was sampled"


async def test_a_worker_that_records_nothing_passes_the_trace_on(database, redis_url, tmp_path):
    async with (
        platform_on(database, redis_url, tmp_path, webhook_allow_loopback=True) as service,
        Receiver() as receiver,
    ):
        shop = await service.shop()
        await endpoint(shop, receiver.url)
        await shop.pay()
        trace = f"00-{TRACE}-{GATEWAY_SPAN}-01"
        with service.sql() as connection:
            connection.execute("UPDATE payments.events SET traceparent = %s", [trace])
        await work(service)
    [message] = receiver.seen
    assert message.headers["traceparent"] == trace


async def test_events_of_other_features_know_their_trace_too(database, redis_url, tmp_path):
    async with platform_on(database, redis_url, tmp_path) as service:
        shop = await service.shop()
        request = RequestContext("req_1")
        token = current.set(request)
        owner: dict[str, Any] = {"merchant_id": shop.identity.merchant_id, "livemode": False, "object_id": new_uuid()}
        with Tracing(TracerProvider(), 1.0).server(request, Parent(TRACE, GATEWAY_SPAN, sampled=True)):
            async with service.container.database.transaction() as connection:
                event = await record(connection, "dispute.created", {}, **owner)
        [(trace,)] = service.rows("SELECT traceparent FROM payments.events WHERE id = %s", event)
        current.reset(token)
    assert trace.startswith(f"00-{TRACE}-")
