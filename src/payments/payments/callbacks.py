"""What acquirers tell us of their own accord: at least once, in any order, and believed only when signed."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from uuid import UUID

from payments.connectors.port import Approved, Connector, DisputeNotice
from payments.database import Database
from payments.payments import decisions, repository
from payments.payments.changes import Change, Locked, Request
from payments.payments.write_path import WritePath
from shared.problems import Problem, not_found

_log = logging.getLogger(__name__)


OnDispute = Callable[[Connector, DisputeNotice], Awaitable[None]]


class Callbacks:
    """Gives stored intents the outcomes that callbacks bring, and passes on what is said about disputes."""

    def __init__(self, database: Database, write_path: WritePath, on_dispute: OnDispute) -> None:
        """Take where the operations are, how to change them, and who knows about disputes."""
        self._database = database
        self._write_path = write_path
        self._on_dispute = on_dispute

    async def receive(self, connector: Connector, headers: Mapping[str, str], body: bytes) -> None:
        """Apply a callback; one that says nothing new changes nothing.

        Raises:
            InvalidCallbackError: it does not come from the acquirer.
            Problem: it could not be stored, or comes too early: the acquirer must send it again.

        """
        callback = connector.parse_callback(headers, body)
        if callback is None:
            return
        if isinstance(callback, DisputeNotice):
            await self._on_dispute(connector, callback)
            return
        subject = UUID(callback.key)
        payment_id, operation_id = subject, None
        if callback.kind != "authorize":
            async with self._database.snapshot() as connection:
                operation = await repository.any_operation(connection, subject)
            if operation is None:
                _log.warning("a callback of %s names no operation of ours", connector.name)
                return
            payment_id, operation_id = operation.payment_id, subject
        answer = decisions.answer(callback.outcome, "callback")

        def decide(locked: Locked) -> Change:
            payment = locked.payment
            if (payment.connector, payment.livemode) != (connector.name, connector.capabilities.livemode):
                raise not_found("payment")
            status = locked.operation.status if locked.operation is not None else payment.status
            if isinstance(callback.outcome, Approved) and status in ("failed", "declined"):
                _log.error(
                    "%s says that payment %s, which is %s here, was approved", connector.name, payment.id, status
                )
            return answer(locked)

        try:
            await self._write_path.change(Request(payment_id, decide, operation_id=operation_id))
        except Problem as problem:
            if problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                raise  # not stored, so the acquirer must send it again
            _log.info("a callback of %s changes nothing: %s", connector.name, problem)
