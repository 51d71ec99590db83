"""Moves cards to the active key: resumable, while the service runs, side by side with deletions and with itself."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import sqlalchemy as sa

from payments.database import Database
from payments.vault import repository
from payments.vault.envelope import Envelope, Owner, SealBrokenError, Sealed

_FIRST = UUID(int=0)


@dataclass(slots=True)
class Progress:
    """What a run has done.

    Shapes:
        moved: cards now under the active key.
        skipped: cards that were deleted, or moved by somebody else, while this run looked at them.
        broken: payment methods whose card does not open; they are left as they are.
    """

    moved: int = 0
    skipped: int = 0
    broken: list[UUID] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class KeyUse:
    """Which key is active, and how many cards each key has encrypted."""

    active: str
    cards: dict[str, int]

    @property
    def waiting(self) -> int:
        """Return how many cards are not under the active key."""
        return sum(count for key_id, count in self.cards.items() if key_id != self.active)


class Rotation:
    """Re-encrypts what older keys encrypted.

    Each card gets a fresh data key as well: whoever learned an old key could know the data keys it wrapped. No row is
    locked while keys are fetched; a replacement takes effect only if the card is still the one that was read.
    """

    def __init__(self, database: Database, envelope: Envelope) -> None:
        """Take the collaborators."""
        self._database = database
        self._envelope = envelope

    async def key_use(self) -> KeyUse:
        """Count cards by key; raises KeysUnavailableError."""
        active = await self._envelope.keys.active_key_id()
        async with self._database.transaction() as connection:
            return KeyUse(active, await repository.cards_per_key(connection))

    async def reencrypt(self, batch: int = 200, report: Callable[[Progress], None] = lambda _: None) -> Progress:
        """Re-encrypt every card that is not under the active key, committing after each batch.

        An interrupted run is resumed by running it again: what it finished is under the active key by then.

        Raises:
            KeysUnavailableError: the keeper of the keys does not answer; what was committed stays.

        """
        progress = Progress()
        use = await self.key_use()
        for key_id in use.cards:
            if key_id == use.active:
                continue
            after = _FIRST
            while rows := await self._read(key_id, after, batch):
                await self._move(rows, progress)
                after = rows[-1]["payment_method_id"]
                report(progress)
        return progress

    async def _read(self, key_id: str, after: UUID, limit: int) -> Sequence[sa.RowMapping]:
        async with self._database.transaction() as connection:
            return await repository.cards_under_key(connection, key_id, after=after, limit=limit)

    async def _move(self, rows: Sequence[sa.RowMapping], progress: Progress) -> None:
        ids = [row["payment_method_id"] for row in rows]
        olds = [repository.sealed_of(row) for row in rows]
        news = await asyncio.gather(
            *(
                self._reseal(Owner(row["merchant_id"], row["payment_method_id"]), old)
                for row, old in zip(rows, olds, strict=True)
            )
        )
        async with self._database.transaction() as connection:
            for payment_method_id, old, new in zip(ids, olds, news, strict=True):
                if new is None:
                    progress.broken.append(payment_method_id)
                elif await repository.replace(connection, payment_method_id, old, new):
                    progress.moved += 1
                else:
                    progress.skipped += 1

    async def _reseal(self, owner: Owner, old: Sealed) -> Sealed | None:
        try:
            number = await self._envelope.open(owner, old)
        except SealBrokenError:
            return None
        return await self._envelope.seal(owner, number)
