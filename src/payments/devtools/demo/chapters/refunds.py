"""Money back, in parts, and never more than was taken."""

from payments.devtools.demo.stage import APPROVED_CARD, Stage

TITLE = "Refund twice, and once too much"


def play(stage: Stage) -> None:
    """Refund 80.00 of 100.00, then try 30.00 more."""
    payment = stage.pay(10_000, card=stage.tokenize(APPROVED_CARD))
    path = f"/v1/payments/{payment['id']}"
    stage.tell("A refund of a part, then of another one.")
    for amount in (3000, 5000):
        refund = stage.post(f"{path}/refunds", {"amount": amount}, status=201).body
        stage.expect("the refund succeeded", holds=refund["status"] == "succeeded")
    stage.tell("20.00 are left, so 30.00 are refused.")
    refused = stage.post(f"{path}/refunds", {"amount": 3000}, status=422).body
    stage.expect("the error says why", holds=refused["code"] == "amount_too_large")
    stage.expect("and that nothing happened", holds=refused["effect"] == "none")
    stage.expect("80.00 are refunded", holds=stage.get(path)["amount_refunded"] == 8000)  # noqa: PLR2004
