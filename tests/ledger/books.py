"""Ledger accounts and postings without the service, as the application's role."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

import psycopg

from shared.ids import new_uuid

OPEN = """
INSERT INTO payments.ledger_accounts (merchant_id, livemode, kind, currency) VALUES (%s, %s, %s, %s) RETURNING id
"""
TRANSACTION = "INSERT INTO payments.ledger_transactions (id, merchant_id, livemode, kind) VALUES (%s, %s, %s, 'test')"
POSTINGS = """
INSERT INTO payments.postings (transaction_id, line, account_id, currency, amount)
SELECT * FROM unnest(%s::uuid[], %s::smallint[], %s::bigint[], %s::text[], %s::bigint[])
"""


class Line(NamedTuple):
    """One posting to be."""

    account: int
    amount: int
    currency: str = "EUR"


def columns(transaction: UUID, lines: Sequence[Line], first: int = 0) -> list[list[Any]]:
    """The lines of a transaction as the arrays that `POSTINGS` takes."""
    return [
        [transaction] * len(lines),
        list(range(first, first + len(lines))),
        [line.account for line in lines],
        [line.currency for line in lines],
        [line.amount for line in lines],
    ]


class Books:
    """Accounts of a merchant of their own."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection
        self.merchant = new_uuid()

    def account(self, kind: str = "suspense", currency: str = "EUR", *, livemode: bool = False) -> int:
        row = self.connection.execute(OPEN, [self.merchant, livemode, kind, currency]).fetchone()
        assert row is not None
        identity: int = row[0]
        return identity

    def begin(self, *, livemode: bool = False) -> UUID:
        """Open a transaction of the ledger, still without postings."""
        transaction = new_uuid()
        self.connection.execute(TRANSACTION, [transaction, self.merchant, livemode])
        return transaction

    def post(self, *lines: Line, livemode: bool = False) -> UUID:
        """Write one ledger transaction."""
        transaction = self.begin(livemode=livemode)
        self.connection.execute(POSTINGS, columns(transaction, lines))
        return transaction
