"""Reconciles a settlement file: matches each line, posts what reached our bank, and puts differences aside.

A file is one transaction: all of it is reconciled or nothing, and doing it again changes nothing. Before that, it is
evidence: an outcome that is unknown here and settled there has happened.
"""

import logging
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from payments.database import Database
from payments.http.lists import Cursor
from payments.http.models import rfc3339
from payments.ledger.entries import AccountKind, Entry, Line
from payments.ledger.service import PLATFORM, Ledger
from payments.payments.service import Evidence
from payments.reconciliation import repository
from payments.reconciliation.repository import Scope
from payments.reconciliation.settlement_file import SettlementFile, SettlementFileError, SettlementLine
from shared.ids import new_uuid, show
from shared.problems import Problem, not_found

_log = logging.getLogger(__name__)

# Differences that a report lists; all of them are counted, and every line is stored.
_LISTED = 1_000
# Where it was expected from, or to.
_CONTROL: dict[str, AccountKind] = {
    "capture": "acquirer_receivable",
    "refund": "refunds",
    "dispute": "chargebacks",
    "dispute_reversal": "chargebacks",
}


class Reconciliation:
    """Compares acquirers' files with our books."""

    def __init__(self, database: Database, ledger: Ledger, evidence: Evidence) -> None:
        """Take the collaborators; ``evidence`` ends what is unknown."""
        self._database = database
        self._ledger = ledger
        self._evidence = evidence

    async def reconcile(self, file: SettlementFile) -> dict[str, Any]:
        """Reconcile a file and return the report; for a file that was reconciled before, the report of then.

        Raises:
            SettlementFileError: another file has the same settlement id.

        """
        scope = Scope(file.acquirer, file.livemode)
        resolved = await self._resolve(scope, file)
        async with self._database.transaction() as connection:
            await repository.lock(connection, scope)
            known = await repository.find_file(connection, scope, file.settlement_id)
            if known is not None:
                if bytes(known["sha256"]) != file.sha256:
                    raise SettlementFileError(f"another file was reconciled as {file.settlement_id} already")
                return _shown(known) | {"repeated": True}
            stored = await self._match(connection, scope, file)
            here = {(line["type"], line["key"]) for line in stored if line["result"] != "extra"}
            unsettled = await repository.unsettled(connection, scope, file.covers_until)
            missing = [row for row in unsettled if (row["type"], row["key"]) not in here]
            values = {
                "id": new_uuid(),
                **scope._asdict(),
                "settlement_id": file.settlement_id,
                "sha256": file.sha256,
                "covers_until": file.covers_until,
                "report": _report(file, stored, resolved, missing),
            }
            row = await repository.insert_file(connection, values, stored)
        return _shown(row) | {"repeated": False}

    async def _resolve(self, scope: Scope, file: SettlementFile) -> int:
        async with self._database.snapshot() as connection:
            waiting = await repository.waiting(connection, scope, file.lines)
        references = {line.line: line.reference for line in file.lines}
        resolved = 0
        for row in waiting:
            try:
                await self._evidence.settled(row["payment_id"], row["operation_id"], references[row["line"]])
                resolved += 1
            except Problem as problem:
                _log.info("line %d ends nothing: %s", row["line"], problem)  # a callback or recovery was faster
        return resolved

    async def _match(self, connection: AsyncConnection, scope: Scope, file: SettlementFile) -> list[dict[str, Any]]:
        expected = await repository.expected(connection, scope, file.lines)
        seen: set[tuple[str, str]] = set()
        groups: defaultdict[tuple[UUID, str], list[tuple[SettlementLine, Any]]] = defaultdict(list)
        for line in sorted(file.lines, key=lambda each: each.line):
            known = None if (line.type, line.key) in seen else expected.get(line.line)
            seen.add((line.type, line.key))
            groups[known["merchant_id"] if known is not None else PLATFORM, line.currency].append((line, known))
        stored = []
        for (merchant_id, currency), lines in sorted(groups.items()):
            entry = _entry(currency, lines)
            transaction_id = None
            if entry.lines:  # unknown lines may cancel each other out
                transaction_id = await self._ledger.post(
                    connection, entry, merchant_id=merchant_id, livemode=scope.livemode, operation=file.settlement_id
                )
            stored += [_stored(line, known, transaction_id) for line, known in lines]
        return stored

    async def differences(self) -> dict[str, int]:
        """Return how many differences the latest file of each acquirer and mode showed, by kind."""
        async with self._database.snapshot() as connection:
            return await repository.differences(connection)

    async def list(self, place: Cursor) -> Sequence[dict[str, Any]]:
        """Return up to ``limit + 1`` reports, newest first."""
        async with self._database.snapshot() as connection:
            return [_shown(row) for row in await repository.page(connection, place)]

    async def get(self, file_id: UUID) -> dict[str, Any]:
        """Return a report; raises 404 when there is none."""
        async with self._database.snapshot() as connection:
            row = await repository.find(connection, file_id)
        if row is None:
            raise not_found("reconciliation")
        return _shown(row)


def _entry(currency: str, lines: Sequence[tuple[SettlementLine, Any]]) -> Entry:
    """Return what one merchant's lines post: what reached the bank, the fees, what was expected, and the difference."""
    total: Counter[AccountKind] = Counter()
    for line, known in lines:
        expected = known["expected"] if known is not None else 0
        total["platform_bank"] += line.sign * line.amount - line.fee
        total["acquirer_fees"] += line.fee
        total[_CONTROL[line.type]] -= line.sign * expected
        total["suspense"] -= line.sign * (line.amount - expected)
    return Entry("settlement", currency, tuple(Line(account, amount) for account, amount in total.items() if amount))


def _stored(line: SettlementLine, known: Any, transaction_id: UUID | None) -> dict[str, Any]:  # noqa: ANN401 - a row
    result = "extra" if known is None else "matched" if known["expected"] == line.amount else "amount_differs"
    return line.model_dump(mode="json", exclude={"settlement_id", "livemode", "covers_until"}) | {
        "result": result,
        "expected": None if known is None else known["expected"],
        "payment_id": None if known is None else known["payment_id"],
        "transaction_id": transaction_id,
    }


def _report(
    file: SettlementFile, stored: Sequence[dict[str, Any]], resolved: int, missing: Sequence[Any]
) -> dict[str, Any]:
    net: Counter[str] = Counter()
    for line in file.lines:
        net[line.currency] += line.sign * line.amount - line.fee
    counts = Counter(line["result"] for line in stored)
    return {
        "lines": len(stored),
        "matched": counts["matched"],
        "amount_differs": counts["amount_differs"],
        "extra": counts["extra"],
        "missing": len(missing),
        "resolved": resolved,
        "net": dict(sorted(net.items())),
        "differences": [
            {
                "result": line["result"],
                "line": line["line"],
                "type": line["type"],
                "key": line["key"],
                "amount": line["amount"],
                "expected": line["expected"],
                "currency": line["currency"],
                "payment": show("pay", line["payment_id"]) if line["payment_id"] else None,
            }
            for line in stored
            if line["result"] != "matched"
        ][:_LISTED]
        + [
            {
                "result": "missing",
                "line": None,
                "type": row["type"],
                "key": row["key"],
                "amount": None,
                "expected": row["amount"],
                "currency": row["currency"],
                "payment": show("pay", row["payment_id"]),
            }
            for row in missing[:_LISTED]
        ],
    }


def _shown(row: Any) -> dict[str, Any]:  # noqa: ANN401 - a row
    return {
        "id": show("rec", row["id"]),
        "object": "reconciliation",
        "livemode": row["livemode"],
        "acquirer": row["acquirer"],
        "settlement_id": row["settlement_id"],
        "covers_until": rfc3339(row["covers_until"]),
        **row["report"],
        "created_at": rfc3339(row["created_at"]),
    }
