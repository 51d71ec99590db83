"""The whole service with Stripe behind it: over HTTP, with Stripe's own webhooks, and with recovery."""

import asyncio

import pytest

from payments.connectors.port import InvalidCallbackError
from tests.connectors.stripe.setting import PATH, SECRET, Setting
from tests.support import body_of, problem_of

pytestmark = pytest.mark.slow


async def test_a_payment_lives_its_life_at_stripe(setting: Setting):
    shop = setting.shop
    held = await shop.authorize(cvc="123")
    assert (held["acquirer"], held["status"]) == ("stripe", "authorized")
    taken = body_of(await shop.post(f"/v1/payments/{held['id']}/capture", {"amount": 6000}), 200)
    assert (taken["status"], taken["amount_captured"]) == ("captured", 6000)
    refund = body_of(await shop.post(f"/v1/payments/{held['id']}/refunds", {"amount": 1000}), 201)
    assert refund["status"] == "succeeded"
    other = await shop.authorize(cvc="123")
    assert body_of(await shop.post(f"/v1/payments/{other['id']}/void"), 200)["status"] == "voided"
    assert (await shop.balance())["pending"] == 5000


async def test_an_acquirer_that_captures_once_says_so(setting: Setting):
    held = await setting.shop.authorize(cvc="123")
    answer = await setting.shop.post(f"/v1/payments/{held['id']}/capture", {"amount": 100, "final": False})
    problem_of(answer, 422, "validation_failed", "/final")
    assert (await setting.shop.show(held["id"]))["status"] == "authorized"


async def test_a_lost_answer_is_found_by_recovery(setting: Setting):
    setting.relay.lose = "answer", "/v1/payment_intents"
    paid = await setting.shop.pay(cvc="123")
    assert paid["status"] == "unknown"
    setting.platform.let_deadlines_pass()
    assert await setting.platform.container.recovery.resolve_unknown() == 1
    assert await setting.shop.causes(paid["id"]) == [
        "request:processing",
        "timeout:unknown",
        "lookup:unknown",
        "recovery:captured",
    ]


async def test_a_request_that_never_arrived_waits_for_certainty(setting: Setting):
    setting.relay.lose = "request", "/v1/payment_intents"
    paid = await setting.shop.pay(cvc="123")
    recovery = setting.platform.container.recovery
    assert await recovery.resolve_unknown() == 0
    assert (await setting.shop.show(paid["id"]))["status"] == "unknown"
    attempts = "SELECT attempts, answer, next_at > now() FROM payments.lookups"
    setting.platform.let_deadlines_pass()
    assert await recovery.resolve_unknown() == 0, "an hour is what Stripe's index may take"
    assert setting.platform.rows(attempts) == [(1, "the acquirer has nothing under this key yet", True)]
    assert await recovery.resolve_unknown() == 0
    assert setting.platform.rows(attempts)[0][0] == 1, "it is not asked again before its time"
    setting.platform.let_deadlines_pass()
    assert await recovery.resolve_unknown() == 1
    assert setting.platform.rows(attempts) == []
    assert (await setting.shop.show(paid["id"]))["status"] == "failed"


async def test_a_callback_ends_what_is_unknown_and_its_repetition_changes_nothing(setting: Setting):
    setting.relay.lose = "answer", "/v1/payment_intents"
    paid = await setting.shop.pay(cvc="123")
    event = await setting.event("payment_intent.succeeded", paid["id"])
    for _ in range(3):
        assert body_of(await setting.callback(event), 200) == {"received": True}
    causes = await setting.shop.causes(paid["id"])
    assert causes == ["request:processing", "timeout:unknown", "callback:captured"]
    assert (await setting.shop.balance())["pending"] == 10_000


async def test_a_callback_is_believed_only_when_signed(setting: Setting):
    setting.relay.lose = "answer", "/v1/payment_intents"
    paid = await setting.shop.pay(cvc="123")
    event = await setting.event("payment_intent.succeeded", paid["id"])
    problem_of(await setting.callback(event, secret="whsec_wrong"), 400, "invalid_callback")
    problem_of(await setting.callback(event, age=3600), 400, "invalid_callback")
    gateway = setting.platform.caller("service").but(subject="gateway")
    problem_of(await gateway.post(PATH, event, key=None), 400, "invalid_callback")
    problem_of(await gateway.post("/v1/callbacks/adyen/test", event, key=None), 404, "not_found")
    problem_of(await gateway.post("/v1/callbacks/stripe/live", event, key=None), 404, "not_found")
    problem_of(await setting.shop.post(PATH, event, key=None), 403, "forbidden")
    assert (await setting.shop.show(paid["id"]))["status"] == "unknown"


async def test_what_is_not_about_us_is_received_and_left(setting: Setting):
    for kind in ("customer.created", "payment_intent.succeeded", "refund.updated"):
        item = {"id": "x_1", "object": "x", "status": "succeeded", "metadata": {}, "capture_method": "automatic"}
        event = {"id": "evt_2", "object": "event", "type": kind, "data": {"object": item}}
        assert body_of(await setting.callback(event), 200) == {"received": True}


async def test_stripes_own_signature_is_understood(setting: Setting):
    """As localstripe signs, not as we believe it does."""
    received: asyncio.Queue[tuple[dict[str, str], bytes]] = asyncio.Queue()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[1:-2]
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head)}
        received.put_nowait((headers, await reader.readexactly(int(headers["content-length"]))))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        await setting.relay.make_webhook(url, SECRET)
        async with asyncio.timeout(60):
            headers, body = await received.get()
    stripe = setting.platform.container.connectors.named("stripe", livemode=False)
    assert stripe.parse_callback(headers, body) is None, "genuine, and about a customer"
    with pytest.raises(InvalidCallbackError):
        stripe.parse_callback(headers, body.replace(b"customer", b"Customer"))
