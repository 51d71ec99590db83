"""Merchant profiles in memory: every payment asks for one, and they hardly ever change."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any
from uuid import UUID

from payments.merchants.schemas import MerchantProfile

FRESH_SECONDS = 2.0
# About half a kilobyte each.
_MAX_PROFILES = 10_000


class Profiles:
    """Keeps each profile for two seconds; however many ask for one at once, it is loaded once."""

    def __init__(
        self, load: Callable[[UUID], Coroutine[Any, Any, MerchantProfile]], clock: Callable[[], float]
    ) -> None:
        """Take what loads a profile, and a clock in seconds that never goes back."""
        self._load = load
        self._clock = clock
        self._known: dict[UUID, tuple[MerchantProfile, float]] = {}
        self._loading: dict[UUID, asyncio.Task[MerchantProfile]] = {}

    async def get(self, merchant_id: UUID) -> MerchantProfile:
        """Return a profile that is at most two seconds old; raises what loading it raises."""
        known = self._known.get(merchant_id)
        if known is not None and known[1] > self._clock():
            return known[0]
        loading = self._loading.get(merchant_id)
        if loading is None:
            loading = self._loading[merchant_id] = asyncio.create_task(self._fill(merchant_id))
            loading.add_done_callback(lambda _: self._loading.pop(merchant_id))
        # The shield lets each request give up without taking the profile from the others.
        return await asyncio.shield(loading)

    def forget(self, merchant_id: UUID) -> None:
        """Drop a profile that has changed; other processes follow when theirs expires."""
        self._known.pop(merchant_id, None)

    async def _fill(self, merchant_id: UUID) -> MerchantProfile:
        # Counted from before the question, because the answer may be as old as that.
        until = self._clock() + FRESH_SECONDS
        profile = await self._load(merchant_id)
        self._known.pop(merchant_id, None)
        if len(self._known) >= _MAX_PROFILES:
            del self._known[next(iter(self._known))]  # the one that was loaded longest ago
        self._known[merchant_id] = (profile, until)
        return profile
