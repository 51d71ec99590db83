"""Limits of a merchant, and how a payment is held against them. Pure; minor units of the settlement currency."""

from typing import Literal

import msgspec

LimitName = Literal["single_amount", "daily_volume", "monthly_volume", "daily_count"]


class Usage(msgspec.Struct, frozen=True):
    """What counts against a merchant's limits on one day, as found or foreseen under the lock of its row.

    Shapes:
        volume, count: reserved that day: authorized, captured, under review or unknown.
        month_volume: the same from the first day of that day's month on.
        month_captured, month_refunded: of the payments made in that month.
    """

    volume: int = 0
    count: int = 0
    month_volume: int = 0
    month_captured: int = 0
    month_refunded: int = 0

    def plus(self, amount: int) -> "Usage":
        """Return the usage with one more payment."""
        return msgspec.structs.replace(
            self, volume=self.volume + amount, count=self.count + 1, month_volume=self.month_volume + amount
        )

    def counts_as(self, other: "Usage") -> bool:
        """Whether both leave a new payment the same headroom."""
        return (self.volume, self.count, self.month_volume) == (other.volume, other.count, other.month_volume)


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What a merchant may do; None is no limit."""

    single_amount: int | None = None
    daily_volume: int | None = None
    monthly_volume: int | None = None
    daily_count: int | None = None
    refund_ratio_basis_points: int | None = None
    alert_percent: int = 80

    @property
    def limits_refunds(self) -> bool:
        """Whether refunds depend on what counts against the limits."""
        return self.refund_ratio_basis_points is not None

    def headroom(self, usage: Usage) -> dict[LimitName, int]:
        """Return what is left of each limit that is set."""
        left: dict[LimitName, int | None] = {
            "single_amount": self.single_amount,
            "daily_volume": None if self.daily_volume is None else self.daily_volume - usage.volume,
            "monthly_volume": None if self.monthly_volume is None else self.monthly_volume - usage.month_volume,
            "daily_count": None if self.daily_count is None else self.daily_count - usage.count,
        }
        return {name: max(value, 0) for name, value in left.items() if value is not None}

    def exceeded(self, amount: int, usage: Usage) -> LimitName | None:
        """Return the first limit that one more payment of this amount would break."""
        for name, left in self.headroom(usage).items():
            if left < (1 if name == "daily_count" else amount):
                return name
        return None

    def refund_exceeds(self, amount: int, usage: Usage) -> bool:
        """Whether one more refund would exceed the share of the month's captured money that may be refunded."""
        if self.refund_ratio_basis_points is None:
            return False
        allowed = usage.month_captured * self.refund_ratio_basis_points
        return (usage.month_refunded + amount) * 10_000 > allowed


NO_LIMITS = Limits()
