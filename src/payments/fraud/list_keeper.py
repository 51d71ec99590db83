"""Block and allow lists as people change them."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from payments.database import Database
from payments.fraud import list_repository as repository
from payments.fraud.api_schemas import ListEntry, ListEntryCreate
from payments.fraud.book import Book
from payments.http.lists import Cursor
from payments.merchants.service import Merchants
from shared.identity import Identity
from shared.ids import new_uuid, show, uuid_of
from shared.problems import not_found


class ListKeeper:
    """Adds, shows and removes entries; payments follow within two seconds."""

    def __init__(self, database: Database, book: Book, merchants: Merchants) -> None:
        """Take where lists are kept, the copy in memory that follows, and who is a merchant."""
        self._database = database
        self._book = book
        self._merchants = merchants

    async def add(self, person: Identity, body: ListEntryCreate) -> ListEntry:
        """Add an entry; the same one again renews it. Raises 404 for a merchant that does not exist."""
        merchant_id = uuid_of("mer", body.merchant) if body.merchant is not None else None
        if merchant_id is not None:
            await self._merchants.profile(merchant_id)
        async with self._database.transaction() as connection:
            row = await put(connection, body, merchant_id=merchant_id, created_by=person.subject)
        self._book.forget()
        return shown(row)

    async def list(
        self, place: Cursor, *, livemode: bool, name: str | None = None, kind: str | None = None
    ) -> Sequence[ListEntry]:
        """Return up to ``limit + 1`` entries in force, newest first."""
        async with self._database.snapshot() as connection:
            rows = await repository.entries(connection, place, livemode=livemode, name=name, kind=kind)
        return [shown(row) for row in rows]

    async def remove(self, entry_id: UUID) -> ListEntry:
        """End an entry; raises 404 if it is not in force."""
        async with self._database.transaction() as connection:
            version = await repository.next_version(connection)
            row = await repository.remove(connection, entry_id, version)
            if row is None:
                raise not_found("list entry")
        self._book.forget()
        return shown(row)


async def put(
    connection: AsyncConnection, body: ListEntryCreate, *, merchant_id: UUID | None, created_by: str
) -> sa.RowMapping:
    """Add an entry in the caller's transaction."""
    values = body.model_dump(exclude={"merchant"}) | {
        "id": new_uuid(),
        "merchant_id": merchant_id,
        "created_by": created_by,
        "version": await repository.next_version(connection),
    }
    return await repository.put(connection, values)


def shown(row: sa.RowMapping) -> ListEntry:
    """Return an entry for people."""
    fields = {name: row[name] for name in ListEntry.model_fields if name in row}
    merchant = None if row["merchant_id"] is None else show("mer", row["merchant_id"])
    return ListEntry(**fields | {"id": show("lst", row["id"]), "merchant": merchant})
