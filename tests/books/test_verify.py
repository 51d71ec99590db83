"""`payments ledger verify` is green on whatever the service does, and red on every kind of damage."""

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from payments.books.verify import CHECKS, broken, verify
from payments.database import sqlalchemy_url
from tests.books.life import live, settle_some
from tests.support import Platform

pytestmark = pytest.mark.asyncio(loop_scope="module")

# What somebody with every right could do to the data, and which check must notice.
DAMAGE = {
    "balanced": """UPDATE payments.postings SET amount = amount + 1 WHERE (transaction_id, line) IN (
        SELECT p.transaction_id, p.line FROM payments.postings p JOIN payments.ledger_accounts a ON a.id = p.account_id
         WHERE a.kind = 'fx_spread' LIMIT 1)""",
    "accounts": """UPDATE payments.postings SET currency = 'XXX' WHERE (transaction_id, line) IN (
        SELECT p.transaction_id, p.line FROM payments.postings p JOIN payments.ledger_accounts a ON a.id = p.account_id
         WHERE a.kind = 'refunds' LIMIT 1)""",
    "roll-ups": "UPDATE payments.ledger_balances SET amount = amount + 1",
    "payments: holds": "UPDATE payments.payments SET amount = 701, amount_authorized = 701 WHERE amount = 700",
    "payments: captured": "UPDATE payments.payments SET amount_captured = amount_captured - 1 WHERE amount = 2222",
    "payments: refunded": "UPDATE payments.payments SET amount_refunded = 1004 WHERE amount_refunded = 1003",
    "payments: disputed": "UPDATE payments.payments SET amount_disputed = 3999 WHERE amount_disputed = 4000",
    "payments: fees": "UPDATE payments.payments SET fee_charged = fee_charged + 1 WHERE amount = 2222",
    "payments: conversion": "UPDATE payments.payments SET fx_remainder = fx_remainder + 0.0001 WHERE amount = 2224",
    "payments: operations": "UPDATE payments.operations SET amount = 299 WHERE kind = 'refund' AND status = 'unknown'",
    "payments: disputes": "UPDATE payments.disputes SET amount_withheld = 3999 WHERE amount_withheld = 4000",
    "payments: timeline": "UPDATE payments.payments SET status = 'failed' WHERE status = 'declined'",
    "limits": "UPDATE payments.merchant_days SET volume = volume - 1",
    "items": "DELETE FROM payments.settlement_items WHERE amount = 1234",
    "maturities": "UPDATE payments.maturities SET amount = amount + 1 WHERE amount = 1234",
    "available": "UPDATE payments.maturities SET payout_id = NULL WHERE payout_id IS NOT NULL",
    "payouts": "UPDATE payments.payouts SET status = 'pending' WHERE status = 'paid'",
    "reconciliation": "DELETE FROM payments.reconciliation_lines",
    "idempotency": "UPDATE payments.idempotency_keys SET event_id = NULL WHERE path = 'POST /v1/payouts'",
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def books(service: Platform) -> AsyncIterator[AsyncEngine]:
    """Everything has happened; connections as the superuser, whom no trigger stops."""
    await live(service)
    await settle_some(service)
    engine = create_async_engine(sqlalchemy_url(service.database.superuser_url))
    yield engine
    await engine.dispose()


async def test_what_the_service_does_is_right(service: Platform, books: AsyncEngine):
    async with service.container.database.snapshot() as connection:
        findings = await verify(connection)
    assert [(each.check.name, each.differences) for each in broken(findings)] == []
    assert len(findings) == len(CHECKS)


@pytest.mark.parametrize("name", [check.name for check in CHECKS])
async def test_damage_is_found(books: AsyncEngine, name: str):
    async with books.connect() as connection, connection.begin() as transaction:
        await connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
        damaged = await connection.execute(sa.text(DAMAGE[name]))
        assert damaged.rowcount > 0
        red = {each.check.name: each for each in broken(await verify(connection))}
        await transaction.rollback()
    assert name in red
    assert red[name].total >= len(red[name].differences) > 0


async def test_every_check_says_what_it_is_for():
    assert len({check.name for check in CHECKS}) == len(CHECKS)
    for check in CHECKS:
        assert len(check.meaning) > 20
        assert not re.search(r"\b(INSERT|UPDATE|DELETE)\b", check.sql)
