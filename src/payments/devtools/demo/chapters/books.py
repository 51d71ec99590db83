"""Every movement of money is a balanced ledger transaction."""

from collections import defaultdict

from rich.table import Table

from payments.devtools.demo.stage import Stage

TITLE = "The books"


def play(stage: Stage) -> None:
    """Print the trial balance."""
    stage.tell("What the platform owes this merchant, in cents.")
    for balance in stage.get("/v1/balances")["data"]:
        stage.terminal.print(f"  {balance['currency']}: {balance['pending']} pending, {balance['available']} available")
    stage.tell("The administrator's view: all accounts of the test mode.")
    trial_balance = stage.get_as_admin("/v1/ledger/trial_balance?livemode=false")
    table = Table("currency", "account")
    sums: defaultdict[str, int] = defaultdict(int)
    for side in ("debits", "credits"):
        table.add_column(side, justify="right")
    for line in trial_balance["data"]:
        table.add_row(line["currency"], line["account"], f"{line['debits']:,}", f"{line['credits']:,}")
        sums[line["currency"]] += line["debits"] - line["credits"]
    stage.terminal.print(table)
    stage.expect("there is something in the books", holds=bool(sums))
    for currency, difference in sums.items():
        stage.expect(f"debits equal credits in {currency}", holds=difference == 0)
