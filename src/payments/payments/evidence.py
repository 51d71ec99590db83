"""Settlement records as evidence: what an acquirer has settled has happened."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from payments.connectors.port import Approved
from payments.credentials import connection_info
from payments.ledger.service import Ledger
from payments.metrics import CATALOGUE
from payments.payments import decisions
from payments.payments.changes import Request
from payments.payments.write_path import WritePath, write_pool
from shared.metrics import Registry


class Evidence:
    """Ends outcomes that are unknown."""

    def __init__(self, write_path: WritePath) -> None:
        """Take how changes are written."""
        self._write_path = write_path

    @classmethod
    @asynccontextmanager
    async def at(cls, database_url: str, ledger: Ledger) -> AsyncIterator["Evidence"]:
        """Work on a database outside the service, for a command."""
        # Nobody is told of the commits: whoever waits for events looks by itself every now and then.
        write_path = WritePath(write_pool(connection_info(database_url)), ledger, lambda: None, Registry(CATALOGUE))
        await write_path.open()
        try:
            yield cls(write_path)
        finally:
            await write_path.close()

    async def settled(self, payment_id: UUID, operation_id: UUID | None, reference: str) -> None:
        """Give an intent the outcome that a settlement record proves.

        Raises:
            Problem: 409 when its outcome is known meanwhile.

        """
        decide = decisions.answer(Approved(reference), "settlement")
        await self._write_path.change(Request(payment_id, decide, operation_id=operation_id))
