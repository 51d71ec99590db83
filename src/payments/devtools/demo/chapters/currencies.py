"""A payment in EUR that settles in USD, with every cent explained."""

from payments.devtools.demo.stage import APPROVED_CARD, Stage

TITLE = "Paid in EUR, settled in USD"


def play(stage: Stage) -> None:
    """Pay 49.99 EUR, follow it through the books, and refund a part of it at the same rate."""
    stage.hire()
    card = stage.tokenize(APPROVED_CARD)
    payment = stage.pay(4999, card=card, currency="EUR")
    _explain(stage, payment["settlement"])
    transactions = stage.get(f"/v1/ledger/transactions?payment={payment['id']}")["data"]
    for transaction in reversed(transactions):
        for posting in transaction["postings"]:
            side = "Dr" if posting["amount"] > 0 else "Cr"
            stage.terminal.print(
                f"    {transaction['kind']:<11} {side} {posting['account']:<20} "
                f"{abs(posting['amount']):>6} {posting['currency']}"
            )
    sums: dict[str, int] = {}
    for posting in (posting for transaction in transactions for posting in transaction["postings"]):
        sums[posting["currency"]] = sums.get(posting["currency"], 0) + posting["amount"]
    stage.expect("debits equal credits in both currencies", holds=sums == {"EUR": 0, "USD": 0})

    stage.tell("20.00 EUR go back, at the rate of the payment whatever today's is.")
    stage.post(f"/v1/payments/{payment['id']}/refunds", {"amount": 2000}, status=201)
    settlement = stage.get(f"/v1/payments/{payment['id']}")["settlement"]
    _explain(stage, settlement)
    balance = next(row for row in stage.get("/v1/balances")["data"] if row["currency"] == "USD")
    stage.expect("what the platform owes is what the payment says", holds=balance["pending"] == settlement["net"])


def _explain(stage: Stage, settlement: dict[str, str | int]) -> None:
    names = ("gross", "spread", "fee", "refunded", "net")
    gross, spread, fee, refunded, net = (int(settlement[name]) for name in names)
    rate = f"[yellow]mid rate {settlement['mid_rate']}[/] ({settlement['rate_source']})"
    sums = f"gross {gross} = spread {spread} + fee {fee} + refunded {refunded} + net {net} US cents"
    left = f"{settlement['remainder']} of a cent left by rounding"
    stage.terminal.print(f"    {rate}: {sums}; {left}", soft_wrap=True)
    stage.expect("every cent is explained", holds=gross == spread + fee + refunded + net)
