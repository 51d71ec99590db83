"""The vault's SQL."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from payments.http.lists import Cursor
from payments.vault.envelope import Sealed
from payments.vault.models import cards, payment_methods

_KEPT = payment_methods.c.deleted_at.is_(None)


async def insert(connection: AsyncConnection, method: Mapping[str, Any], sealed: Sealed) -> sa.RowMapping:
    """Store a payment method and its encrypted card; return the payment method's row."""
    created = sa.insert(payment_methods).values(method).returning(payment_methods)
    row: sa.RowMapping = (await connection.execute(created)).mappings().one()
    card = {"payment_method_id": row["id"], "merchant_id": row["merchant_id"], **_columns(sealed)}
    await connection.execute(sa.insert(cards).values(card))
    return row


async def find(
    connection: AsyncConnection, payment_method_id: UUID, merchant_id: UUID, *, livemode: bool
) -> sa.RowMapping | None:
    """Return a payment method that belongs to the merchant in this mode and is not deleted."""
    query = sa.select(payment_methods).where(_owned(payment_method_id, merchant_id, livemode=livemode))
    return (await connection.execute(query)).mappings().one_or_none()


async def find_many(connection: AsyncConnection, ids: Sequence[UUID]) -> Sequence[sa.RowMapping]:
    """Return the payment methods with these ids that are not deleted, whoever owns them."""
    query = sa.select(payment_methods).where(payment_methods.c.id == sa.any_(sa.literal(ids, sa.ARRAY(sa.Uuid))), _KEPT)
    return (await connection.execute(query)).mappings().all()


async def page(
    connection: AsyncConnection, merchant_id: UUID, place: Cursor, *, livemode: bool
) -> Sequence[sa.RowMapping]:
    """Return up to ``limit + 1`` payment methods that are not deleted, newest first."""
    query = sa.select(payment_methods).where(
        payment_methods.c.merchant_id == merchant_id, payment_methods.c.livemode == livemode, _KEPT
    )
    if place.ending_before is not None:
        nearest = query.where(payment_methods.c.id > place.ending_before).order_by(payment_methods.c.id)
        inner = nearest.limit(place.limit + 1).subquery()
        query = sa.select(inner).order_by(inner.c.id.desc())
    else:
        if place.starting_after is not None:
            query = query.where(payment_methods.c.id < place.starting_after)
        query = query.order_by(payment_methods.c.id.desc()).limit(place.limit + 1)
    return (await connection.execute(query)).mappings().all()


async def delete(connection: AsyncConnection, payment_method_id: UUID, merchant_id: UUID, *, livemode: bool) -> bool:
    """Mark a payment method deleted, forget the cardholder and destroy the ciphertext; return whether there was one."""
    marked = (
        sa.update(payment_methods)
        .where(_owned(payment_method_id, merchant_id, livemode=livemode))
        .values(deleted_at=sa.func.now(), cardholder_name=None)
    )
    if (await connection.execute(marked)).rowcount == 0:
        return False
    await connection.execute(sa.delete(cards).where(cards.c.payment_method_id == payment_method_id))
    return True


async def sealed_card(connection: AsyncConnection, payment_method_id: UUID, merchant_id: UUID) -> Sealed | None:
    """Return the encrypted card, if it still exists."""
    query = sa.select(cards).where(cards.c.payment_method_id == payment_method_id, cards.c.merchant_id == merchant_id)
    row = (await connection.execute(query)).mappings().one_or_none()
    return None if row is None else sealed_of(row)


async def cards_per_key(connection: AsyncConnection) -> dict[str, int]:
    """Return how many cards each key has encrypted."""
    query = sa.select(cards.c.key_id, sa.func.count().label("cards")).group_by(cards.c.key_id).order_by(cards.c.key_id)
    return {row.key_id: row.cards for row in await connection.execute(query)}


async def cards_under_key(
    connection: AsyncConnection, key_id: str, *, after: UUID, limit: int
) -> Sequence[sa.RowMapping]:
    """Return encrypted cards of one key in the order of their ids."""
    query = (
        sa.select(cards)
        .where(cards.c.key_id == key_id, cards.c.payment_method_id > after)
        .order_by(cards.c.payment_method_id)
        .limit(limit)
    )
    return (await connection.execute(query)).mappings().all()


async def replace(connection: AsyncConnection, payment_method_id: UUID, old: Sealed, new: Sealed) -> bool:
    """Put one encryption of a card in the place of another.

    Returns false, and changes nothing, if the card was deleted or encrypted again in the meantime: a deleted card never
    comes back. A nonce is drawn for each encryption, so it tells one from another.
    """
    change = (
        sa.update(cards)
        .where(cards.c.payment_method_id == payment_method_id, cards.c.nonce == old.nonce)
        .values(encrypted_at=sa.func.now(), **_columns(new))
    )
    return (await connection.execute(change)).rowcount == 1


def sealed_of(row: sa.RowMapping) -> Sealed:
    """Return the encrypted record of a row of ``vault.cards``."""
    return Sealed(row["key_id"], row["wrapped_key"], row["nonce"], row["ciphertext"])


def _columns(sealed: Sealed) -> dict[str, Any]:
    return {
        "key_id": sealed.key_id,
        "wrapped_key": sealed.wrapped_key,
        "nonce": sealed.nonce,
        "ciphertext": sealed.ciphertext,
    }


def _owned(payment_method_id: UUID, merchant_id: UUID, *, livemode: bool) -> sa.ColumnElement[bool]:
    return sa.and_(
        payment_methods.c.id == payment_method_id,
        payment_methods.c.merchant_id == merchant_id,
        payment_methods.c.livemode == livemode,
        _KEPT,
    )
