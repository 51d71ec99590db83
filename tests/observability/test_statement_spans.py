"""Statements in a trace: which there are, and what is not in them."""

import pytest
import sqlalchemy as sa
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from shared.context import RequestContext, current
from tests.support import platform_on


def spans(received):
    return [
        span for one in received for each in one.resource_spans for scope in each.scope_spans for span in scope.spans
    ]


async def test_a_read_shows_its_statements_and_no_parameters(database, redis_url, tmp_path, collector):
    endpoint, received = collector
    async with platform_on(database, redis_url, tmp_path, otlp_endpoint=endpoint) as service:
        shop = await service.shop()
        payment = await shop.pay()
        sampled = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
        assert (await shop.request("GET", f"/v1/payments/{payment['id']}", headers=sampled)).status_code == 200
    [root] = [span for span in spans(received) if span.name == "GET /v1/payments/{payment}"]
    below = [span for span in spans(received) if span.parent_span_id == root.span_id]
    assert [span.name for span in below] == ["sql SELECT"]
    attributes = {each.key: each.value.string_value for each in below[0].attributes}
    assert attributes["db.query.text"].startswith("SELECT payments.payments.id")
    assert str(shop.identity.merchant_id) not in str(below[0])
    assert below[0].end_time_unix_nano > below[0].start_time_unix_nano


async def test_a_statement_that_fails_says_its_kind_and_no_row(database, redis_url, tmp_path, collector):
    endpoint, received = collector
    async with platform_on(database, redis_url, tmp_path, otlp_endpoint=endpoint) as service:
        tracing = service.container.telemetry.tracing
        assert tracing is not None
        request = RequestContext("req_1")
        with tracing.server(request, None):
            token = current.set(request)
            with pytest.raises(sa.exc.DBAPIError):
                async with service.container.database.transaction() as connection:
                    await connection.execute(sa.text("SELECT CAST(:name AS integer)"), {"name": "Ada Lovelace"})
            current.reset(token)
    [failed] = [span for span in spans(received) if span.status.code == Status.StatusCode.STATUS_CODE_ERROR]
    attributes = {each.key: each.value.string_value for each in failed.attributes}
    assert attributes["error.type"] == "InvalidTextRepresentation"
    assert "Lovelace" not in str(failed)
