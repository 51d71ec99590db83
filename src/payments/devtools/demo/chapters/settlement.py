"""From captured to paid out, a dispute that is lost, and a statement that explains both."""

from datetime import UTC, datetime, timedelta

from payments.devtools.demo.stage import APPROVED_CARD, Stage

TITLE = "Paid out, disputed, stated"
DISPUTED_CARD = "4000000000000259"


def play(stage: Stage) -> None:
    """Pay out what is captured, lose a dispute, and read the statement of it all."""
    stage.hire(fee={"basis_points": 290, "fixed": 30, "dispute": 1500}, payouts={"delay_days": 0, "schedule": "manual"})
    stage.tell("This merchant's money is available at once. A payment of 100.00, 20.00 of it refunded:")
    payment = stage.pay(10_000, card=stage.tokenize(APPROVED_CARD))
    stage.post(f"/v1/payments/{payment['id']}/refunds", {"amount": 2_000}, status=201)
    payout = stage.post("/v1/payouts", {}, status=201).body
    items = stage.get(f"/v1/payouts/{payout['id']}/items")["data"]
    stage.expect(
        f"the payout of {payout['amount']} cents is the sum of its {len(items)} items",
        holds=payout["amount"] == sum(item["amount"] for item in items) == 10_000 - 320 - 2_000,
    )
    paid = stage.wait_for(f"/v1/payouts/{payout['id']}", lambda answer: answer["status"] != "pending")
    stage.expect("the sandbox's rail paid it (no bank is connected)", holds=paid["status"] == "paid")

    stage.tell("A cardholder disputes 50.00: the bank takes them back at once, and the platform charges 15.00.")
    stage.pay(5_000, card=stage.tokenize(DISPUTED_CARD))
    [dispute] = stage.wait_for("/v1/disputes", lambda answer: bool(answer["data"]))["data"]
    stage.expect("it is withheld while the merchant may answer", holds=dispute["amount_withheld"] == dispute["amount"])
    lost = stage.post(f"/v1/disputes/{dispute['id']}/accept", {}, status=200).body
    stage.expect("the merchant gives in and loses it", holds=lost["status"] == "lost")
    stage.post("/v1/payouts", {}, status=422)

    stage.tell("The statement: what was owed, everything that changed it, what is owed now.")
    today = datetime.now(UTC).date()
    statement = stage.get(f"/v1/statements?from={today - timedelta(days=1)}&until={today}")
    for total in statement["totals"]:
        stage.terminal.print(f"    {total['kind']:<12} {total['count']:>3} {total['amount']:>8} cents")
    moved = sum(total["amount"] for total in statement["totals"])
    stage.expect(
        f"opening {statement['opening']} and every movement make the closing {statement['closing']}",
        holds=statement["opening"] + moved == statement["closing"] == -175 - 1_500,
    )
    stage.expect("what the merchant owes is carried, and pays nothing", holds=statement["closing"] < 0)
