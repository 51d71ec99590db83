"""Limits of merchants."""

from collections.abc import Callable
from time import monotonic
from uuid import UUID

from payments.database import Database
from payments.fresh import Fresh
from payments.risk import repository
from payments.risk.limits import NO_LIMITS, Limits


class MerchantLimits:
    """The limits each payment is held against, at most two seconds old."""

    def __init__(self, database: Database, *, clock: Callable[[], float] = monotonic) -> None:
        """Take where limits are stored; the clock tells how old one in memory is."""
        self._database = database
        self._known: Fresh[UUID, Limits] = Fresh(self._load, clock)

    async def of(self, merchant_id: UUID) -> Limits:
        """Return a merchant's limits; ``NO_LIMITS`` when none are set."""
        return await self._known.get(merchant_id)

    def forget(self, merchant_id: UUID) -> None:
        """Drop limits that have changed."""
        self._known.forget(merchant_id)

    async def _load(self, merchant_id: UUID) -> Limits:
        async with self._database.snapshot() as connection:
            row = await repository.find_limits(connection, merchant_id)
        if row is None:
            return NO_LIMITS
        return Limits(**{name: row[name] for name in Limits.__struct_fields__})
