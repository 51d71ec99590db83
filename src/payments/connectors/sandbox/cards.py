"""The test cards: which numbers mean something, and what the acquirer then does.

Two tables. ``TEST_CARDS`` maps numbers to scenarios, ``_STEPS`` says how a scenario's operations depart from a prompt
approval. The vault stores only the scenario's name, so that nothing else ever needs the number.
``docs/TEST_CARDS.md`` is checked against the first.

Our own numbers begin with 4000 00 900: where Stripe's test numbers carry a country code, 900 is one that ISO 3166-1
leaves to its users, so that no number of theirs will ever mean something else here.
"""

from enum import Enum, auto

import msgspec

from payments.connectors.declines import DeclineCode
from payments.connectors.port import Kind

# Scenarios whose cardholders dispute whatever is taken from them, and what they say.
DISPUTED = {"disputed": "fraudulent", "disputed_not_received": "product_not_received"}


class Reply(Enum):
    """How the acquirer's answer travels."""

    PROMPT = auto()
    SLOW = auto()
    TWICE = auto()  # with a callback, delivered twice
    PENDING = auto()  # the acquirer needs time to decide, then approves
    LOST = auto()  # it acted, and we never hear of it
    NEVER_ARRIVED = auto()  # it did not even get the request


class Step(msgspec.Struct, frozen=True):
    """What the acquirer decides about one operation, and how we learn of it."""

    decline: DeclineCode | None = None
    reply: Reply = Reply.PROMPT


class TestCard(msgspec.Struct, frozen=True):
    """A documented number; ``scenario`` None approves everything."""

    __test__ = False  # pytest: not a test class

    number: str
    scenario: str | None
    meaning: str


_APPROVED = Step()

_AUTHORIZATION_DECLINES: dict[str, DeclineCode] = {
    "card_declined": "card_declined",
    "charge_fails": "card_declined",
    "insufficient_funds": "insufficient_funds",
    "lost_card": "lost_card",
    "stolen_card": "stolen_card",
    "expired_card": "expired_card",
    "incorrect_cvc": "incorrect_cvc",
    "processing_error": "processing_error",
    "card_velocity_exceeded": "card_velocity_exceeded",
    "fraudulent": "fraudulent",
    "authentication_required": "authentication_required",
}

_STEPS: dict[tuple[str | None, Kind], Step] = {
    **{(scenario, "authorize"): Step(decline=code) for scenario, code in _AUTHORIZATION_DECLINES.items()},
    ("authorize_then_timeout", "authorize"): Step(reply=Reply.LOST),
    ("timeout_not_authorized", "authorize"): Step(reply=Reply.NEVER_ARRIVED),
    ("timeout_then_declined", "authorize"): Step(decline="card_declined", reply=Reply.LOST),
    ("pending", "authorize"): Step(reply=Reply.PENDING),
    ("slow", "authorize"): Step(reply=Reply.SLOW),
    ("duplicate_callback", "authorize"): Step(reply=Reply.TWICE),
    ("capture_timeout", "capture"): Step(reply=Reply.LOST),
    ("capture_fails", "capture"): Step(decline="capture_rejected"),
    ("void_timeout", "void"): Step(reply=Reply.LOST),
    ("refund_timeout", "refund"): Step(reply=Reply.LOST),
    ("refund_timeout_not_refunded", "refund"): Step(reply=Reply.NEVER_ARRIVED),
    ("refund_pending", "refund"): Step(reply=Reply.PENDING),
    ("refund_fails", "refund"): Step(decline="refund_rejected"),
}

STRIPE_CARDS = (
    TestCard("4242424242424242", None, "Visa, approves"),
    TestCard("4000056655665556", None, "Visa debit, approves"),
    TestCard("5555555555554444", None, "Mastercard, approves"),
    TestCard("2223003122003222", None, "Mastercard 2-series, approves"),
    TestCard("5200828282828210", None, "Mastercard debit, approves"),
    TestCard("5105105105105100", None, "Mastercard prepaid, approves"),
    TestCard("378282246310005", None, "American Express, approves"),
    TestCard("371449635398431", None, "American Express, approves"),
    TestCard("6011111111111117", None, "Discover, approves"),
    TestCard("6011000990139424", None, "Discover, approves"),
    TestCard("6011981111111113", None, "Discover debit, approves"),
    TestCard("3056930009020004", None, "Diners Club, approves"),
    TestCard("36227206271667", None, "Diners Club with 14 digits, approves"),
    TestCard("3566002020360505", None, "JCB, approves"),
    TestCard("6200000000000005", None, "UnionPay, approves"),
    TestCard("4000000000000002", "card_declined", "Declined without a reason"),
    TestCard("4000000000009995", "insufficient_funds", "Declined: insufficient funds"),
    TestCard("4000000000009987", "lost_card", "Declined: reported lost"),
    TestCard("4000000000009979", "stolen_card", "Declined: reported stolen"),
    TestCard("4000000000000069", "expired_card", "Declined: expired"),
    TestCard("4000000000000127", "incorrect_cvc", "Declined: incorrect security code"),
    TestCard("4000000000000119", "processing_error", "Declined: processing error, may be retried"),
    TestCard("4000000000006975", "card_velocity_exceeded", "Declined: a limit of the card's bank is reached"),
    TestCard("4000000000000341", "charge_fails", "Tokenizes, then every payment is declined"),
    TestCard("4100000000000019", "fraudulent", "Declined: blocked as fraudulent"),
    TestCard("4000002760003184", "authentication_required", "Declined: asks for 3-D Secure on every payment"),
    TestCard("4000002500003155", "authentication_required", "Declined: asks for 3-D Secure unless set up"),
    TestCard("4000003800000446", "authentication_required", "Declined: asks for 3-D Secure on one-time payments"),
    TestCard("4000000000003220", "authentication_required", "Declined: asks for 3-D Secure"),
    TestCard("4000008260003178", "authentication_required", "Declined: asks for 3-D Secure before it looks at funds"),
    TestCard("4000008400001629", "authentication_required", "Declined: asks for 3-D Secure before it declines"),
    TestCard("4000000000000259", "disputed", "Approves; disputed as fraudulent soon after its capture"),
    TestCard(
        "4000000000002685",
        "disputed_not_received",
        "Approves; disputed as not received soon after its capture",
    ),
    TestCard("4000000000007726", "refund_pending", "Approves; a refund is `unknown` for some seconds, then succeeds"),
    TestCard("4000000000005126", "refund_fails", "Approves; every refund fails (at once, not later as at Stripe)"),
)

OWN_CARDS = (
    TestCard("4000009000000011", "authorize_then_timeout", "Authorizes, but the reply is lost; a lookup says approved"),
    TestCard("4000009000000029", "timeout_not_authorized", "Times out and nothing happened; a lookup finds nothing"),
    TestCard("4000009000000037", "timeout_then_declined", "Declines, but the reply is lost; a lookup says declined"),
    TestCard("4000009000000045", "pending", "The acquirer needs some seconds to decide; lookups say so, then approved"),
    TestCard("4000009000000052", "slow", "Approves late, within the deadline"),
    TestCard("4000009000000060", "duplicate_callback", "Approves and sends its callback twice"),
    TestCard(
        "4000009000000078", "capture_timeout", "Captures (`capture_method: manual`) happen, but the reply is lost"
    ),
    TestCard("4000009000000086", "capture_fails", "Captures (`capture_method: manual`) fail"),
    TestCard("4000009000000094", "void_timeout", "Voids happen, but the reply is lost"),
    TestCard("4000009000000102", "refund_timeout", "Refunds happen, but the reply is lost"),
    TestCard("4000009000000110", "refund_timeout_not_refunded", "Refunds time out and nothing happened"),
)

TEST_CARDS = STRIPE_CARDS + OWN_CARDS

_SCENARIOS = {card.number: card.scenario for card in TEST_CARDS}


def scenario_for(number: str) -> str | None:
    """Return what the sandbox plays for a card number (digits only); None, also for unknown numbers, approves."""
    return _SCENARIOS.get(number)


def step_for(scenario: str | None, kind: Kind) -> Step:
    """Return what happens to one kind of operation in a scenario."""
    return _STEPS.get((scenario, kind), _APPROVED)
