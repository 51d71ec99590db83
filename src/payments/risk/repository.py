"""The SQL of merchant risk, but for the write path's own."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from payments.http.lists import Cursor
from payments.risk.models import risk_alerts, risk_limits


async def find_limits(connection: AsyncConnection, merchant_id: UUID) -> sa.RowMapping | None:
    """Return a merchant's limits, if any are set."""
    query = sa.select(risk_limits).where(risk_limits.c.merchant_id == merchant_id)
    return (await connection.execute(query)).mappings().one_or_none()


async def set_limits(connection: AsyncConnection, values: Mapping[str, Any]) -> None:
    """Replace a merchant's limits."""
    statement = insert(risk_limits).values(**values)
    changed = {name: statement.excluded[name] for name in values if name != "merchant_id"}
    await connection.execute(
        statement.on_conflict_do_update(
            index_elements=[risk_limits.c.merchant_id], set_=changed | {"updated_at": sa.func.now()}
        )
    )


async def positions(
    connection: AsyncConnection, *, livemode: bool, day: date | None, merchant_id: UUID | None
) -> Sequence[Any]:
    """Return merchants' days with their limits; without a date, each merchant's own today.

    The settlement currency and time zone come from the merchant's row, which every day has.
    """
    query = sa.text(
        """
        SELECT d.*, m.settlement_currency, l.daily_volume, l.daily_count, l.monthly_volume, l.alert_percent
          FROM payments.merchant_days d
          JOIN payments.merchants m ON m.id = d.merchant_id
          LEFT JOIN payments.risk_limits l ON l.merchant_id = d.merchant_id
         WHERE d.livemode = :livemode
           AND d.day BETWEEN coalesce(:day, current_date - 1) AND coalesce(:day, current_date + 1)
           AND d.day = coalesce(:day, (now() AT TIME ZONE m.time_zone)::date)
           AND d.count + d.approved + d.declined > 0
           AND (CAST(:merchant_id AS uuid) IS NULL OR d.merchant_id = :merchant_id)
         ORDER BY d.volume DESC, d.merchant_id
        """
    ).bindparams(sa.bindparam("day", type_=sa.Date), sa.bindparam("merchant_id", type_=sa.Uuid))
    found = await connection.execute(query, {"livemode": livemode, "day": day, "merchant_id": merchant_id})
    return found.mappings().all()


async def summary(connection: AsyncConnection, merchant_id: UUID, hours: int, *, livemode: bool) -> Sequence[Any]:
    """Return (status, currency, count, amount) of a merchant's payments of the last hours, by the key's time."""
    query = sa.text(
        """
        SELECT status, currency, count(*) AS count, sum(amount)::bigint AS amount
          FROM payments.payments
         WHERE merchant_id = :merchant_id AND livemode = :livemode
           AND id >= payments.uuid7_floor(now() - make_interval(hours => :hours))
         GROUP BY status, currency ORDER BY status, currency
        """
    ).bindparams(sa.bindparam("merchant_id", type_=sa.Uuid))
    found = await connection.execute(query, {"merchant_id": merchant_id, "livemode": livemode, "hours": hours})
    return found.mappings().all()


async def busy_days(connection: AsyncConnection) -> Sequence[Any]:
    """Return recently changed days with their limits, the month's volume and the usual pace."""
    query = sa.text(
        """
        SELECT d.*, l.single_amount, l.daily_volume, l.daily_count, l.monthly_volume,
               coalesce(l.alert_percent, 80) AS alert_percent, m.settlement_currency,
               (SELECT coalesce(sum(x.volume), 0)::bigint FROM payments.merchant_days x
                 WHERE x.merchant_id = d.merchant_id AND x.livemode = d.livemode
                   AND x.day >= date_trunc('month', d.day)::date AND x.day <= d.day) AS month_volume,
               (SELECT coalesce(avg(x.approved + x.declined), 0) / 144 FROM payments.merchant_days x
                 WHERE x.merchant_id = d.merchant_id AND x.livemode = d.livemode
                   AND x.day BETWEEN d.day - 7 AND d.day - 1) AS usual
          FROM payments.merchant_days d
          JOIN payments.merchants m ON m.id = d.merchant_id
          LEFT JOIN payments.risk_limits l ON l.merchant_id = d.merchant_id
         WHERE d.day >= current_date - 1 AND d.updated_at > now() - interval '5 minutes'
        """
    )
    return (await connection.execute(query)).mappings().all()


async def counts(connection: AsyncConnection, since: datetime, until: datetime) -> Sequence[Any]:
    """Return (merchant_id, livemode, count) of the payments of a range of time, by the key's time."""
    query = sa.text(
        """
        SELECT merchant_id, livemode, count(*) FROM payments.payments
         WHERE id >= payments.uuid7_floor(:since) AND id < payments.uuid7_floor(:until)
         GROUP BY merchant_id, livemode
        """
    )
    return (await connection.execute(query, {"since": since, "until": until})).all()


async def open_alert(connection: AsyncConnection, values: Mapping[str, Any]) -> Any | None:  # noqa: ANN401 - a row
    """Open an alert and return its row; None when the same one was opened that day, resolved or not."""
    seen = sa.select(risk_alerts.c.id).where(
        *(risk_alerts.c[name] == values[name] for name in ("merchant_id", "livemode", "kind", "day"))
    )
    if (await connection.execute(seen.limit(1))).first() is not None:
        return None
    statement = insert(risk_alerts).values(**values).on_conflict_do_nothing().returning(risk_alerts)
    return (await connection.execute(statement)).mappings().one_or_none()


async def resolve_alert(connection: AsyncConnection, alert_id: UUID, person: str, reason: str) -> Any | None:  # noqa: ANN401
    """Resolve an open alert and return its row; None when there is no open one."""
    statement = (
        sa.update(risk_alerts)
        .where(risk_alerts.c.id == alert_id, risk_alerts.c.resolved_at.is_(None))
        .values(resolved_at=sa.func.now(), resolved_by=person, resolution=reason)
        .returning(risk_alerts)
    )
    return (await connection.execute(statement)).mappings().one_or_none()


async def find_alert(connection: AsyncConnection, alert_id: UUID) -> Any | None:  # noqa: ANN401 - a row
    """Return an alert."""
    query = sa.select(risk_alerts).where(risk_alerts.c.id == alert_id)
    return (await connection.execute(query)).mappings().one_or_none()


async def list_alerts(
    connection: AsyncConnection, place: Cursor, merchant_id: UUID | None, *, only_open: bool
) -> Sequence[Any]:
    """Return up to ``limit + 1`` alerts, newest first."""
    query = sa.select(risk_alerts)
    if merchant_id is not None:
        query = query.where(risk_alerts.c.merchant_id == merchant_id)
    if only_open:
        query = query.where(risk_alerts.c.resolved_at.is_(None))
    if place.ending_before is not None:
        backwards = query.where(risk_alerts.c.id > place.ending_before).order_by(risk_alerts.c.id)
        return (await connection.execute(backwards.limit(place.limit + 1))).mappings().all()[::-1]
    if place.starting_after is not None:
        query = query.where(risk_alerts.c.id < place.starting_after)
    newest = query.order_by(risk_alerts.c.id.desc()).limit(place.limit + 1)
    return (await connection.execute(newest)).mappings().all()
