"""Limits of merchants, their positions, and alerts."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from time import monotonic
from typing import Any
from uuid import UUID

from payments.database import Database
from payments.events.service import record
from payments.fresh import Fresh
from payments.http.lists import Cursor
from payments.http.models import rfc3339
from payments.merchants.service import Merchants
from payments.risk import repository
from payments.risk.alerts import findings
from payments.risk.limits import NO_LIMITS, Limits
from payments.risk.pace import Pace
from payments.risk.schemas import LimitsUpdate
from shared.identity import Identity
from shared.ids import new_uuid, show
from shared.problems import not_found

_TOP = 10
# Nearly every payment is committed this long after its id was made; the pace is worth an alert, no limit.
_SETTLED = timedelta(seconds=2)


class Risk:
    """What the risk team sees and sets; the write path asks it for limits at most two seconds old."""

    def __init__(self, database: Database, merchants: Merchants, *, clock: Callable[[], float] = monotonic) -> None:
        """Take the collaborators; the clock tells how old limits in memory are."""
        self._database = database
        self._merchants = merchants
        self._known: Fresh[UUID, Limits] = Fresh(self._load, clock)
        self._pace = Pace()

    async def limits_of(self, merchant_id: UUID) -> Limits:
        """Return a merchant's limits; ``NO_LIMITS`` when none are set."""
        return await self._known.get(merchant_id)

    async def show_limits(self, merchant_id: UUID) -> dict[str, Any]:
        """Return a merchant's limits for people; raises 404 if there is no such merchant."""
        merchant = await self._merchants.profile(merchant_id)
        limits = await self._load(merchant_id)
        shown = {name: getattr(limits, name) for name in Limits.__struct_fields__}
        return {"merchant": show("mer", merchant_id), "currency": merchant.settlement_currency, **shown}

    async def set_limits(self, person: Identity, merchant_id: UUID, body: LimitsUpdate) -> dict[str, Any]:
        """Replace a merchant's limits; they hold on every replica within two seconds."""
        await self._merchants.profile(merchant_id)
        async with self._database.transaction() as connection:
            values = body.model_dump() | {"merchant_id": merchant_id, "updated_by": person.subject}
            await repository.set_limits(connection, values)
        self._known.forget(merchant_id)
        return await self.show_limits(merchant_id)

    async def positions(self, *, livemode: bool, day: date | None) -> dict[str, Any]:
        """Return every merchant's day, largest volume first; without a date, each one's own today."""
        async with self._database.snapshot() as connection:
            rows = await repository.positions(connection, livemode=livemode, day=day, merchant_id=None)
        return {"livemode": livemode, "data": [_position(row) for row in rows]}

    async def portfolio(self, *, livemode: bool, day: date | None) -> dict[str, Any]:
        """Return all merchants together."""
        async with self._database.snapshot() as connection:
            rows = await repository.positions(connection, livemode=livemode, day=day, merchant_id=None)
        volumes: dict[str, dict[str, Any]] = {}
        for row in rows:
            currency = row["settlement_currency"]
            entry = volumes.setdefault(currency, {"currency": currency, "volume": 0, "count": 0})
            entry["volume"] += row["volume"]
            entry["count"] += row["count"]
        exposed = [_position(row) for row in rows if row["daily_volume"] is not None]
        exposed.sort(key=lambda position: position["exposure_percent"], reverse=True)
        return {
            "livemode": livemode,
            "date": (day or datetime.now(UTC).date()).isoformat(),
            "merchants": len(rows),
            "approval_rate": _rate(sum(row["approved"] for row in rows), sum(row["declined"] for row in rows)),
            "volumes": sorted(volumes.values(), key=lambda entry: entry["currency"]),
            "top_exposures": exposed[:_TOP],
        }

    async def summary(self, merchant_id: UUID, hours: int, *, livemode: bool) -> dict[str, Any]:
        """Return what a merchant's payments of the last hours came to."""
        await self._merchants.profile(merchant_id)
        async with self._database.snapshot() as connection:
            rows = await repository.summary(connection, merchant_id, hours, livemode=livemode)
        approved = sum(row["count"] for row in rows if row["status"] in ("authorized", "captured", "voided", "expired"))
        return {
            "livemode": livemode,
            "merchant": show("mer", merchant_id),
            "hours": hours,
            "approval_rate": _rate(approved, sum(row["count"] for row in rows if row["status"] == "declined")),
            "data": [dict(row) for row in rows],
        }

    async def alerts(self, place: Cursor, merchant_id: UUID | None, *, only_open: bool) -> Sequence[dict[str, Any]]:
        """Return up to ``limit + 1`` alerts, newest first."""
        async with self._database.snapshot() as connection:
            rows = await repository.list_alerts(connection, place, merchant_id, only_open=only_open)
        return [_alert(row) for row in rows]

    async def resolve(self, person: Identity, alert_id: UUID, reason: str) -> dict[str, Any]:
        """Resolve an alert; one that is resolved already stays as it is."""
        async with self._database.transaction() as connection:
            row = await repository.resolve_alert(connection, alert_id, person.subject, reason)
            if row is not None:
                await _tell(connection, "risk_alert.resolved", row)
            else:
                row = await repository.find_alert(connection, alert_id)
        if row is None:
            raise not_found("alert")
        return _alert(row)

    async def watch(self) -> int:
        """Open the alerts that recently changed days deserve; return how many. For the worker."""
        until = datetime.now(UTC) - _SETTLED
        async with self._database.snapshot() as connection:
            days = await repository.busy_days(connection)
            self._pace.add(until, await repository.counts(connection, self._pace.since(until), until))
        opened = 0
        for day in days:
            recent = self._pace.recent(day["merchant_id"], livemode=day["livemode"])
            for finding in findings({**day, "recent": recent}):
                values = {
                    "id": new_uuid(),
                    "merchant_id": day["merchant_id"],
                    "livemode": day["livemode"],
                    "kind": finding.kind,
                    "day": day["day"],
                    "severity": finding.severity,
                    "details": finding.details | {"currency": day["settlement_currency"]},
                }
                async with self._database.transaction() as connection:
                    row = await repository.open_alert(connection, values)
                    if row is not None:
                        await _tell(connection, "risk_alert.opened", row)
                        opened += 1
        return opened

    async def _load(self, merchant_id: UUID) -> Limits:
        async with self._database.snapshot() as connection:
            row = await repository.find_limits(connection, merchant_id)
        return NO_LIMITS if row is None else Limits(**{name: row[name] for name in Limits.__struct_fields__})


async def _tell(connection: Any, kind: str, row: Any) -> None:  # noqa: ANN401 - an open connection and a row
    await record(
        connection,
        kind,
        _alert(row) | {"object": "risk_alert"},
        merchant_id=row["merchant_id"],
        livemode=row["livemode"],
        object_id=row["id"],
    )


def _rate(approved: int, declined: int) -> float | None:
    return round(approved / (approved + declined), 4) if approved + declined else None


def _position(row: Any) -> dict[str, Any]:  # noqa: ANN401 - a row
    limit = row["daily_volume"]
    return {
        "merchant": show("mer", row["merchant_id"]),
        "livemode": row["livemode"],
        "date": row["day"].isoformat(),
        "currency": row["settlement_currency"],
        "volume": row["volume"],
        "count": row["count"],
        "approved": row["approved"],
        "declined": row["declined"],
        "declined_by_limit": row["limited"],
        "captured": row["captured"],
        "refunded": row["refunded"],
        "average_score": round(row["score_sum"] / row["scored"], 2) if row["scored"] else None,
        "largest": row["largest"],
        "exposure_percent": round(100 * row["volume"] / limit, 2) if limit else None,
    }


def _alert(row: Any) -> dict[str, Any]:  # noqa: ANN401 - a row
    return {
        "id": show("alr", row["id"]),
        "livemode": row["livemode"],
        "merchant": show("mer", row["merchant_id"]),
        "kind": row["kind"],
        "date": row["day"].isoformat(),
        "severity": row["severity"],
        "details": row["details"],
        "opened_at": rfc3339(row["opened_at"]),
        "resolved_at": rfc3339(row["resolved_at"]) if row["resolved_at"] else None,
        "resolved_by": row["resolved_by"],
        "resolution": row["resolution"],
    }
