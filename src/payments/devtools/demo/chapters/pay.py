"""From a card number to money on its way."""

from payments.devtools.demo.stage import APPROVED_CARD, Stage

TITLE = "Tokenize a card and pay"


def play(stage: Stage) -> None:
    """Pay 25.00 USD."""
    stage.tell("The card number goes into the vault once; from here on only its token is used.")
    card = stage.tokenize(APPROVED_CARD)
    stage.tell("25.00 USD, authorized and captured in one request. Amounts are integers of the smallest unit.")
    payment = stage.pay(2500, card=card, reference="order-1001")
    stage.expect("the payment is captured in full", holds=_captured(payment, 2500))
    stage.expect("only the last four digits are shown", holds=APPROVED_CARD not in str(payment))


def _captured(payment: dict[str, object], amount: int) -> bool:
    return (payment["status"], payment["amount_captured"]) == ("captured", amount)
