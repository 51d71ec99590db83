"""Authorize now, take the money when the goods leave."""

from payments.devtools.demo.stage import APPROVED_CARD, Stage

TITLE = "Authorize, then capture a part"


def play(stage: Stage) -> None:
    """Hold 100.00, take 60.00, release the rest."""
    stage.tell("A manual capture only holds the amount on the card.")
    payment = stage.pay(10_000, card=stage.tokenize(APPROVED_CARD), capture_method="manual")
    stage.expect("100.00 are held, nothing is captured", holds=_amounts(payment) == ("authorized", 10_000, 0))
    stage.tell("Two of three items are in stock: 60.00 are taken, and the remaining hold is released.")
    path = f"/v1/payments/{payment['id']}/capture"
    captured = stage.post(path, {"amount": 6000}, status=200).body
    stage.expect("60.00 are captured", holds=_amounts(captured) == ("captured", 10_000, 6000))
    stage.tell("What was released cannot be captured any more.")
    stage.post(path, {"amount": 4000}, status=409)


def _amounts(payment: dict[str, object]) -> tuple[object, ...]:
    return payment["status"], payment["amount_authorized"], payment["amount_captured"]
