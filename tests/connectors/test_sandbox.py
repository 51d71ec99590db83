"""The external order: what a call answers, what the books keep, and what a lookup proves afterwards."""

import asyncio

import pytest

from payments.connectors.declines import decline
from payments.connectors.port import Approved, KeyReusedError, LiveModeRefusedError, NotFound, StillUnknown, Unknown
from payments.connectors.sandbox.connector import SandboxConnector, Timings, _reference
from payments.connectors.sandbox.store import SandboxStore
from payments.database import Database

APPROVED, LOST, NOTHING = object(), object(), object()
# (scenario, kind): what the call answers, what a lookup proves.
EVIDENCE = {
    (None, "authorize"): (APPROVED, APPROVED),
    ("insufficient_funds", "authorize"): (decline("insufficient_funds"), decline("insufficient_funds")),
    ("authorize_then_timeout", "authorize"): (LOST, APPROVED),
    ("timeout_not_authorized", "authorize"): (LOST, NOTHING),
    ("timeout_then_declined", "authorize"): (LOST, decline("card_declined")),
    ("slow", "authorize"): (APPROVED, APPROVED),
    ("duplicate_callback", "authorize"): (APPROVED, APPROVED),
    ("capture_timeout", "capture"): (LOST, APPROVED),
    ("capture_timeout", "refund"): (APPROVED, APPROVED),
    ("capture_fails", "capture"): (decline("capture_rejected"), decline("capture_rejected")),
    ("void_timeout", "void"): (LOST, APPROVED),
    ("refund_timeout", "refund"): (LOST, APPROVED),
    ("refund_timeout_not_refunded", "refund"): (LOST, NOTHING),
    ("refund_fails", "refund"): (decline("refund_rejected"), decline("refund_rejected")),
}


def build(requests, scenario, kind, **changes):
    """A request of this kind on a card that plays this scenario."""
    if kind == "authorize":
        return requests.authorize(scenario, **changes)
    return getattr(requests, kind)(_reference("the authorization", scenario), **changes)


def matches(outcome, expected, reference):
    if expected is APPROVED:
        return outcome == Approved(reference)
    if expected is LOST:
        return isinstance(outcome, Unknown)
    return isinstance(outcome, NotFound) if expected is NOTHING else outcome == expected


@pytest.mark.parametrize(("scenario", "kind"), list(EVIDENCE))
async def test_what_is_answered_and_what_is_proved(scenario, kind, sandbox, requests, deadline):
    connector = sandbox()
    request = build(requests, scenario, kind)
    answer, proof = EVIDENCE[scenario, kind]
    reference = _reference(request.key, scenario)

    assert isinstance(await connector.lookup(request.key), NotFound)
    assert matches(await getattr(connector, kind)(request, deadline), answer, reference)
    assert matches(await connector.lookup(request.key), proof, reference)


@pytest.mark.parametrize(("scenario", "kind"), list(EVIDENCE))
async def test_a_repeated_key_returns_the_first_outcome(scenario, kind, sandbox, requests, deadline):
    connector = sandbox()
    request = build(requests, scenario, kind)
    answer, proof = EVIDENCE[scenario, kind]
    await getattr(connector, kind)(request, deadline)

    again = await getattr(connector, kind)(request, deadline)

    # Whoever asks again after a lost reply hears what was decided then, as from any acquirer.
    assert matches(again, answer if proof is NOTHING else proof, _reference(request.key, scenario))


async def test_both_orders_give_the_same_outcome(sandbox, requests, deadline):
    connector = sandbox()
    for scenario in (None, "lost_card", "disputed"):
        request = requests.authorize(scenario)
        assert await connector.authorize(request, deadline) == connector.single_commit(request)


async def test_a_single_commit_leaves_no_trace(sandbox, requests):
    connector = sandbox()
    request = requests.authorize(None)

    assert connector.single_commit(request) is not None
    assert await connector.lookup(request.key) == NotFound()


@pytest.mark.parametrize(
    ("scenario", "waited"), [(None, []), ("slow", [7.0]), ("authorize_then_timeout", [7.0]), ("pending", [])]
)
async def test_only_late_and_lost_replies_take_time(scenario, waited, sandbox, waits, requests, deadline):
    await sandbox(timings=Timings(slow=7.0)).authorize(requests.authorize(scenario), deadline)

    assert waits == waited


@pytest.mark.parametrize("kind", ["authorize", "refund"])
async def test_a_decision_can_take_time(kind, sandbox, requests, deadline):
    scenario = {"authorize": "pending", "refund": "refund_pending"}[kind]
    undecided, decided = sandbox(timings=Timings(pending=3600)), sandbox(timings=Timings(pending=0))
    request = build(requests, scenario, kind)

    assert isinstance(await getattr(undecided, kind)(request, deadline), Unknown)
    assert isinstance(await undecided.lookup(request.key), StillUnknown)
    assert isinstance(await getattr(undecided, kind)(request, deadline), Unknown)
    assert await decided.lookup(request.key) == Approved(_reference(request.key, scenario))


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("authorize", {"amount": 1001}),
        ("authorize", {"currency": "USD"}),
        ("refund", {"amount": 401}),
        ("refund", {"acquirer_reference": _reference("another", "refund_timeout")}),
    ],
)
async def test_a_key_names_one_request(kind, changes, sandbox, requests, deadline):
    connector = sandbox()
    scenario = "refund_timeout" if kind == "refund" else "slow"
    request = build(requests, scenario, kind)
    await getattr(connector, kind)(request, deadline)

    other = build(requests, scenario, kind, **{"key": request.key, **changes})
    with pytest.raises(KeyReusedError):
        await getattr(connector, kind)(other, deadline)


async def test_a_key_names_one_kind_of_request(sandbox, requests, deadline):
    connector = sandbox()
    refund = requests.refund(_reference("one", "refund_timeout"))
    await connector.refund(refund, deadline)

    with pytest.raises(KeyReusedError):
        await connector.void(requests.void(refund.acquirer_reference, key=refund.key), deadline)


async def test_live_cards_never_reach_the_books(sandbox, requests, deadline):
    connector = sandbox()
    request = requests.authorize("slow", livemode=True)

    with pytest.raises(LiveModeRefusedError):
        await connector.authorize(request, deadline)
    with pytest.raises(LiveModeRefusedError):
        await connector.capture(requests.capture("pi_live"), deadline)
    assert await connector.lookup(request.key) == NotFound()


async def test_a_call_past_its_deadline_does_nothing(sandbox, requests):
    connector = sandbox()
    request = requests.authorize("slow")

    outcome = await connector.authorize(request, asyncio.get_running_loop().time() - 1)

    assert isinstance(outcome, Unknown)
    assert await connector.lookup(request.key) == NotFound()


async def test_a_reply_later_than_the_deadline_is_unknown_and_still_proved(sandbox, requests, monkeypatch):
    loop = asyncio.get_running_loop()
    clock = loop.time

    async def past_the_deadline(_: float) -> None:
        monkeypatch.setattr(loop, "time", lambda: clock() + 100)
        await asyncio.Event().wait()

    connector = sandbox(delay=past_the_deadline)
    request = requests.authorize("slow")

    async with asyncio.timeout_at(clock() + 110):  # ten real seconds too late, to fail instead of hanging
        outcome = await connector.authorize(request, clock() + 60)
    monkeypatch.undo()

    assert isinstance(outcome, Unknown)
    assert await connector.lookup(request.key) == Approved(_reference(request.key, "slow"))


async def test_an_acquirer_that_is_down_is_unknown(keyring, requests, deadline):
    database = Database("postgresql://payments_app@127.0.0.1:1/payments")
    connector = SandboxConnector(SandboxStore(database), keyring)
    request = requests.authorize("slow")

    assert isinstance(await connector.authorize(request, deadline), Unknown)
    assert isinstance(await connector.lookup(request.key), StillUnknown)
    await database.dispose()
