"""Every payment is decided: approved, put before a reviewer, or declined, and its receipt says why."""

from payments.devtools.client import Json
from payments.devtools.demo.stage import APPROVED_CARD, Stage

TITLE = "Approved, reviewed, declined, and why"

_GAMBLING = "7995"


def play(stage: Stage) -> None:
    """A casino: a small payment, a large one, and a large one from a far country; a reviewer approves the second."""
    stage.hire(name="Lucky Seven", category_code=_GAMBLING)
    card = stage.tokenize(APPROVED_CARD)
    stage.tell("Gambling is a risky trade, and that alone is no reason to decline 25.30.")
    approved = stage.pay(2530, card=card)
    _explain(stage, approved)
    stage.expect("it is captured", holds=approved["status"] == "captured")

    stage.tell("2,512.34 is a high amount on top of it: a person should look.")
    reviewed = stage.pay(251_234, card=card)
    _explain(stage, reviewed)
    stage.expect("it waits for a reviewer", holds=reviewed["status"] == "review")

    stage.tell("3,000.00, round as well, with a card of another country than the customer's: too much.")
    declined = stage.pay(300_000, card=card, card_country="DE", customer_ip_country="NG")
    _explain(stage, declined)
    stage.expect("it is declined", holds=declined["status"] == "declined")

    stage.tell("The reviewer knows the customer.")
    path = f"/v1/fraud/reviews/{reviewed['id']}/approve"
    approved = stage.post_as_admin(path, {"reason": "called the customer"})
    stage.expect("approved, it goes on to its authorization and capture", holds=approved["status"] == "captured")


def _explain(stage: Stage, payment: Json) -> None:
    receipt = payment["decision"]
    reasons = ", ".join(f"{rule['name']} +{rule['score']}" for rule in receipt["rules"]) or "no rule fired"
    stage.terminal.print(
        f"    [yellow]score {receipt['score']}[/] = {reasons}; review from {receipt['review_threshold']}, "
        f"decline from {receipt['decline_threshold']}; signals from {receipt['source']}",
        soft_wrap=True,
    )
