"""Claims keys in the commit of their effect, and replays what an earlier request with the key got.

There is no window in which a key is claimed and its effect is missing: both are one commit, so a second request waits
for the first one's and then replays it.
"""

import hmac
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from payments.access import merchant_of
from payments.database import Database
from payments.idempotency import repository
from payments.keyring import Keyring
from shared.identity import Identity
from shared.ids import new_uuid
from shared.problems import Problem

_PURPOSE = "idempotency"
_CREATED = 201


class Reply(NamedTuple):
    """What a client gets; ``replayed`` when an earlier request with its key already did the work."""

    status_code: int
    body: bytes
    replayed: bool


class Idempotency:
    """Runs a change once per key."""

    def __init__(self, database: Database, keyring: Keyring) -> None:
        """Take the database, and the keys that hash bodies."""
        self._database = database
        self._keyring = keyring

    async def once(
        self,
        caller: Identity,
        key: str,
        path: str,
        content: bytes,
        create: Callable[[AsyncConnection, UUID], Awaitable[UUID]],
    ) -> Reply:
        """Create something under a key; ``create`` gets its id and returns the event whose data is the reply.

        Raises:
            Problem: 422 when the key was used for another request, or whatever ``create`` raised: then nothing is
                stored.

        """
        _, fingerprint = self._keyring.sign(_PURPOSE, content)
        values: dict[str, Any] = {
            "merchant_id": merchant_of(caller),
            "livemode": caller.livemode,
            "key": key,
            "path": path,
            "fingerprint": fingerprint,
            "resource_id": new_uuid(),
        }
        async with self._database.transaction() as connection:
            fresh = await repository.claim(connection, values)
            if fresh:
                event_id = await create(connection, values["resource_id"])
                await repository.answer(connection, values, event_id, _CREATED)
            row = await repository.find(connection, values)
        known = [mark for _, mark in self._keyring.candidates(_PURPOSE, content)]
        if not any(hmac.compare_digest(mark, bytes(row["fingerprint"])) for mark in known):
            raise Problem(
                422,
                "idempotency_key_reused",
                "This Idempotency-Key belongs to a request with another body. Use a fresh key for a new request.",
            )
        return Reply(row["status_code"], row["body"].encode(), replayed=not fresh)
