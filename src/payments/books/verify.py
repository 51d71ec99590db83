"""Recomputes everything from postings and states, in one snapshot, and tells what differs."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from payments.books.check import Check
from payments.books.ledger_checks import LEDGER_CHECKS
from payments.books.payment_checks import PAYMENT_CHECKS
from payments.books.settlement_checks import SETTLEMENT_CHECKS
from payments.money import EXPONENTS

CHECKS: tuple[Check, ...] = (*LEDGER_CHECKS, *PAYMENT_CHECKS, *SETTLEMENT_CHECKS)

# Differences of one check that are shown; all of them are counted.
_SHOWN = 20


class Finding(NamedTuple):
    """What one check found: nothing, when the invariant holds."""

    check: Check
    total: int
    differences: list[dict[str, Any]]


async def verify(connection: AsyncConnection) -> list[Finding]:
    """Run every check on a connection that reads one moment."""
    # These read whole tables; what bounds requests would only keep a large installation from being verified.
    await connection.execute(sa.text("SET LOCAL statement_timeout = 0"))
    return [await _run(connection, check) for check in CHECKS]


def broken(findings: list[Finding]) -> Iterator[Finding]:
    """Yield the checks that found a difference."""
    return (finding for finding in findings if finding.total)


async def _run(connection: AsyncConnection, check: Check) -> Finding:
    statement = sa.text(f"SELECT count(*) OVER () AS found, * FROM ({check.sql}) differences LIMIT {_SHOWN}")  # noqa: S608 - both are constants
    parameters = {"exponents": json.dumps(EXPONENTS)} if ":exponents" in check.sql else {}
    rows = [dict(row) for row in (await connection.execute(statement, parameters)).mappings()]
    return Finding(check, rows[0]["found"] if rows else 0, [_without_count(row) for row in rows])


def _without_count(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "found"}
