"""Disputes: opened by callback, answered with evidence, won and lost, with every unit in the books."""

import asyncio
from itertools import permutations
from random import Random
from typing import Any

import pytest

from payments.connectors.port import Unknown
from payments.disputes.states import STATUSES, TRANSITIONS
from tests.disputes.court import DISPUTED, NOT_RECEIVED, PATH, books, dispute, disputes, notice, show, submit
from tests.support import Caller, Platform, body_of, problem_of

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def shop(service: Platform, fee: int = 1_500) -> Caller:
    return await service.shop(
        fee={"basis_points": 0, "fixed": 0, "dispute": fee}, payouts={"delay_days": 0, "schedule": "manual"}
    )


async def test_the_disputed_card_is_disputed_and_the_merchant_bears_it(service: Platform):
    merchant = await shop(service)
    payment = await merchant.pay(DISPUTED, amount=5_000)
    await service.container.sandbox_disputes.tell()
    [found] = await disputes(merchant, payment["id"])
    assert (found["status"], found["reason"], found["amount"], found["amount_withheld"]) == (
        "needs_response",
        "fraudulent",
        5_000,
        5_000,
    )
    assert (found["fee"], found["fee_currency"], found["livemode"]) == (1_500, "EUR", False)
    assert found["respond_by"]
    assert await merchant.balance() == {"pending": -1_500, "available": 0, "authorized": 0}
    assert books(service, payment["id"]) == {
        ("acquirer_receivable", "EUR"): 5_000,
        ("chargebacks", "EUR"): -5_000,
        ("merchant_pending", "EUR"): 1_500,
        ("platform_fees", "EUR"): -1_500,
    }
    assert (await merchant.show(payment["id"]))["amount_disputed"] == 5_000
    assert (await merchant.causes(payment["id"]))[-1] == "disputed:captured"
    assert await service.container.sandbox_disputes.tell() == 0, "told once"


async def test_a_manual_capture_of_the_disputed_card_is_disputed_too(service: Platform):
    merchant = await shop(service)
    payment = await merchant.authorize(NOT_RECEIVED, amount=900)
    body_of(await merchant.post(f"/v1/payments/{payment['id']}/capture", {"amount": 600}), 200)
    await service.container.sandbox_disputes.tell()
    [found] = await disputes(merchant, payment["id"])
    assert (found["reason"], found["amount"]) == ("product_not_received", 600)


async def test_a_won_dispute_returns_everything(service: Platform):
    merchant = await shop(service)
    payment = await merchant.pay(amount=5_000)
    opened = await dispute(service, merchant, payment["id"], 2_000)
    found = await submit(merchant, opened["id"], "winning_evidence")
    assert found["status"] == "under_review"
    await service.container.sandbox_disputes.tell()
    won = await show(merchant, opened["id"])
    assert (won["status"], [step["to"] for step in won["timeline"]]) == (
        "won",
        ["needs_response", "responding", "under_review", "won"],
    )
    assert books(service, payment["id"]) == {
        ("acquirer_receivable", "EUR"): 5_000,
        ("merchant_pending", "EUR"): -5_000,
    }
    assert (await merchant.show(payment["id"]))["amount_disputed"] == 0


async def test_a_lost_dispute_keeps_what_it_took(service: Platform):
    merchant = await shop(service)
    payment = await merchant.pay(amount=5_000)
    opened = await dispute(service, merchant, payment["id"], 2_000)
    await submit(merchant, opened["id"], "losing_evidence")
    await service.container.sandbox_disputes.tell()
    assert (await show(merchant, opened["id"]))["status"] == "lost"
    assert (await merchant.balance())["pending"] == 5_000 - 2_000 - 1_500
    assert (await merchant.show(payment["id"]))["amount_disputed"] == 2_000


async def test_a_merchant_may_give_in(service: Platform):
    merchant = await shop(service)
    payment = await merchant.pay(amount=5_000)
    opened = await dispute(service, merchant, payment["id"], 5_000)
    lost = body_of(await merchant.post(f"{PATH}/{opened['id']}/accept", key=None), 200)
    assert lost["status"] == "lost"
    problem_of(await merchant.post(f"{PATH}/{opened['id']}/accept", key=None), 409, "dispute_state")
    await service.container.sandbox_disputes.tell()
    assert (await show(merchant, opened["id"]))["status"] == "lost"


async def test_evidence_is_saved_until_it_is_handed_in(service: Platform):
    merchant = await shop(service)
    payment = await merchant.pay(amount=5_000)
    opened = await dispute(service, merchant, payment["id"], 5_000)
    path = f"{PATH}/{opened['id']}/evidence"
    document = {
        "kind": "shipping",
        "name": "delivery-note.pdf",
        "media_type": "application/pdf",
        "size": 48_211,
        "sha256": "ab" * 32,
    }
    saved = body_of(await merchant.post(path, {"text": "It arrived.", "documents": [document]}, key=None), 200)
    assert (saved["status"], saved["evidence"]) == (
        "needs_response",
        {"text": "It arrived.", "documents": [document]},
    )
    handed_in = await submit(merchant, opened["id"], "It arrived, and was signed for.")
    assert (handed_in["status"], handed_in["evidence"]["documents"]) == ("under_review", [])
    problem_of(await merchant.post(path, {"text": "One more thing"}, key=None), 409, "dispute_state")
    bad = {"text": "x", "documents": [{**document, "sha256": "short"}]}
    problem_of(await merchant.post(path, bad, key=None), 422, "validation_failed", "/documents/0/sha256")
    problem_of(await merchant.post(path, {"text": "4242 4242 4242 4242"}, key=None), 422, "validation_failed", "/text")


async def test_whoever_does_not_answer_in_time_loses(service: Platform):
    merchant = await shop(service)
    payment = await merchant.pay(amount=5_000)
    opened = await dispute(service, merchant, payment["id"], 5_000)
    with service.sql() as connection:
        connection.execute("UPDATE sandbox.disputes SET respond_by = now() - interval '1 second'")
    await service.container.sandbox_disputes.tell()
    assert (await show(merchant, opened["id"]))["status"] == "lost"


async def test_a_response_without_an_answer_is_repeated(service: Platform, monkeypatch: pytest.MonkeyPatch):
    merchant = await shop(service)
    payment = await merchant.pay(amount=5_000)
    opened = await dispute(service, merchant, payment["id"], 5_000)

    async def silence(*_: Any) -> Unknown:
        return Unknown("no answer")

    with monkeypatch.context() as patched:
        patched.setattr(service.container.sandbox, "respond_to_dispute", silence)
        assert (await submit(merchant, opened["id"], "winning_evidence"))["status"] == "responding"
    assert await service.container.disputes.repeat_responses() == 0, "not yet"
    with service.sql() as connection:
        connection.execute("UPDATE payments.disputes SET ask_again_at = now() WHERE status = 'responding'")
    assert await service.container.disputes.repeat_responses() == 1
    assert (await show(merchant, opened["id"]))["status"] == "under_review"


async def test_a_response_that_is_refused_may_be_given_again(service: Platform):
    merchant = await shop(service)
    payment = await merchant.pay(amount=100)
    connector = service.container.sandbox
    await service.container.disputes.receive(connector, notice(payment))
    [found] = await disputes(merchant, payment["id"])  # the sandbox knows nothing of it
    refused = await submit(merchant, found["id"], "winning_evidence")
    assert [step["cause"] for step in refused["timeline"]] == ["acquirer", "evidence", "response_refused"]
    assert refused["status"] == "needs_response"


@pytest.mark.parametrize("order", list(permutations(["needs_response", "under_review", "lost"])))
async def test_callbacks_count_once_in_any_order(service: Platform, order: tuple[Any, ...]):
    merchant = await shop(service)
    payment = await merchant.pay(amount=700)
    connector = service.container.sandbox
    for status in (*order, *order):
        await service.container.disputes.receive(connector, notice(payment, status=status))
    [found] = await disputes(merchant, payment["id"])
    assert found["status"] == "lost"
    assert books(service, payment["id"])["chargebacks", "EUR"] == -700


async def test_callbacks_at_once_open_one_dispute(service: Platform):
    merchant = await shop(service)
    payment = await merchant.pay(amount=700)
    told = [notice(payment, status=status) for status in ("needs_response", "won", "needs_response", "won")]
    await asyncio.gather(*(service.container.disputes.receive(service.container.sandbox, each) for each in told))
    [found] = await disputes(merchant, payment["id"])
    assert found["status"] == "won"
    assert ("chargebacks", "EUR") not in books(service, payment["id"])


async def test_what_is_disputed_cannot_be_refunded_and_what_is_refunded_is_not_taken_twice(service: Platform):
    merchant = await shop(service, fee=0)
    payment = await merchant.pay(amount=1_000)
    path = f"/v1/payments/{payment['id']}/refunds"
    body_of(await merchant.post(path, {"amount": 600}), 201)
    opened = await dispute(service, merchant, payment["id"], 1_000)
    assert (opened["amount"], opened["amount_withheld"]) == (1_000, 400)
    problem_of(await merchant.post(path, {"amount": 1}), 422, "amount_too_large", "/amount")
    assert (await merchant.balance())["pending"] == 0
    await submit(merchant, opened["id"], "winning_evidence")
    await service.container.sandbox_disputes.tell()
    body_of(await merchant.post(path, {"amount": 400}), 201)
    assert (await merchant.balance())["pending"] == 0


async def test_refunds_and_disputes_at_once_never_give_back_more_than_was_captured(service: Platform):
    merchant = await shop(service, fee=0)
    for _ in range(3):
        payment = await merchant.pay(amount=1_000)
        path = f"/v1/payments/{payment['id']}/refunds"
        refunds = [merchant.post(path, {"amount": 400}) for _ in range(3)]
        told = [
            service.container.disputes.receive(
                service.container.sandbox, notice(payment, dispute=f"{payment['id']}-{number}", amount=300)
            )
            for number in range(3)
        ]
        await asyncio.gather(*refunds, *told)
        found = await merchant.show(payment["id"])
        given_back = found["amount_refunded"] + found["amount_disputed"]
        assert given_back <= 1_000
        assert given_back == sum(
            -books(service, payment["id"]).get((kind, "EUR"), 0) for kind in ("refunds", "chargebacks")
        )


async def test_a_payment_that_is_not_captured_cannot_be_disputed_yet(service: Platform):
    merchant = await shop(service)
    payment = await merchant.authorize(amount=700)
    from shared.problems import Problem

    with pytest.raises(Problem, match="nothing of it can be disputed"):
        await service.container.disputes.receive(service.container.sandbox, notice(payment))
    assert await disputes(merchant, payment["id"]) == []


async def test_disputes_are_seen_by_their_merchant_in_their_mode_only(service: Platform, merchant: Caller):
    owner = await shop(service)
    payment = await owner.pay(amount=700)
    opened = await dispute(service, owner, payment["id"], 700)
    for stranger in (merchant, owner.but(livemode=True)):
        problem_of(await stranger.get(f"{PATH}/{opened['id']}"), 404, "not_found")
        problem_of(await stranger.post(f"{PATH}/{opened['id']}/accept", key=None), 404, "not_found")
        assert await disputes(stranger, payment["id"]) == []
    reader = owner.but(scopes=frozenset({"disputes:read"}))
    problem_of(await reader.post(f"{PATH}/{opened['id']}/accept", key=None), 403, "forbidden")


async def test_every_change_leaves_an_event_and_fraud_is_learned_from(service: Platform):
    merchant = await shop(service)
    payment = await merchant.pay(DISPUTED, amount=5_000)
    await service.container.sandbox_disputes.tell()
    [opened] = await disputes(merchant, payment["id"])
    await submit(merchant, opened["id"], "winning_evidence")
    await service.container.sandbox_disputes.tell()
    rows = service.rows(
        "SELECT type, data FROM payments.events WHERE merchant_id = %s AND type LIKE '%%dispute%%' ORDER BY id",
        merchant.identity.merchant_id,
    )
    assert [kind for kind, _ in rows] == [
        "payment.disputed",
        "dispute.created",
        "dispute.responding",
        "dispute.under_review",
        "payment.dispute_won",
        "dispute.won",
    ]
    assert rows[1][1] == opened
    assert rows[-1][1]["status"] == "won"
    reports = service.rows(
        "SELECT source, reason FROM payments.fraud_reports WHERE merchant_id = %s", merchant.identity.merchant_id
    )
    assert reports == [("dispute", "fraudulent")]


@pytest.mark.parametrize("seed", range(12))
async def test_a_converted_payment_keeps_its_books_whatever_is_disputed(service: Platform, seed: int):
    """Refunds and disputes of a payment in GBP that settles in EUR, and what its totals come to."""
    random = Random(seed)
    merchant = await shop(service, fee=0)
    payment = await merchant.pay(amount=1_001, currency="GBP")
    for _ in range(random.randint(2, 7)):
        what, amount = random.choice(("refund", "dispute", "dispute", "win", "lose")), random.randint(1, 700)
        open_ones = [one for one in await disputes(merchant, payment["id"]) if one["status"] == "needs_response"]
        if what == "refund":
            await merchant.post(f"/v1/payments/{payment['id']}/refunds", {"amount": amount})
        elif what == "dispute":
            await dispute(service, merchant, payment["id"], amount)
        elif open_ones:
            await submit(merchant, open_ones[0]["id"], "winning_evidence" if what == "win" else "losing_evidence")
            await service.container.sandbox_disputes.tell()
    found = await merchant.show(payment["id"])
    settlement, left = found["settlement"], books(service, payment["id"])
    assert settlement["gross"] == sum(settlement[name] for name in ("spread", "fee", "net", "refunded", "disputed"))
    assert -left.get(("merchant_pending", "EUR"), 0) == settlement["net"]
    back = found["amount_refunded"] + found["amount_disputed"]
    assert back <= 1_001
    assert left.get(("fx_clearing", "GBP"), 0) == back - 1_001
    assert -left.get(("chargebacks", "GBP"), 0) == found["amount_disputed"]
    if back == 1_001:
        assert ("fx_clearing", "EUR") not in left
        assert ("rounding", "EUR") not in left


async def test_every_pair_of_states_is_classified():
    assert set(TRANSITIONS) == {(source, target) for source in STATUSES for target in STATUSES}
    for final in ("won", "lost"):
        assert {TRANSITIONS[final, target] for target in STATUSES} == {"."}
    assert {source for source in STATUSES if TRANSITIONS[source, "won"] != "."} == set(STATUSES) - {"won", "lost"}
