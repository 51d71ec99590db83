"""Idempotency of the write path: what a key is claimed with, and what its second use is answered."""

import hmac
import math
from typing import NamedTuple
from uuid import UUID

from payments.access import merchant_of
from payments.connectors.port import Unknown
from payments.keyring import Keyring
from payments.payments import decisions
from payments.payments.changes import Change, Claim, Earlier, Request, Written
from payments.payments.write_path import WritePath
from shared.identity import Identity
from shared.problems import Problem

_PURPOSE = "idempotency"


class Reply(NamedTuple):
    """What a client gets; ``replayed`` when an earlier request with its key already did the work."""

    status_code: int
    body: bytes
    replayed: bool = False


class Replies:
    """Claims keys, and turns what the database knows of them into replies."""

    def __init__(self, write_path: WritePath, keyring: Keyring) -> None:
        """Take the write path, to end what a dead process left, and the keys that hash bodies."""
        self._write_path = write_path
        self._keyring = keyring

    def claim(self, caller: Identity, key: str, path: str, content: bytes, resource_id: UUID) -> Claim:
        """Return the claim of a key for one request; ``content`` is its parsed body, without a CVC."""
        _, fingerprint = self._keyring.sign(_PURPOSE, content)
        return Claim(merchant_of(caller), caller.livemode, key, path, fingerprint, resource_id)

    async def reply(self, written: Written, claim: Claim, payment_id: UUID, content: bytes) -> Reply:
        """Return the reply to a request from what its commit wrote or found.

        Raises:
            Problem: 422 when the key was used for another request, 409 while that one is in flight.

        """
        if isinstance(written, Change):
            return Reply(written.status_code or decisions.OK, written.event.data)
        if written.resource_id == claim.resource_id and written.body is not None:
            # Our own commit, whose confirmation was lost with a connection.
            return Reply(written.status_code or decisions.OK, written.body)
        known = [mark for _, mark in self._keyring.candidates(_PURPOSE, content)]
        if not any(hmac.compare_digest(mark, written.fingerprint) for mark in known):
            raise Problem(
                422,
                "idempotency_key_reused",
                "This Idempotency-Key belongs to a request with another body. Use a fresh key for a new request.",
            )
        return await self._replay(written, claim, payment_id)

    async def _replay(self, earlier: Earlier, claim: Claim, payment_id: UUID) -> Reply:
        if earlier.body is None and earlier.deadline is not None and earlier.deadline <= earlier.now:
            # Whoever made the call did not live to store its answer.
            operation = None if claim.path == decisions.CREATE_PATH else earlier.resource_id
            payment = earlier.resource_id if operation is None else payment_id
            decide = decisions.answer(Unknown("the acquirer's deadline passed"), "timeout")
            try:
                written = await self._write_path.change(Request(payment, decide, operation_id=operation))
            except Problem:
                written = await self._write_path.find(claim) or earlier
            if isinstance(written, Change):
                return Reply(written.status_code or decisions.OK, written.event.data, replayed=True)
            earlier = written
        if earlier.body is None:
            wait = (earlier.deadline - earlier.now).total_seconds() if earlier.deadline else 1.0
            raise Problem(
                409,
                "idempotency_key_in_use",
                "The first request with this Idempotency-Key waits for the acquirer. Repeat it later, same key.",
                effect="unknown",
                retryable=True,
                headers={"Retry-After": str(max(1, math.ceil(wait)))},
            )
        return Reply(earlier.status_code or decisions.OK, earlier.body, replayed=True)
