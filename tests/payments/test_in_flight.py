"""Requests that wait for the acquirer, and what is left of them when their process dies."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.conftest import Database
from tests.support import Caller, Platform, body_of, platform_on, problem_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATH = "/v1/payments"
SLOW, LOST, NEVER_ARRIVES = "4000009000000052", "4000009000000011", "4000009000000029"
LOST_CAPTURE, LOST_VOID, LOST_REFUND = "4000009000000078", "4000009000000094", "4000009000000102"


async def killed(merchant: Caller, path: str, body: dict[str, Any], key: str) -> None:
    """Send a request whose process dies while the acquirer works on it."""
    platform = merchant.platform
    with platform.pauses.held():
        request = asyncio.create_task(merchant.post(path, body, key=key))
        await platform.pauses.reached.wait()
        await platform.die()
        with pytest.raises(asyncio.CancelledError):
            await request


def in_flight(response: httpx2.Response) -> int:
    """The seconds after which to ask again."""
    problem = problem_of(response, 409, "idempotency_key_in_use")
    assert (problem["effect"], problem["retryable"]) == ("unknown", True)
    return int(response.headers["retry-after"])


async def test_a_payment_without_an_answer_asks_for_patience_and_then_replays(service: Platform, merchant: Caller):
    body = await merchant.payment(SLOW)
    with service.pauses.held():
        first = asyncio.create_task(merchant.post(PATH, body, key="k"))
        await service.pauses.reached.wait()
        assert 1 <= in_flight(await merchant.post(PATH, body, key="k")) <= 3  # the acquirer's deadline
        problem_of(await merchant.post(PATH, body | {"amount": 1}, key="k"), 422, "idempotency_key_reused")
        (use,) = await merchant.key("k")
        assert (use["status"], use["status_code"]) == ("in_flight", None)
        assert (await merchant.show(use["resource"]))["status"] == "processing"
        assert await merchant.balance() == {"pending": 0, "available": 0, "authorized": 0}
        assert not first.done()
    answered = await first
    assert body_of(answered, 201)["status"] == "captured"
    again = await merchant.post(PATH, body, key="k")
    assert (again.content, again.headers["idempotent-replayed"]) == (answered.content, "true")
    assert [use["status"] for use in await merchant.key("k")] == ["completed"]


@pytest.mark.parametrize(
    ("number", "what", "manual"),
    [(LOST_CAPTURE, "capture", True), (LOST_VOID, "void", True), (LOST_REFUND, "refunds", False)],
)
async def test_an_operation_without_an_answer_asks_for_patience(
    service: Platform, merchant: Caller, number, what, manual
):
    payment = await merchant.pay(number, capture_method="manual" if manual else "automatic")
    path = f"{PATH}/{payment['id']}/{what}"
    with service.pauses.held():
        first = asyncio.create_task(merchant.post(path, key="k"))
        await service.pauses.reached.wait()
        assert 1 <= in_flight(await merchant.post(path, key="k")) <= 3
        (use,) = await merchant.key("k")
        assert (use["path"], use["status"], use["status_code"]) == (path, "in_flight", None)
    answered = await first
    assert answered.status_code == (201 if what == "refunds" else 200)
    assert (await merchant.post(path, key="k")).content == answered.content


async def test_a_client_that_hangs_up_stops_nothing(service: Platform, merchant: Caller):
    body = await merchant.payment(SLOW)
    with service.pauses.held():
        request = asyncio.create_task(merchant.post(PATH, body, key="k"))
        await service.pauses.reached.wait()
        request.cancel()
        with pytest.raises(asyncio.CancelledError):
            await request
    await service.container.calls.close()  # waits for the calls under way
    replay = await merchant.post(PATH, body, key="k")
    assert body_of(replay, 201)["status"] == "captured"
    assert replay.headers["idempotent-replayed"] == "true"


async def test_a_payment_of_a_dead_process_is_unknown_once_its_deadline_has_passed(service: Platform, merchant: Caller):
    body = await merchant.payment(LOST)
    await killed(merchant, PATH, body, "k")
    assert in_flight(await merchant.post(PATH, body, key="k")) >= 1  # it might still be alive
    service.let_deadlines_pass()
    responses = await asyncio.gather(*(merchant.post(PATH, body, key="k") for _ in range(10)))
    assert len({response.content for response in responses}) == 1
    assert all(response.headers["idempotent-replayed"] == "true" for response in responses)
    payment = body_of(responses[0], 201)
    assert (payment["status"], payment["amount_authorized"]) == ("unknown", 0)
    assert await merchant.causes(payment["id"]) == ["request:processing", "timeout:unknown"]
    await service.container.recovery.resolve_unknown()
    assert (await merchant.show(payment["id"]))["status"] == "captured"
    assert (await merchant.post(PATH, body, key="k")).content == responses[0].content
    assert (await merchant.balance())["pending"] == 10_000


async def test_another_process_ends_what_a_dead_one_left(
    service: Platform, merchant: Caller, database: Database, redis_url: str, key_folder: Path
):
    body = await merchant.payment(LOST)
    await killed(merchant, PATH, body, "k")
    service.let_deadlines_pass()
    async with platform_on(database, redis_url, key_folder) as elsewhere:
        there = Caller(elsewhere, merchant.identity)
        both = await asyncio.gather(*(caller.post(PATH, body, key="k") for caller in (merchant, there) * 5))
    assert {response.status_code for response in both} == {201}
    assert len({response.content for response in both}) == 1
    assert both[0].json()["status"] == "unknown"


async def test_a_key_is_kept_for_as_long_as_it_is_unanswered(service: Platform, merchant: Caller):
    body = await merchant.payment(LOST)
    await killed(merchant, PATH, body, "k")
    await service.container.recovery.prune_keys(timedelta(days=-1))
    assert [use["status"] for use in await merchant.key("k")] == ["in_flight"]


@pytest.mark.parametrize(("number", "ends"), [(LOST, "captured"), (NEVER_ARRIVES, "failed")])
async def test_recovery_ends_what_a_dead_process_left_though_nobody_asks(
    service: Platform, merchant: Caller, number, ends
):
    body = await merchant.payment(number)
    await killed(merchant, PATH, body, "k")
    (use,) = await merchant.key("k")
    await service.container.recovery.resolve_unknown()
    assert (await merchant.show(use["resource"]))["status"] == "processing"  # not before its deadline
    service.let_deadlines_pass()
    await service.container.recovery.resolve_unknown()
    steps = ["request:processing", "timeout:unknown", "lookup:unknown", f"recovery:{ends}"]
    assert await merchant.causes(use["resource"]) == steps
    replay = await merchant.post(PATH, body, key="k")
    assert body_of(replay, 201)["status"] == "unknown"  # what was written down for its client first
    assert [use["status_code"] for use in await merchant.key("k")] == [201]


@pytest.mark.parametrize(
    ("number", "what", "manual", "status", "ends"),
    [
        (LOST_CAPTURE, "capture", True, 200, "captured"),
        (LOST_VOID, "void", True, 200, "voided"),
        (LOST_REFUND, "refunds", False, 201, "captured"),
    ],
)
async def test_an_operation_of_a_dead_process_is_unknown_once_its_deadline_has_passed(
    service: Platform, merchant: Caller, number, what, manual, status, ends
):
    payment = await merchant.pay(number, capture_method="manual" if manual else "automatic")
    path = f"{PATH}/{payment['id']}/{what}"
    await killed(merchant, path, {}, "k")
    service.let_deadlines_pass()
    replay = await merchant.post(path, {}, key="k")
    shown = body_of(replay, status)
    assert replay.headers["idempotent-replayed"] == "true"
    assert shown["status"] == ("unknown" if what == "refunds" else "authorized")
    kind = what.removesuffix("s")
    assert (await merchant.causes(payment["id"]))[-2:] == [
        f"{kind}_processing:{payment['status']}",
        f"timeout:{payment['status']}",
    ]
    await service.container.recovery.resolve_unknown()
    assert (await merchant.show(payment["id"]))["status"] == ends
    assert (await merchant.post(path, {}, key="k")).content == replay.content
    refunded = (await merchant.show(payment["id"]))["amount_refunded"]
    assert refunded == (10_000 if what == "refunds" else 0)
