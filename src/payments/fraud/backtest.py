"""What another rule set would have decided: the engine itself, on what payments brought and the signals they had.

The thresholds and list matches are those of the receipt, so that a difference comes from the rules alone; a merchant's
country, category, risk level and time zone are those of today.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa

from payments.database import Database
from payments.fraud import backtest_repository as repository
from payments.fraud.engine import decide
from payments.fraud.repository import attempt_of
from payments.fraud.rules import RuleSet
from payments.fraud.schemas import Outcome, Receipt
from payments.fraud.signals import Signals
from shared.ids import show

_PAGE = 200
_EXAMPLES = 5
_SEVERITY: dict[Outcome, int] = {"approve": 0, "review": 1, "decline": 2}


class Terms(msgspec.Struct, frozen=True):
    """A merchant as it is today, with the thresholds of one receipt."""

    id: UUID
    country: str
    category_code: str
    settlement_currency: str
    risk_level: str
    time_zone: str
    fallback_policy: Outcome
    review_threshold: int = 0
    decline_threshold: int = 0


class Comparison:
    """Collects the differences between what was decided and what would be."""

    def __init__(self, rules: RuleSet) -> None:
        """Take the candidate rules."""
        self._rules = rules
        self.compared = 0
        self.left_out = 0
        self._changes: dict[tuple[Outcome, Outcome], dict[str, Any]] = {}
        self._hits = {rule.name: 0 for rule in rules.rules}

    def add(self, row: sa.RowMapping, merchant: Terms) -> None:
        """Decide one stored payment again; one without signals has nothing to be compared by."""
        stored = row["receipt"]
        if stored is None or stored["source"] == "degraded":
            self.left_out += 1
            return
        before = msgspec.convert({name: stored[name] for name in stored if name in Receipt.__struct_fields__}, Receipt)
        terms = msgspec.structs.replace(
            merchant, review_threshold=before.review_threshold, decline_threshold=before.decline_threshold
        )
        signals = Signals.from_grouped(before.signals, before.source)
        after = decide(attempt_of(row), signals, terms, self._rules, before.lists).receipt
        self.compared += 1
        for rule in (*after.rules, *after.shadow):
            self._hits[rule.name] += 1
        if after.outcome != before.outcome:
            self._note(row, before, after)

    def result(self) -> dict[str, Any]:
        """Return the differences, most severe first, with money by currency in minor units."""
        changes = sorted(self._changes.values(), key=lambda each: (_SEVERITY[each["to"]], each["from"]), reverse=True)
        return {
            "payments": self.compared + self.left_out,
            "compared": self.compared,
            "left_out": self.left_out,
            "changed": sum(change["count"] for change in changes),
            "changes": changes,
            "newly_declined": self._money(lambda before, after: after == "decline" != before),
            "newly_approved": self._money(lambda before, after: after == "approve" != before),
            "rules": [{"name": name, "hits": hits} for name, hits in self._hits.items()],
        }

    def _note(self, row: sa.RowMapping, before: Receipt, after: Receipt) -> None:
        change = self._changes.setdefault(
            (before.outcome, after.outcome),
            {"from": before.outcome, "to": after.outcome, "count": 0, "amounts": {}, "examples": []},
        )
        change["count"] += 1
        change["amounts"][row["currency"]] = change["amounts"].get(row["currency"], 0) + row["amount"]
        if len(change["examples"]) < _EXAMPLES:
            change["examples"].append(
                {
                    "payment": show("pay", row["id"]),
                    "amount": row["amount"],
                    "currency": row["currency"],
                    "score_before": before.score,
                    "score_after": after.score,
                    "rules_before": [rule.name for rule in before.rules],
                    "rules_after": [rule.name for rule in after.rules],
                }
            )

    def _money(self, wanted: Callable[[Outcome, Outcome], bool]) -> dict[str, int]:
        total: dict[str, int] = {}
        for (before, after), change in self._changes.items():
            if wanted(before, after):
                for currency, amount in change["amounts"].items():
                    total[currency] = total.get(currency, 0) + amount
        return total


async def backtest(
    database: Database, rules: RuleSet, since: datetime, *, livemode: bool, limit: int | None = None
) -> dict[str, Any]:
    """Replay the payments since a moment, the newest first, at most ``limit`` of them; return the differences."""
    comparison = Comparison(rules)
    merchants: dict[UUID, Terms] = {}
    before: UUID | None = None
    left = limit
    while left is None or left > 0:
        size = _PAGE if left is None else min(_PAGE, left)
        async with database.snapshot() as connection:
            rows = await repository.receipts(connection, since, before, size, livemode=livemode)
            unknown = {row["merchant_id"] for row in rows} - merchants.keys()
            for merchant in await repository.merchants(connection, unknown):
                merchants[merchant["id"]] = msgspec.convert(merchant, Terms)
        for row in rows:
            comparison.add(row, merchants[row["merchant_id"]])
        if len(rows) < size:
            break
        before = rows[-1]["id"]
        left = None if left is None else left - size
    return comparison.result()
