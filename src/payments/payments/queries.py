"""What a merchant can read: payments, refunds, timelines, keys it used. People read payments and timelines of all."""

from collections.abc import Sequence
from operator import itemgetter
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa

from payments.access import merchant_of
from payments.database import Database
from payments.http.lists import Cursor, invalid_query
from payments.http.models import rfc3339
from payments.payments import lookup_repository, repository
from payments.payments.domain import Payment, step
from payments.payments.repository import Filters, Owner
from shared.identity import Identity
from shared.ids import show
from shared.problems import not_found


class Queries:
    """The read side of payments."""

    def __init__(self, database: Database) -> None:
        """Read from one database."""
        self._database = database

    async def payment(self, caller: Identity, payment_id: UUID) -> bytes:
        """Return a payment as JSON."""
        return _shown(caller, await self._payment(caller, payment_id))

    async def timeline(self, caller: Identity, payment_id: UUID) -> dict[str, Any]:
        """Return every change of a payment and every look-up at its acquirer, oldest first."""
        async with self._database.snapshot() as connection:
            payment = await repository.get_payment(connection, _viewer(caller), payment_id)
            asked = await lookup_repository.steps(connection, payment_id)
        if payment is None:
            raise not_found("payment")
        steps = [(number, 0, change | {"answer": None}) for number, change in enumerate(payment.timeline, 1)]
        steps += [(row["after"], 1, _lookup(row)) for row in asked]
        data = [shown for _, _, shown in sorted(steps, key=itemgetter(0, 1))]
        return {"livemode": payment.livemode, "payment": show("pay", payment.id), "data": data}

    async def payments(
        self, caller: Identity, place: Cursor, filters: Filters, *, livemode: bool
    ) -> Sequence[msgspec.Raw]:
        """Return up to ``limit + 1`` payments as JSON, newest first; a person chooses the mode, a key has one.

        Raises:
            Problem: 422 for a person's filter that would have to look at every payment there is.

        """
        narrowed = filters._replace(status=None) != Filters()
        if caller.kind == "person" and filters.merchant_id is None and narrowed:
            raise invalid_query(
                "merchant", "Without a merchant, people can filter by status only; send merchant as well"
            )
        async with self._database.snapshot() as connection:
            found = await repository.list_payments(connection, _viewer(caller, livemode=livemode), place, filters)
        return [msgspec.Raw(_shown(caller, payment)) for payment in found]

    async def refund(self, caller: Identity, refund_id: UUID) -> bytes:
        """Return a refund as JSON."""
        async with self._database.snapshot() as connection:
            found = await repository.get_refund(connection, _owner(caller), refund_id)
        if found is None:
            raise not_found("refund")
        return found.show_refund()

    async def refunds(
        self, caller: Identity, place: Cursor, payment_id: UUID | None, status: str | None
    ) -> Sequence[msgspec.Raw]:
        """Return up to ``limit + 1`` refunds as JSON, newest first."""
        async with self._database.snapshot() as connection:
            found = await repository.list_refunds(connection, _owner(caller), place, payment_id, status)
        return [msgspec.Raw(refund.show_refund()) for refund in found]

    async def idempotency_key(self, caller: Identity, key: str) -> dict[str, Any]:
        """Return every use of a key, so that a client whose request timed out learns what happened."""
        async with self._database.snapshot() as connection:
            rows = await repository.find_key(connection, _owner(caller), key)
        if not rows:
            raise not_found("idempotency key")
        return {
            "key": key,
            "livemode": caller.livemode,
            "data": [
                {
                    "method": row["path"].partition(" ")[0],
                    "path": row["path"].partition(" ")[2],
                    "status": "in_flight" if row["event_id"] is None else "completed",
                    "status_code": row["status_code"],
                    "resource": _resource(row["path"], row["resource_id"]),
                    "created_at": rfc3339(row["created_at"]),
                }
                for row in rows
            ],
        }

    async def _payment(self, caller: Identity, payment_id: UUID) -> Payment:
        async with self._database.snapshot() as connection:
            found = await repository.get_payment(connection, _viewer(caller), payment_id)
        if found is None:
            raise not_found("payment")
        return found


def _lookup(row: sa.RowMapping) -> dict[str, Any]:
    found = step(row["status"], row["status"], "lookup", row["answered_at"], row["operation"])
    return found | {"answer": row["answer"]}


def _owner(caller: Identity) -> Owner:
    return Owner(merchant_of(caller), caller.livemode)


def _viewer(caller: Identity, *, livemode: bool | None = None) -> Owner:
    """Return what a caller sees; people see everybody's."""
    return Owner(None, livemode) if caller.kind == "person" else _owner(caller)


def _shown(caller: Identity, payment: Payment) -> bytes:
    return payment.show_to_people() if caller.kind == "person" else payment.show()


def _resource(path: str, resource_id: UUID) -> str:
    last = path.rpartition("/")[2]
    return show(
        {"payments": "pay", "refunds": "ref", "capture": "cap", "void": "voi", "payouts": "po"}[last], resource_id
    )
