"""The audit log: read it, add to it, and prove that it is whole."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from payments import actor
from payments.audit_log import repository
from payments.audit_log.schemas import AuditEntry, AuditRecord
from payments.database import Database
from payments.http.lists import Cursor
from shared.ids import show


@dataclass(frozen=True, slots=True)
class Verified:
    """What a check of the whole log found: its end, or what is wrong with the first entry that is not right."""

    entries: int
    head: str
    fault: str | None = None


class Audit:
    """Who did what."""

    def __init__(self, database: Database) -> None:
        """Take the database."""
        self._database = database

    async def page(self, place: Cursor, *, actor: str | None, target: str | None) -> Sequence[AuditEntry]:
        """Return up to ``limit + 1`` entries, newest first."""
        async with self._database.snapshot() as connection:
            return [_entry(row) for row in await repository.page(connection, place, actor=actor, target=target)]

    async def record(self, told: AuditRecord) -> None:
        """Write down what the gateway is about to do for a person."""
        who = actor.Actor(told.actor, "person", told.roles, told.address, told.request_id, told.route)
        actor.note(who)
        async with self._database.transaction() as connection:
            await repository.append(connection, told.action, told.changed, told.target, told.before, told.after)

    async def verify(self, head: str | None = None) -> Verified:
        """Follow the chain from its first entry; ``head`` is the hash of an earlier end, which has to be in it."""
        previous, count, met = b"", 0, head is None
        async with self._database.snapshot() as connection:
            async for row in repository.all_in_order(connection):
                fault = _fault(row, count + 1, previous)
                if fault is not None:
                    return Verified(count, previous.hex(), f"entry {count + 1}: {fault}")
                previous, count = bytes(row["hash"]), count + 1
                met = met or previous.hex() == head
        fault = (
            None
            if met
            else "The hash of an earlier run is not in it: entries were taken off its end, or all rewritten."
        )
        return Verified(count, previous.hex(), fault)


async def record(connection: AsyncConnection, action: str, what: str, target: str, after: Any) -> None:  # noqa: ANN401
    """Write an entry for a change that no table's trigger sees, in the transaction of that change."""
    await repository.append(connection, action, what, target, None, after)


def _fault(row: sa.RowMapping, number: int, previous: bytes) -> str | None:
    if row["seq"] != number:
        return "it is missing"
    if bytes(row["previous"]) != previous:
        return "it does not follow the one before it"
    if sha256(previous + row["entry"].encode()).digest() != bytes(row["hash"]):
        return "its hash is not that of its content"
    content = json.loads(row["entry"])
    if any(content[name] != row[name] for name in ("seq", "actor", "action", "object", "target")):
        return "its columns are not what was hashed"
    return None


def _entry(row: sa.RowMapping) -> AuditEntry:
    content = json.loads(row["entry"])
    return AuditEntry(
        id=show("aud", UUID(int=row["seq"])),
        sequence=row["seq"],
        recorded_at=row["recorded_at"],
        actor=row["actor"],
        kind=content["kind"],
        roles=content.get("roles", []),
        address=content.get("address"),
        request_id=content.get("request_id"),
        route=content.get("route"),
        action=row["action"],
        changed=row["object"],
        target=row["target"],
        before=content["before"],
        after=content["after"],
        hash=bytes(row["hash"]).hex(),
    )
