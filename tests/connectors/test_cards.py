"""Every test card: a valid number, a scenario that does something, and what an ordinary one answers."""

from itertools import product

import pytest

from payments.connectors.declines import DeclineCode, decline
from payments.connectors.port import Approved, LiveModeRefusedError
from payments.connectors.sandbox.cards import (
    _STEPS,
    OWN_CARDS,
    STRIPE_CARDS,
    TEST_CARDS,
    Reply,
    scenario_for,
    step_for,
)

KINDS = ("authorize", "capture", "void", "refund")
# Written out, not derived: this is what users know from Stripe's documentation.
DECLINING: dict[str, DeclineCode] = {
    "4000000000000002": "card_declined",
    "4000000000000341": "card_declined",
    "4000000000009995": "insufficient_funds",
    "4000000000009987": "lost_card",
    "4000000000009979": "stolen_card",
    "4000000000000069": "expired_card",
    "4000000000000127": "incorrect_cvc",
    "4000000000000119": "processing_error",
    "4000000000006975": "card_velocity_exceeded",
    "4100000000000019": "fraudulent",
    "4000002760003184": "authentication_required",
    "4000002500003155": "authentication_required",
    "4000003800000446": "authentication_required",
    "4000000000003220": "authentication_required",
    "4000008260003178": "authentication_required",
    "4000008400001629": "authentication_required",
}
MARKED_FOR_LATER = {"disputed", "disputed_not_received"}


def luhn(number: str) -> bool:
    doubled = (int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(number)))
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


@pytest.fixture
def connector(isolated):
    return isolated()


@pytest.mark.parametrize("card", TEST_CARDS, ids=lambda card: card.number)
def test_a_test_number_is_a_card_number(card):
    assert card.number.isdigit()
    assert luhn(card.number)
    assert scenario_for(card.number) == card.scenario


def test_numbers_are_unique():
    assert len({card.number for card in TEST_CARDS}) == len(TEST_CARDS)


def test_our_numbers_keep_out_of_the_way_of_others():
    assert all(card.number.startswith("400000900") for card in OWN_CARDS)
    assert not any(card.number.startswith("400000900") for card in STRIPE_CARDS)


def test_unknown_numbers_approve():
    assert scenario_for("4111111111111111") is None


def test_every_scenario_has_a_card_and_every_card_a_scenario():
    on_cards = {card.scenario for card in TEST_CARDS} - {None}

    assert on_cards - MARKED_FOR_LATER == {scenario for scenario, _ in _STEPS}


@pytest.mark.parametrize("card", TEST_CARDS, ids=lambda card: card.number)
def test_an_ordinary_authorization_commits_once(card, connector, requests):
    request = requests.authorize(card.scenario)
    outcome = connector.single_commit(request)

    if step_for(card.scenario, "authorize").reply is not Reply.PROMPT:
        assert card in OWN_CARDS
        assert outcome is None
    elif card.number in DECLINING:
        assert outcome == decline(DECLINING[card.number])
    else:
        assert isinstance(outcome, Approved)


@pytest.mark.parametrize("scenario", [None, "disputed", "capture_fails", "refund_timeout"])
def test_later_operations_know_the_card_by_the_reference(scenario, connector, requests):
    reference = connector.single_commit(requests.authorize(scenario)).reference

    for kind in ("capture", "void", "refund"):
        outcome = connector.single_commit(getattr(requests, kind)(reference))
        step = step_for(scenario, kind)
        if step.decline:
            assert outcome == decline(step.decline)
        else:
            # What takes the money of a disputed card is remembered, because somebody will ask for it back.
            remembered = scenario == "disputed" and kind == "capture"
            assert (outcome is None) == (step.reply is not Reply.PROMPT or remembered)


def test_references_name_one_request_and_its_scenario(connector, requests):
    plain, marked = (connector.single_commit(requests.authorize(scenario)).reference for scenario in (None, "disputed"))

    assert plain.startswith("sbx_")
    assert marked.endswith("_disputed")
    assert plain != connector.single_commit(requests.authorize(None)).reference


@pytest.mark.parametrize(("scenario", "kind"), list(product(sorted({c.scenario or "" for c in TEST_CARDS}), KINDS)))
def test_a_single_commit_is_a_pure_function_of_the_request(scenario, kind, isolated, requests):
    # No event loop runs here, and the connector has no store, signer or clock: input or output would raise.
    reference = f"sbx_{'0' * 32}" + (f"_{scenario}" if scenario else "")
    request = requests.authorize(scenario or None) if kind == "authorize" else getattr(requests, kind)(reference)

    outcomes = {repr(isolated().single_commit(request)) for _ in range(3)}

    assert len(outcomes) == 1


def test_live_cards_are_refused(connector, requests):
    with pytest.raises(LiveModeRefusedError):
        connector.single_commit(requests.authorize(None, livemode=True))


@pytest.mark.parametrize("kind", ["capture", "void", "refund"])
@pytest.mark.parametrize("reference", ["pi_3MtwBwLkdIwHu7ix28a3tqPa", ""])
def test_what_the_sandbox_did_not_authorize_is_refused(kind, reference, connector, requests):
    with pytest.raises(LiveModeRefusedError):
        connector.single_commit(getattr(requests, kind)(reference))
