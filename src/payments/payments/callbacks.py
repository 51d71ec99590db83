"""What acquirers tell us of their own accord: at least once, in any order, and believed only when signed."""

import logging
from collections.abc import Mapping
from uuid import UUID

from payments.connectors.port import Connector
from payments.database import Database
from payments.payments import decisions, repository
from payments.payments.changes import Request
from payments.payments.write_path import WritePath
from shared.problems import Problem

_log = logging.getLogger(__name__)


class Callbacks:
    """Gives stored intents the outcomes that callbacks bring."""

    def __init__(self, database: Database, write_path: WritePath) -> None:
        """Take where the operations are, and how to change them."""
        self._database = database
        self._write_path = write_path

    async def receive(self, connector: Connector, headers: Mapping[str, str], body: bytes) -> None:
        """Apply a callback; one that says nothing new changes nothing.

        Raises:
            InvalidCallbackError: it does not come from the acquirer.

        """
        callback = connector.parse_callback(headers, body)
        subject = UUID(callback.key)
        payment_id, operation_id = subject, None
        if callback.kind != "authorize":
            async with self._database.snapshot() as connection:
                operation = await repository.any_operation(connection, subject)
            if operation is None:
                _log.warning("a callback of %s names no operation of ours", connector.name)
                return
            payment_id, operation_id = operation.payment_id, subject
        decide = decisions.answer(callback.outcome, "callback")
        try:
            await self._write_path.change(Request(payment_id, decide, operation_id=operation_id))
        except Problem as problem:
            _log.info("a callback of %s changes nothing: %s", connector.name, problem)
