"""A limit that a burst cannot beat."""

from collections import Counter

from payments.devtools.demo.stage import APPROVED_CARD, Stage

TITLE = "A daily limit under a burst"

_PAYMENTS, _AMOUNT, _FITTING = 60, 1000, 10


def play(stage: Stage) -> None:
    """Sixty payments of 10.00 at once against a limit of 100.00 a day: exactly ten fit."""
    stage.hire(name="Pop-up Store", fraud={"review_threshold": 101, "decline_threshold": 101})
    stage.put_as_admin(f"/v1/merchants/{stage.merchant_id}/limits", {"daily_volume": _FITTING * _AMOUNT})
    card = stage.tokenize(APPROVED_CARD)
    stage.tell(f"{_PAYMENTS} payments of 10.00 arrive at the same time.")
    body = {"amount": _AMOUNT, "currency": "USD", "payment_method": card}
    outcomes = Counter(
        payment["decline"]["code"] if payment["decline"] else payment["status"]
        for payment in stage.burst(_PAYMENTS, body)
    )
    stage.terminal.print(f"    [yellow]{', '.join(f'{count} {name}' for name, count in sorted(outcomes.items()))}")
    expected = {"captured": _FITTING, "limit_exceeded": _PAYMENTS - _FITTING}
    stage.expect("exactly ten are captured, the others declined by the limit", holds=outcomes == expected)
