"""`GET /v1/events`: one cursor, the object as it was, and only one's own."""

from typing import Any, get_args

import pytest

from payments.events.catalogue import CATALOGUE
from payments.events.schemas import EventOf
from payments.events.service import record
from payments.payments.states import STATUSES, OperationStatus
from shared.ids import new_uuid
from tests.events.support import sequence, stream_of
from tests.support import Caller, Platform, body_of, problem_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

DECLINED, AMBIGUOUS, REVIEWED = "4000000000000002", "4000009000000060", "4000009000000052"


async def test_pages_go_on_from_the_cursor(service: Platform, merchant: Caller):
    payments = [await merchant.pay() for _ in range(5)]
    await sequence(service)
    found, after, more = [], 0, True
    while more:
        page = body_of(await merchant.get(f"/v1/events?after={after}&limit=2"), 200)
        found += page["data"]
        after, more = page["after"], page["has_more"]
    assert [event["data"] for event in found] == payments
    assert [event["sequence"] for event in found] == [1, 2, 3, 4, 5]
    assert {event["type"] for event in found} == {"payment.captured"}
    assert body_of(await merchant.get(f"/v1/events/{found[2]['id']}"), 200) == found[2]
    rest = body_of(await merchant.get(f"/v1/events?after={after}"), 200)
    assert (rest["data"], rest["has_more"], rest["after"]) == ([], False, 5)
    beyond = body_of(await merchant.get("/v1/events?after=99"), 200)
    assert (beyond["data"], beyond["after"]) == ([], 5), "what comes next must not be skipped"


async def test_types_narrow_a_page_and_the_cursor_still_moves(service: Platform, merchant: Caller):
    for _ in range(3):
        await merchant.pay()
    declined = await merchant.pay(DECLINED)
    await merchant.pay()
    await sequence(service)
    page = body_of(await merchant.get("/v1/events?type=payment.declined&type=refund.failed"), 200)
    assert [event["data"] for event in page["data"]] == [declined]
    assert (page["after"], page["has_more"]) == (5, False)
    first = body_of(await merchant.get("/v1/events?type=payment.captured&limit=1"), 200)
    assert (first["after"], first["has_more"]) == (1, True)


async def test_others_events_do_not_exist(service: Platform, merchant: Caller):
    await merchant.pay()
    await sequence(service)
    event = body_of(await merchant.get("/v1/events"), 200)["data"][0]["id"]
    other = await service.shop()
    for stranger in (other, merchant.but(livemode=True)):
        problem_of(await stranger.get(f"/v1/events/{event}"), 404, "not_found")
        assert body_of(await stranger.get("/v1/events"), 200)["data"] == []
    problem_of(await merchant.but(scopes=frozenset({"payments:read"})).get("/v1/events"), 403, "forbidden")
    problem_of(await service.admin.get("/v1/events"), 403, "forbidden")


@pytest.mark.parametrize(
    ("query", "pointer"),
    [("after=-1", "/after"), ("limit=101", "/limit"), ("after=evt_1", "/after"), ("type=payment.paid", "/type")],
)
async def test_a_query_that_makes_no_sense_is_said_to(merchant: Caller, query, pointer):
    problem_of(await merchant.get(f"/v1/events?{query}"), 422, "validation_failed", pointer)


async def test_every_event_fits_the_schema_of_its_type(service: Platform, merchant: Caller):
    payment = await merchant.authorize()
    path = f"/v1/payments/{payment['id']}"
    await merchant.post(f"{path}/capture", {"amount": 10, "final": False})
    await merchant.post(f"{path}/capture", {"amount": 20})
    await merchant.post(f"{path}/refunds", {})
    await merchant.post(f"/v1/payments/{(await merchant.authorize())['id']}/void")
    for number in (DECLINED, AMBIGUOUS, REVIEWED):
        await merchant.pay(number)
    await sequence(service)
    found, _ = await service.container.events.after(stream_of(merchant), 0, 100)
    assert len({event.type for event in found}) > 6
    for event in found:
        EventOf[Any].model_validate_json(event.show())
        CATALOGUE[event.type].data.model_validate_json(event.data)


async def test_every_event_that_payments_write_is_in_the_catalogue():
    outcomes = get_args(OperationStatus)
    names = {f"payment.{status}" for status in STATUSES} | {f"refund.{status}" for status in outcomes}
    names |= {f"payment.{kind}_{status}" for kind in ("capture", "void") for status in outcomes}
    names -= {"payment.capture_succeeded", "payment.void_succeeded"}  # they are payment.captured, payment.voided
    assert names <= set(CATALOGUE)


async def test_what_is_not_in_the_catalogue_is_not_recorded(service: Platform):
    merchant = new_uuid()
    async with service.container.database.transaction() as connection:
        with pytest.raises(KeyError):
            await record(connection, "payment.paid", {}, merchant_id=merchant, livemode=False, object_id=new_uuid())


async def test_openapi_has_a_webhook_for_every_type(service: Platform):
    document = (await service.client.get("/openapi.json")).json()
    assert set(document["webhooks"]) == set(CATALOGUE)
    body = document["webhooks"]["refund.succeeded"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    event = document["components"]["schemas"][body["$ref"].rpartition("/")[2]]
    assert event["properties"]["data"]["$ref"] == "#/components/schemas/Refund"
    assert "Refund" in document["components"]["schemas"]
