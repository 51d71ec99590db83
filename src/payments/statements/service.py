"""Statements: computed when they are asked for, in one snapshot, from the ledger alone."""

from collections.abc import AsyncIterator, Callable
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from payments.database import Database
from payments.http.lists import invalid_query
from payments.http.models import rfc3339
from payments.merchants.service import Merchants
from payments.statements import repository
from payments.statements.repository import Period
from shared.identity import Identity
from shared.ids import show

CSV_PATH = "/v1/statements.csv"
_LONGEST = timedelta(days=366)
# Beyond any clock's error: whatever is booked is booked before then.
_LATER = timedelta(days=2)


class Statements:
    """One statement per merchant, mode, currency and period of the merchant's own days."""

    def __init__(self, database: Database, merchants: Merchants, clock: Callable[[], datetime]) -> None:
        """Take the collaborators; the clock tells which day it is."""
        self._database = database
        self._merchants = merchants
        self._clock = clock

    async def show(self, caller: Identity, merchant_id: UUID, currency: str | None, first: date, last: date) -> Any:  # noqa: ANN401
        """Return opening, totals and closing.

        Raises:
            Problem: 422 for a period that is no period, or has not begun.

        """
        zone, period = await self._period(caller, merchant_id, currency, first, last)
        async with self._database.snapshot() as connection:
            totals = await repository.totals(connection, period)
            opening = await repository.owed_at(connection, period, period.start, self._clock() + _LATER)
        query = urlencode({"currency": period.currency, "from": first, "until": last})
        return {
            "livemode": period.livemode,
            "currency": period.currency,
            "time_zone": zone,
            "from": first.isoformat(),
            "until": last.isoformat(),
            "opening": opening,
            "closing": opening + sum(each["amount"] for each in totals),
            "totals": totals,
            "csv": f"{CSV_PATH}?{query}",
        }

    async def lines(
        self, caller: Identity, merchant_id: UUID, currency: str | None, first: date, last: date
    ) -> AsyncIterator[dict[str, Any]]:
        """Return an iterator over every movement with the balance after it, between the opening and the closing one.

        Raises:
            Problem: 422 for a period that is no period, or has not begun.

        """
        _, period = await self._period(caller, merchant_id, currency, first, last)
        return self._lines(period)

    async def _lines(self, period: Period) -> AsyncIterator[dict[str, Any]]:
        async with self._database.snapshot() as connection:
            balance = await repository.owed_at(connection, period, period.start, self._clock() + _LATER)
            fixed = {"currency": period.currency, "time": rfc3339(period.start), "kind": "opening"}
            yield fixed | {"balance": balance}
            async for row in repository.movements(connection, period):
                balance += row["amount"]
                yield {
                    "id": show("txn", row["id"]),
                    "time": rfc3339(row["created_at"]),
                    "kind": row["kind"],
                    "payment": show("pay", row["payment_id"]) if row["payment_id"] else None,
                    "operation": row["operation"],
                    "amount": row["amount"],
                    "fee": row["fee"],
                    "currency": period.currency,
                    "balance": balance,
                }
            yield fixed | {"time": rfc3339(period.end), "kind": "closing", "balance": balance}

    async def _period(
        self, caller: Identity, merchant_id: UUID, currency: str | None, first: date, last: date
    ) -> tuple[str, Period]:
        merchant = await self._merchants.profile(merchant_id)
        zone = ZoneInfo(merchant.time_zone)
        if last < first or last - first > _LONGEST:
            raise invalid_query("until", "Expected the same day as from or a later one, at most a year later")
        if first > self._clock().astimezone(zone).date():
            raise invalid_query("from", "Expected a day that has begun in the merchant's time zone")
        start = datetime(first.year, first.month, first.day, tzinfo=zone)
        after = last + timedelta(days=1)
        end = datetime(after.year, after.month, after.day, tzinfo=zone)
        return merchant.time_zone, Period(
            merchant_id, caller.livemode, currency or merchant.settlement_currency, start, end
        )
