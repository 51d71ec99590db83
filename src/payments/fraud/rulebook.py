"""The rules as people change them: each change is a new version of the whole set."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from payments.database import Database
from payments.fraud import rule_repository as repository
from payments.fraud.api_schemas import MAX_RULES, FraudRule, RuleCreate, RuleUpdate
from payments.fraud.book import Book
from payments.http.lists import Cursor
from shared.identity import Identity
from shared.ids import new_uuid, show
from shared.problems import FieldError, Problem, not_found

# A payment is committed at most this long after its id was made, or not at all.
_SETTLED_SECONDS = 20
_PAGE = 5_000


class Rulebook:
    """Creates, changes and shows rules. Nothing is deleted: receipts refer to rules, and an inactive one is as good."""

    def __init__(self, database: Database, book: Book) -> None:
        """Take where rules are kept, and the copy in memory that follows."""
        self._database = database
        self._book = book

    async def create(self, person: Identity, body: RuleCreate) -> FraudRule:
        """Add a rule; payments follow within two seconds.

        Raises:
            Problem: 422 when its name is taken, or there are too many active rules.

        """
        rule_id = new_uuid()
        try:
            async with self._database.transaction() as connection:
                await repository.lock(connection)
                values = {"id": rule_id, "updated_by": person.subject, **body.model_dump()}
                await repository.insert_rule(connection, values)
                row = await self._publish(connection, rule_id, person)
        except sa.exc.IntegrityError:
            raise _taken() from None
        self._book.forget()
        return _shown(row, livemode=False)

    async def update(self, person: Identity, rule_id: UUID, body: RuleUpdate) -> FraudRule:
        """Change the fields that were sent; payments follow within two seconds. Raises as ``create``, and 404."""
        changes = body.model_dump(exclude_unset=True)
        if not changes:
            return await self.get(rule_id, livemode=False)
        try:
            async with self._database.transaction() as connection:
                await repository.lock(connection)
                if not await repository.update_rule(connection, rule_id, changes | {"updated_by": person.subject}):
                    raise not_found("rule")
                row = await self._publish(connection, rule_id, person)
        except sa.exc.IntegrityError:
            raise _taken() from None
        self._book.forget()
        return _shown(row, livemode=False)

    async def get(self, rule_id: UUID, *, livemode: bool) -> FraudRule:
        """Return a rule with its hits in one mode; raises 404 if there is none."""
        async with self._database.snapshot() as connection:
            row = await repository.find_rule(connection, rule_id, livemode=livemode)
        if row is None:
            raise not_found("rule")
        return _shown(row, livemode=livemode)

    async def list(self, place: Cursor, *, livemode: bool) -> Sequence[FraudRule]:
        """Return up to ``limit + 1`` rules with their hits in one mode, newest first."""
        async with self._database.snapshot() as connection:
            rows = await repository.list_rules(connection, place, livemode=livemode)
        return [_shown(row, livemode=livemode) for row in rows]

    async def count_hits(self) -> int:
        """Count what the rules did to the payments since the last time; return how many payments. For the worker."""
        counted, found = 0, _PAGE
        while found == _PAGE:
            async with self._database.transaction() as connection:
                if not await repository.lock_if_free(connection):
                    break
                found = await repository.count_hits(connection, seconds=_SETTLED_SECONDS, limit=_PAGE)
            counted += found
        return counted

    async def _publish(self, connection: AsyncConnection, rule_id: UUID, person: Identity) -> sa.RowMapping:
        if await repository.count_active(connection) > MAX_RULES:
            detail = f"At most {MAX_RULES} rules are active at a time"
            raise Problem(422, "validation_failed", f"{detail}.", errors=[FieldError(detail, "/active")])
        await repository.publish(connection, person.subject)
        row = await repository.find_rule(connection, rule_id, livemode=False)
        if row is None:
            raise AssertionError("the rule was written in this transaction")
        return row


def _taken() -> Problem:
    detail = "Another rule has this name"
    return Problem(422, "validation_failed", f"{detail}.", errors=[FieldError(detail, "/name")])


def _shown(row: sa.RowMapping, *, livemode: bool) -> FraudRule:
    fields = {name: row[name] for name in FraudRule.model_fields if name in row}
    precision = round(row["confirmed"] / row["taken"], 4) if row["taken"] else None
    return FraudRule(**fields | {"id": show("rule", row["id"]), "livemode": livemode, "precision": precision})
