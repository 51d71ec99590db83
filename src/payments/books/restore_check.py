"""Looks at a restored copy before anybody trusts it: is it whole, does it balance, how far does it reach?"""

from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from payments.books.verify import Finding, verify
from payments.database import Database
from payments.ledger.service import Ledger


class Totals(NamedTuple):
    """Debits and credits of one mode and currency."""

    mode: str
    currency: str
    debits: int
    credits: int


class Restored(NamedTuple):
    """What a copy holds."""

    revision: str
    payments: int
    newest: datetime | None
    """When the newest payment was made: what came later is lost."""
    totals: list[Totals]
    findings: list[Finding]

    def problems(self, wanted: str) -> list[str]:
        """Return in words why this release cannot trust the copy; nothing, if it can."""
        found = []
        # Migrations only expand, so a later schema will do.
        if self.revision < wanted:
            found.append(
                f"its schema is {self.revision or 'empty'}, and this release needs {wanted}: check with the release "
                "that wrote it, or migrate the copy first"
            )
        if not self.totals:
            found.append("it holds no postings: an empty database balances, and proves nothing")
        found += [
            f"{each.mode} {each.currency}: debits {each.debits}, credits {each.credits}"
            for each in self.totals
            if each.debits != each.credits
        ]
        return found + [f"{each.check.name}: {each.total} differences" for each in self.findings if each.total]


async def look(database: Database) -> Restored:
    """Read a copy; nobody writes to it, so it need not be read at one moment."""
    async with database.snapshot() as connection:
        revision = await connection.execute(sa.text("SELECT version_num FROM payments.alembic_version"))
        found = await connection.execute(sa.text("SELECT count(*), max(created_at) FROM payments.payments"))
        payments, newest = found.one()
        findings = await verify(connection)
        schema = revision.scalar() or ""
    ledger = Ledger(database)
    balances = [await ledger.trial_balance(livemode=livemode) for livemode in (True, False)]
    return Restored(schema, payments, newest, [each for balance in balances for each in _totals(balance)], findings)


def _totals(balance: dict[str, Any]) -> list[Totals]:
    """Return the sums of a trial balance's currencies."""
    lines = balance["data"]
    return [
        Totals(
            "live" if balance["livemode"] else "test",
            currency,
            sum(line["debits"] for line in lines if line["currency"] == currency),
            sum(line["credits"] for line in lines if line["currency"] == currency),
        )
        for currency in sorted({line["currency"] for line in lines})
    ]
