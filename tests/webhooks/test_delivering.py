"""What arrives at an endpoint, in which order, how often, and what the merchant can see of it."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import WebhookVerificationError

from payments.events.schemas import Stored
from tests.support import Caller, Platform, body_of, problem_of
from tests.webhooks.receiver import Message, Receiver, answer
from tests.webhooks.support import again, deliveries, endpoint, work

pytestmark = pytest.mark.asyncio(loop_scope="module")

DECLINED = "4000000000000002"


async def failing(_: Message) -> bytes:
    return answer("503 Service Unavailable")


async def gone(_: Message) -> bytes:
    return answer("410 Gone")


async def test_an_event_arrives_signed_and_as_everybody_reads_it(
    service: Platform, merchant: Caller, receiver: Receiver
):
    made = await endpoint(merchant, receiver.url)
    payment = await merchant.pay()
    await work(service)
    [message] = receiver.seen
    message.verify(made["secret"])
    with pytest.raises(WebhookVerificationError):
        message.verify("whsec_" + "A" * 44)
    [event] = body_of(await merchant.get("/v1/events"), 200)["data"]
    assert (message.event, message.id) == (event, event["id"])
    assert event["data"] == payment
    [delivery] = await deliveries(merchant, made["id"])
    assert (delivery["status"], delivery["event"], delivery["next_attempt_at"]) == ("delivered", event["id"], None)
    [attempt] = delivery["attempts"]
    assert (attempt["number"], attempt["status_code"], attempt["error"]) == (1, 204, None)
    assert attempt["latency_ms"] >= 0


async def test_events_of_before_and_of_other_types_stay_away(service: Platform, merchant: Caller, receiver: Receiver):
    await merchant.pay()
    await service.container.sequencer.run()
    made = await endpoint(merchant, receiver.url, event_types=["payment.declined"])
    await merchant.pay()
    declined = await merchant.pay(DECLINED)
    await work(service)
    assert [message.event["data"] for message in receiver.seen] == [declined]
    assert len(await deliveries(merchant, made["id"])) == 1


async def test_an_endpoint_that_keeps_up_gets_one_after_the_other(
    service: Platform, merchant: Caller, receiver: Receiver
):
    await endpoint(merchant, receiver.url)
    under_way = 0

    async def one_at_a_time(_: Message) -> bytes:
        nonlocal under_way
        under_way += 1
        await asyncio.sleep(0.001)
        assert under_way == 1
        under_way -= 1
        return answer()

    receiver.answer = one_at_a_time
    for _ in range(5):
        for _ in range(3):
            await merchant.pay()
        await work(service)
    assert receiver.sequences == list(range(1, 16))


async def test_one_that_is_behind_gets_several_at_a_time_started_in_order(
    service: Platform, merchant: Caller, receiver: Receiver
):
    await endpoint(merchant, receiver.url)
    most = under_way = 0

    async def count(_: Message) -> bytes:
        nonlocal most, under_way
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.002)
        under_way -= 1
        return answer()

    receiver.answer = count
    await asyncio.gather(*[merchant.pay() for _ in range(130)])
    await work(service)
    assert sorted(receiver.sequences) == list(range(1, 131))
    assert 1 < most <= 16
    places = {number: place for place, number in enumerate(receiver.sequences)}
    assert max(abs(place - number + 1) for number, place in places.items()) <= 16


async def test_a_failure_is_tried_again_and_holds_up_nothing(
    service: Platform, merchant: Caller, receiver: Receiver, patient: None
):
    made = await endpoint(merchant, receiver.url)
    first = await merchant.pay()

    async def not_the_first(message: Message) -> bytes:
        return await failing(message) if message.event["data"]["id"] == first["id"] else answer()

    receiver.answer = not_the_first
    await merchant.pay()
    await work(service)
    assert receiver.sequences == [1, 2]
    receiver.answer = None
    assert await again(service) == 1
    assert receiver.sequences == [1, 2, 1]
    assert receiver.seen[0].id == receiver.seen[2].id
    assert receiver.seen[0].body == receiver.seen[2].body
    newer, older = await deliveries(merchant, made["id"])
    assert [attempt["status_code"] for attempt in older["attempts"]] == [503, 204]
    assert (older["status"], newer["status"]) == ("delivered", "delivered")


async def test_many_that_are_due_again_need_no_second_look(
    service: Platform, merchant: Caller, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("payments.webhooks.schedule.SCHEDULE", (0, 0, 3_600))
    receiver.answer = failing
    await endpoint(merchant, receiver.url)
    await asyncio.gather(*[merchant.pay() for _ in range(20)])
    await work(service)
    receiver.answer, receiver.seen = None, []
    await again(service)
    assert sorted(receiver.sequences) == list(range(1, 21))


async def test_after_the_last_attempt_it_is_parked_and_an_event_says_so(
    service: Platform, merchant: Caller, receiver: Receiver, patient: None
):
    receiver.answer = failing
    made = await endpoint(merchant, receiver.url, event_types=["payment.captured", "webhook_delivery.parked"])
    await merchant.pay()
    await work(service)
    assert [await again(service) for _ in range(3)] == [1, 1, 0]
    [delivery] = await deliveries(merchant, made["id"], "?status=parked")
    assert [attempt["number"] for attempt in delivery["attempts"]] == [1, 2, 3]
    await service.container.sequencer.run()
    _, parked = body_of(await merchant.get("/v1/events"), 200)["data"]
    assert (parked["type"], parked["data"]) == ("webhook_delivery.parked", delivery)
    # The news of it fails as well, and that makes no more news.
    await work(service)
    assert [await again(service) for _ in range(3)] == [1, 1, 0]
    await service.container.sequencer.run()
    assert len(body_of(await merchant.get("/v1/events"), 200)["data"]) == 2


async def test_retry_after_is_honored_where_it_is_later(service: Platform, merchant: Caller, receiver: Receiver):
    async def later(message: Message) -> bytes:
        return answer("429 Too Many Requests", "retry-after: 3600")

    receiver.answer = later
    made = await endpoint(merchant, receiver.url)
    await merchant.pay()
    await work(service)
    [delivery] = await deliveries(merchant, made["id"])
    wait = datetime.fromisoformat(delivery["next_attempt_at"]) - datetime.fromisoformat(delivery["updated_at"])
    assert wait == timedelta(hours=1)


async def test_410_disables_the_endpoint_and_tells(service: Platform, merchant: Caller, receiver: Receiver):
    receiver.answer = gone
    made = await endpoint(merchant, receiver.url)
    for _ in range(3):
        await merchant.pay()
    await work(service)
    assert len(receiver.seen) == 1
    shown = body_of(await merchant.get(f"/v1/webhook_endpoints/{made['id']}"), 200)
    assert (shown["status"], shown["disabled_reason"]) == ("disabled", "gone")
    assert {each["status"] for each in await deliveries(merchant, made["id"])} == {"canceled"}
    await work(service)
    *_, told = body_of(await merchant.get("/v1/events"), 200)["data"]
    assert (told["type"], told["data"]) == ("webhook_endpoint.disabled", shown)
    assert len(receiver.seen) == 1


async def test_enabled_again_it_gets_what_happens_from_then_on(service: Platform, merchant: Caller, receiver: Receiver):
    made = await endpoint(merchant, receiver.url)
    path = f"/v1/webhook_endpoints/{made['id']}"
    body_of(await merchant.request("PATCH", path, json={"status": "disabled"}, key=None), 200)
    await merchant.pay()
    await work(service)
    body_of(await merchant.request("PATCH", path, json={"status": "enabled"}, key=None), 200)
    payment = await merchant.pay()
    await work(service)
    assert [message.event["data"] for message in receiver.seen] == [payment]


async def test_redirects_are_not_followed(service: Platform, merchant: Caller, receiver: Receiver):
    async def elsewhere(_: Message) -> bytes:
        return answer("302 Found", f"location: {receiver.url}/inside")

    receiver.answer = elsewhere
    made = await endpoint(merchant, receiver.url)
    await merchant.pay()
    await work(service)
    assert [message.path for message in receiver.seen] == ["/hook"]
    [delivery] = await deliveries(merchant, made["id"])
    assert (delivery["status"], delivery["attempts"][0]["status_code"]) == ("pending", 302)


async def test_a_dead_and_a_silent_endpoint_delay_no_other(service: Platform, merchant: Caller, receiver: Receiver):
    async def silent(_: Message) -> bytes:
        await asyncio.Event().wait()
        raise AssertionError

    async with Receiver(answer=silent) as slow, Receiver() as dead:
        pass_by = [slow.url, f"http://127.0.0.1:{dead.port}/dead"]
        await dead.__aexit__()
        for url in pass_by:
            await endpoint(merchant, url)
        await endpoint(merchant, receiver.url)
        for _ in range(4):
            await merchant.pay()
        await service.container.sequencer.run()
        await service.container.deliverer.deliver()
        await receiver.until(lambda: len(receiver.seen) == 4)
        assert len(slow.seen) < 4, "its first request is still under way"
    await service.container.deliverer.settle()


async def test_an_answer_without_end_is_cut_off(service: Platform, merchant: Caller, receiver: Receiver):
    async def endless(_: Message) -> bytes:
        return b"HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\n" + b"x" * 200_000

    receiver.answer = endless
    made = await endpoint(merchant, receiver.url)
    await merchant.pay()
    await work(service)
    [delivery] = await deliveries(merchant, made["id"])
    assert delivery["status"] == "delivered"


async def test_retry_by_hand_and_replay_send_with_the_same_id(
    service: Platform, merchant: Caller, receiver: Receiver, patient: None
):
    before = await merchant.pay()
    await service.container.sequencer.run()
    made = await endpoint(merchant, receiver.url)
    path = f"/v1/webhook_endpoints/{made['id']}"
    payment = await merchant.pay()
    await work(service)
    [delivery] = await deliveries(merchant, made["id"])
    retried = body_of(await merchant.post(f"{path}/deliveries/{delivery['id']}/retry", key=None), 200)
    assert retried["status"] == "pending"
    await again(service)
    since = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    replayed = body_of(await merchant.post(f"{path}/replay", {"created_from": since}, key=None), 200)
    assert replayed["events"] == 2
    await work(service)
    await again(service)
    assert sorted(message.event["data"]["id"] for message in receiver.seen) == sorted(
        [before["id"], *3 * [payment["id"]]]
    )
    assert len({message.id for message in receiver.seen}) == 2
    later = {"created_from": datetime.now(UTC).isoformat()}
    assert body_of(await merchant.post(f"{path}/replay", later, key=None), 200)["events"] == 0


async def test_a_replay_of_what_is_not_planned_yet_sends_it_once(
    service: Platform, merchant: Caller, receiver: Receiver
):
    made = await endpoint(merchant, receiver.url)
    for _ in range(3):
        await merchant.pay()
    await service.container.sequencer.run()
    since = {"created_from": "0001-01-01T00:00:00+14:00", "created_until": "9999-12-31T23:59:59Z"}
    path = f"/v1/webhook_endpoints/{made['id']}/replay"
    assert body_of(await merchant.post(path, since, key=None), 200)["events"] == 3
    await work(service)
    assert receiver.sequences == [1, 2, 3]


async def test_while_a_secret_is_replaced_both_sign(service: Platform, merchant: Caller, receiver: Receiver):
    made = await endpoint(merchant, receiver.url)
    path = f"/v1/webhook_endpoints/{made['id']}"
    rotated = body_of(await merchant.post(f"{path}/rotate_secret", {"overlap_hours": 1}, key=None), 200)
    await merchant.pay()
    await work(service)
    for secret in (made["secret"], rotated["secret"]):
        receiver.seen[0].verify(secret)
    for _ in range(5):
        body_of(await merchant.post(f"{path}/rotate_secret", {"overlap_hours": 1}, key=None), 200)
    await merchant.pay()
    await work(service)
    assert len(receiver.seen.pop().headers["webhook-signature"].split()) == 3
    last = body_of(await merchant.post(f"{path}/rotate_secret", {"overlap_hours": 0}, key=None), 200)
    await merchant.pay()
    await work(service)
    receiver.seen[1].verify(last["secret"])
    with pytest.raises(WebhookVerificationError):
        receiver.seen[1].verify(rotated["secret"])


async def test_an_event_that_cannot_be_sent_stops_no_other(
    service: Platform, merchant: Caller, receiver: Receiver, monkeypatch
):
    made = await endpoint(merchant, receiver.url)
    first, second = await merchant.pay(), await merchant.pay()
    show = Stored.show

    def poisoned(event) -> bytes:
        if first["id"] in event.data:
            raise RecursionError
        return bytes(show(event))

    monkeypatch.setattr("payments.events.schemas.Stored.show", poisoned)
    await work(service)
    assert [message.event["data"] for message in receiver.seen] == [second]
    _, delivery = await deliveries(merchant, made["id"])
    assert (delivery["status"], delivery["attempts"][0]["error"]) == ("pending", "not sent: RecursionError")


async def test_several_workers_share_the_work_and_send_once(service: Platform, merchant: Caller, receiver: Receiver):
    await endpoint(merchant, receiver.url)
    await asyncio.gather(*[merchant.pay() for _ in range(20)])
    await service.container.sequencer.run()
    claimed = await asyncio.gather(*(service.container.deliverer.deliver() for _ in range(4)))
    await service.container.deliverer.settle()
    assert sum(claimed) == 1
    assert sorted(receiver.sequences) == list(range(1, 21))


async def test_the_backlog_is_told(service: Platform, merchant: Caller, receiver: Receiver):
    receiver.answer = failing
    await endpoint(merchant, receiver.url)
    before = await service.container.deliverer.backlog()
    await merchant.pay()
    await service.container.sequencer.run()
    waiting = await service.container.deliverer.backlog()
    assert waiting["waiting"] == before["waiting"] + 1
    await work(service)
    after = await service.container.deliverer.backlog()
    assert (after["waiting"], after["retrying"]) == (before["waiting"], before["retrying"] + 1)
    problem_of(await merchant.get("/v1/webhook_endpoints/we_1/deliveries"), 404, "not_found")
