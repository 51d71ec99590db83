"""The sandbox acquirer's own books, and the only SQL of this package.

The platform never reads this table to answer a merchant: it asks the connector, as it would ask any acquirer.
"""

from datetime import datetime, timedelta
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from payments.connectors.port import Kind
from payments.database import Database, metadata

operations = sa.Table(
    "operations",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("reference", sa.Text, nullable=False),
    sa.Column("parent_reference", sa.Text),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("currency", sa.CHAR(3), nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("decline_code", sa.Text),
    sa.Column("scenario", sa.Text, nullable=False),
    sa.Column("callbacks", sa.Integer, nullable=False, server_default=sa.text("0")),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    schema="sandbox",
)


class Operation(msgspec.Struct, frozen=True):
    """One request and what was decided about it.

    Shapes:
        outcome: ``approved``, ``declined`` or ``pending``.
        decline_code: one of ours, exactly when declined.
    """

    key: str
    kind: Kind
    reference: str
    parent_reference: str | None
    amount: int
    currency: str
    outcome: str
    decline_code: str | None
    scenario: str


class Entry(msgspec.Struct, frozen=True):
    """An operation in the books, how long ago it was written, and whether just now."""

    operation: Operation
    age: timedelta
    fresh: bool = False


_FIELDS = tuple(operations.c[name] for name in Operation.__struct_fields__)
_AGE = (sa.func.clock_timestamp() - operations.c.created_at).label("age")


class SandboxStore:
    """Reads and writes ``sandbox.operations``, each in a transaction of its own."""

    def __init__(self, database: Database) -> None:
        """Use the service's pool; never a transaction of the payments feature."""
        self._database = database

    async def record(self, operation: Operation, not_after: datetime) -> Entry | None:
        """Write the operation unless its key is known; return what the books say, None if it came too late.

        The database's own clock refuses what arrives after ``not_after``: a process that was paused or cut off cannot
        act once a lookup has told others that nothing happened.
        """
        values = [sa.literal(getattr(operation, field.name), field.type) for field in _FIELDS]
        in_time = sa.select(*values).where(sa.func.clock_timestamp() < not_after)
        write = insert(operations).from_select(_FIELDS, in_time).on_conflict_do_nothing().returning(operations.c.key)
        async with self._database.transaction() as connection:
            if (await connection.execute(write)).first() is not None:
                return Entry(operation, timedelta(), fresh=True)
            # A second statement, because it must see the row whose writer the first one waited for.
            row = (await connection.execute(_by_key(operation.key))).first()
        return _entry(row)

    async def find(self, key: str) -> Entry | None:
        """Return what the books say about a key."""
        async with self._database.transaction() as connection:
            row = (await connection.execute(_by_key(key))).first()
        return _entry(row)

    async def count_callback(self, key: str) -> None:
        """Note that one more callback about this operation was sent."""
        more = sa.update(operations).where(operations.c.key == key).values(callbacks=operations.c.callbacks + 1)
        async with self._database.transaction() as connection:
            await connection.execute(more)


def _by_key(key: str) -> sa.Select[*tuple[Any, ...]]:
    return sa.select(*_FIELDS, _AGE).where(operations.c.key == key)


def _entry(row: sa.Row[*tuple[Any, ...]] | None) -> Entry | None:
    if row is None:
        return None
    *fields, age = row
    return Entry(msgspec.convert(dict(zip(Operation.__struct_fields__, fields, strict=True)), Operation), age)
