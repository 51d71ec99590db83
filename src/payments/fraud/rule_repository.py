"""The SQL of rules: their versions, and what they hit."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from payments.fraud.keyset import page
from payments.fraud.models import rule_hits, rules, state
from payments.http.lists import Cursor

# Counts the rules that fired on the payments after a point, a page at a time. Only what was decided a while ago: a
# commit that comes later than that would be left out.
_COUNT_HITS = sa.text(
    """
    WITH page AS (
        SELECT p.id, p.livemode, p.receipt
          FROM payments.payments p
         -- Selected, not joined: only so is it where the index begins, and the cost that of what is new.
         WHERE p.id > (SELECT hits_counted FROM payments.fraud_state)
           AND p.id < payments.uuid7_floor(now() - make_interval(secs => :seconds))
         ORDER BY p.id LIMIT :limit
    ), fired AS (
        SELECT page.livemode, replace(rule ->> 'id', 'rule_', '')::uuid AS rule_id,
               page.receipt ->> 'outcome' AS outcome
          FROM page, jsonb_array_elements((page.receipt -> 'rules') || (page.receipt -> 'shadow')) AS rule
    ), counted AS (
        INSERT INTO payments.fraud_rule_hits AS h (rule_id, livemode, hits, taken)
        SELECT rule_id, livemode, count(*), count(*) FILTER (WHERE outcome <> 'decline')
          FROM fired WHERE rule_id IN (SELECT id FROM payments.fraud_rules)
         GROUP BY rule_id, livemode
            ON CONFLICT (rule_id, livemode)
            DO UPDATE SET hits = h.hits + excluded.hits, taken = h.taken + excluded.taken
    ), moved AS (
        UPDATE payments.fraud_state SET hits_counted = (SELECT id FROM page ORDER BY id DESC LIMIT 1)
         WHERE EXISTS (SELECT FROM page)
    )
    SELECT count(*) FROM page
    """
)


async def lock(connection: AsyncConnection) -> None:
    """Let one change of rules follow the other."""
    await connection.execute(sa.select(state.c.rules_version).with_for_update())


async def lock_if_free(connection: AsyncConnection) -> bool:
    """Return whether nobody else is changing rules or counting their hits, and keep it so."""
    return (
        await connection.execute(sa.select(state.c.rules_version).with_for_update(skip_locked=True))
    ).first() is not None


async def publish(connection: AsyncConnection, author: str) -> int:
    """Make the rules as they are now the newest version, and return its number."""
    version: int | None = await connection.scalar(sa.select(sa.func.payments.publish_fraud_rules(author)))
    return version or 0


async def count_active(connection: AsyncConnection) -> int:
    """Return how many rules are active."""
    return (await connection.scalar(sa.select(sa.func.count()).where(rules.c.active))) or 0


async def insert_rule(connection: AsyncConnection, values: Mapping[str, Any]) -> None:
    """Store a rule."""
    await connection.execute(sa.insert(rules).values(values))


async def update_rule(connection: AsyncConnection, rule_id: UUID, changes: Mapping[str, Any]) -> bool:
    """Change a rule; return whether there is one."""
    statement = sa.update(rules).where(rules.c.id == rule_id).values(updated_at=sa.func.now(), **changes)
    return (await connection.execute(statement)).rowcount == 1


async def find_rule(connection: AsyncConnection, rule_id: UUID, *, livemode: bool) -> sa.RowMapping | None:
    """Return a rule with its hits in one mode, if there is one."""
    query = _with_hits(livemode=livemode).where(rules.c.id == rule_id)
    row: sa.RowMapping | None = (await connection.execute(query)).mappings().one_or_none()
    return row


async def list_rules(connection: AsyncConnection, place: Cursor, *, livemode: bool) -> Sequence[sa.RowMapping]:
    """Return up to ``limit + 1`` rules with their hits in one mode, newest first."""
    return await page(connection, _with_hits(livemode=livemode), rules.c.id, place)


async def count_hits(connection: AsyncConnection, *, seconds: int, limit: int) -> int:
    """Count what fired on the next payments, if they are older than so many seconds; return how many payments."""
    return (await connection.scalar(_COUNT_HITS, {"seconds": seconds, "limit": limit})) or 0


async def confirm(connection: AsyncConnection, rule_ids: Iterable[UUID], *, livemode: bool) -> None:
    """Count that a payment on which these rules fired turned out to be fraud."""
    existing = sa.select(rules.c.id, sa.literal(livemode), sa.literal(1)).where(rules.c.id.in_(list(rule_ids)))
    statement = insert(rule_hits).from_select(["rule_id", "livemode", "confirmed"], existing)
    await connection.execute(
        statement.on_conflict_do_update(
            index_elements=["rule_id", "livemode"], set_={"confirmed": rule_hits.c.confirmed + 1}
        )
    )


def _with_hits(*, livemode: bool) -> sa.Select[Any]:
    hits = sa.and_(rule_hits.c.rule_id == rules.c.id, rule_hits.c.livemode == livemode)
    counts = [sa.func.coalesce(rule_hits.c[name], 0).label(name) for name in ("hits", "taken", "confirmed")]
    return sa.select(rules, *counts).select_from(rules.outerjoin(rule_hits, hits))
