"""When a merchant's day deserves an alert. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from payments.risk.schemas import Severity

# Below these a spike is chance: half of two payments declined says nothing.
_MIN_DECIDED = 20
_MIN_RECENT = 50
_DECLINE_PERCENT = 50
_PACE = 5


class Finding(NamedTuple):
    """An alert to be."""

    kind: str
    severity: Severity
    details: dict[str, Any]


def findings(day: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield what a day shows: limits approached or exceeded, many declines, an unusual pace."""
    used = {
        "daily_volume": int(day["volume"]),
        "monthly_volume": int(day["month_volume"]),
        "daily_count": int(day["count"]),
    }
    for name, value in used.items():
        limit = day[name]
        if limit is not None and value * 100 >= limit * day["alert_percent"]:
            yield Finding(f"{name}_approached", "warning", {"limit": limit, "used": value})
    if day["limited"]:
        yield Finding("limit_exceeded", "critical", {"payments_declined": day["limited"]})
    decided = day["approved"] + day["declined"]
    if decided >= _MIN_DECIDED and day["declined"] * 100 >= decided * _DECLINE_PERCENT:
        yield Finding("decline_rate", "warning", {"declined": day["declined"], "decided": decided})
    usual = day["usual"]
    if day["recent"] >= _MIN_RECENT and usual and day["recent"] > usual * _PACE:
        yield Finding("velocity", "warning", {"last_10_minutes": day["recent"], "usual": round(usual)})
