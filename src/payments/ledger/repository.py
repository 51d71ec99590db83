"""The ledger's SQL: accounts, balances, roll-ups, and the postings of whatever is not the payments' write path."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import aggregate_order_by, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from payments.ledger.models import accounts, balances, postings, transactions, watermark


async def open_accounts(connection: AsyncConnection, rows: Sequence[dict[str, Any]]) -> None:
    """Create accounts that do not exist yet; safe to run by anyone at any time."""
    await connection.execute(insert(accounts).on_conflict_do_nothing(), rows)


async def account_ids(
    connection: AsyncConnection, owners: Sequence[UUID], currency: str, *, livemode: bool
) -> Sequence[sa.RowMapping]:
    """Return (id, merchant_id, kind) of the owners' accounts in one currency and mode."""
    query = sa.select(accounts.c.id, accounts.c.merchant_id, accounts.c.kind).where(
        accounts.c.merchant_id.in_(owners), accounts.c.currency == currency, accounts.c.livemode == livemode
    )
    return (await connection.execute(query)).mappings().all()


async def insert_transaction(
    connection: AsyncConnection, transaction: dict[str, Any], lines: Sequence[dict[str, Any]]
) -> None:
    """Write one transaction; its postings in one statement, which the database checks as a whole."""
    await connection.execute(sa.insert(transactions).values(transaction))
    await connection.execute(sa.insert(postings).values(list(lines)))


def _balance() -> sa.ColumnElement[Any]:
    """Return the balance of an account: what is rolled up plus the postings from the watermark on."""
    tail = (
        sa.select(sa.func.sum(postings.c.amount))
        .where(postings.c.account_id == accounts.c.id, postings.c.xact >= sa.select(watermark.c.xact).scalar_subquery())
        .scalar_subquery()
    )
    rolled = sa.select(balances.c.amount).where(balances.c.account_id == accounts.c.id).scalar_subquery()
    return (sa.func.coalesce(rolled, 0) + sa.func.coalesce(tail, 0)).label("balance")


async def merchant_balances(
    connection: AsyncConnection, merchant_id: UUID, kinds: Sequence[str], *, livemode: bool
) -> Sequence[sa.RowMapping]:
    """Return (kind, currency, balance), in one statement and so of one moment."""
    query = (
        sa.select(accounts.c.kind, accounts.c.currency, _balance())
        .where(accounts.c.merchant_id == merchant_id, accounts.c.livemode == livemode, accounts.c.kind.in_(kinds))
        .order_by(accounts.c.currency, accounts.c.kind)
    )
    return (await connection.execute(query)).mappings().all()


async def trial_balance(connection: AsyncConnection, *, livemode: bool) -> Sequence[sa.RowMapping]:
    """Return (currency, kind, debits, credits) over all accounts of a mode, by their balances."""
    each = sa.select(accounts.c.currency, accounts.c.kind, _balance()).where(accounts.c.livemode == livemode).subquery()
    query = (
        sa.select(
            each.c.currency,
            each.c.kind,
            sa.func.sum(sa.func.greatest(each.c.balance, 0)).label("debits"),
            sa.func.sum(sa.func.greatest(-each.c.balance, 0)).label("credits"),
        )
        .group_by(each.c.currency, each.c.kind)
        .having(sa.func.count().filter(each.c.balance != 0) > 0)
        .order_by(each.c.currency, each.c.kind)
    )
    return (await connection.execute(query)).mappings().all()


async def list_transactions(
    connection: AsyncConnection,
    merchant_id: UUID | None,
    *,
    livemode: bool | None,
    limit: int,
    starting_after: UUID | None,
    ending_before: UUID | None,
    payment_id: UUID | None,
) -> Sequence[sa.RowMapping]:
    """Return a page of transactions, newest first, each with its postings as JSON; none is any merchant or mode."""
    lines = (
        sa.select(
            sa.func.json_agg(
                aggregate_order_by(
                    sa.func.json_build_object(
                        "account", accounts.c.kind, "currency", postings.c.currency, "amount", postings.c.amount
                    ),
                    postings.c.line,
                )
            )
        )
        .where(postings.c.transaction_id == transactions.c.id, accounts.c.id == postings.c.account_id)
        .scalar_subquery()
        .label("postings")
    )
    query = sa.select(transactions, lines)
    if merchant_id is not None:
        query = query.where(transactions.c.merchant_id == merchant_id)
    if livemode is not None:
        query = query.where(transactions.c.livemode == livemode)
    if payment_id is not None:
        query = query.where(transactions.c.payment_id == payment_id)
    if ending_before is not None:
        inner = query.where(transactions.c.id > ending_before).order_by(transactions.c.id).limit(limit).subquery()
        query = sa.select(inner).order_by(inner.c.id.desc())
    else:
        if starting_after is not None:
            query = query.where(transactions.c.id < starting_after)
        query = query.order_by(transactions.c.id.desc()).limit(limit)
    return (await connection.execute(query)).mappings().all()


async def roll_up(connection: AsyncConnection) -> int:
    """Fold the postings of completed transactions into the balances; return how many accounts changed.

    Everything below the oldest running transaction is complete, so nothing that commits late is skipped. The lock on
    the watermark's row keeps two workers from folding the same postings.
    """
    since = await connection.scalar(sa.select(watermark.c.xact).with_for_update())
    until = await connection.scalar(sa.text("SELECT payments.oldest_running_xact()"))
    if until is None or since is None or until <= since:
        return 0
    added = (
        sa.select(postings.c.account_id, sa.func.sum(postings.c.amount))
        .where(postings.c.xact >= since, postings.c.xact < until)
        .group_by(postings.c.account_id)
    )
    statement = insert(balances).from_select(["account_id", "amount"], added)
    statement = statement.on_conflict_do_update(
        index_elements=[balances.c.account_id], set_={"amount": balances.c.amount + statement.excluded.amount}
    )
    changed = (await connection.execute(statement.returning(balances.c.account_id))).all()
    await connection.execute(sa.update(watermark).values(xact=until))
    return len(changed)
