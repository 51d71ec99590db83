"""A card that the bank refuses."""

from payments.devtools.demo.stage import Stage

TITLE = "A declined card"

_NO_FUNDS = "4000000000009995"


def play(stage: Stage) -> None:
    """Try to pay without funds."""
    stage.tell("A declined payment is a created payment: 201, and the reason is in the body.")
    payment = stage.pay(2500, card=stage.tokenize(_NO_FUNDS))
    stage.expect("the payment is declined", holds=payment["status"] == "declined")
    stage.expect("for want of funds", holds=payment["decline"]["code"] == "insufficient_funds")
    stage.expect("and nothing was captured", holds=payment["amount_captured"] == 0)
