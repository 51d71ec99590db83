"""Pauses: an operator stops a merchant, an acquirer or a whole mode; payments follow within two seconds."""

from collections.abc import Callable, Sequence
from time import monotonic
from uuid import UUID

from payments.controls import repository
from payments.controls.schemas import Pause, PauseKind
from payments.database import Database
from payments.fresh import Fresh
from payments.merchants.service import Merchants
from shared.ids import show, uuid_of
from shared.problems import Problem, not_found


class Pauses:
    """What is paused now."""

    def __init__(self, paused: frozenset[tuple[str, str | None]]) -> None:
        """Take pairs of kind and subject."""
        self._paused = paused

    def check(self, merchant_id: UUID, acquirer: str, *, livemode: bool) -> None:
        """Let money move.

        Raises:
            Problem: 403 while the merchant, the acquirer or the mode is paused.

        """
        who = self.holds(merchant_id, acquirer, livemode=livemode)
        if who is not None:
            raise Problem(
                403, "paused", f"{who} paused by the platform. Nothing was done; try again later.", retryable=True
            )

    def holds(self, merchant_id: UUID, acquirer: str | None, *, livemode: bool) -> str | None:
        """Return who is paused, in words, if anybody is; payouts go through no acquirer."""
        if not self._paused:
            return None
        for kind, subject, who in (
            ("mode", "live" if livemode else "test", "This mode is"),
            ("acquirer", acquirer, "The acquirer of this payment is"),
            ("merchant", show("mer", merchant_id), "Your account is"),
        ):
            if (kind, subject) in self._paused:
                return who
        return None


class Controls:
    """Pauses and resumes."""

    def __init__(
        self,
        database: Database,
        merchants: Merchants,
        acquirers: frozenset[str],
        *,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """Take the collaborators and the names of the acquirers there are."""
        self._database = database
        self._merchants = merchants
        self._acquirers = acquirers
        self._known: Fresh[None, Pauses] = Fresh(self._load, clock)

    async def pauses(self) -> Pauses:
        """Return what is paused, at most two seconds old."""
        return await self._known.get(None)

    async def list(self) -> Sequence[Pause]:
        """Return every pause, newest first."""
        async with self._database.snapshot() as connection:
            return [Pause(**row) for row in await repository.find_all(connection)]

    async def pause(self, kind: PauseKind, subject: str, reason: str, by: str) -> Pause:
        """Pause something; doing it again changes nothing. Raises 404 for what does not exist."""
        await self._check_subject(kind, subject)
        async with self._database.transaction() as connection:
            values = {"kind": kind, "subject": subject, "reason": reason, "created_by": by}
            await repository.put(connection, values)
            rows = await repository.find_all(connection)
        self._known.forget(None)
        return next(Pause(**row) for row in rows if (row["kind"], row["subject"]) == (kind, subject))

    async def resume(self, kind: PauseKind, subject: str) -> Pause:
        """End a pause and return it; raises 404 if there was none."""
        async with self._database.transaction() as connection:
            row = await repository.delete(connection, kind, subject)
        self._known.forget(None)
        if row is None:
            raise not_found("pause")
        return Pause(**row)

    async def _check_subject(self, kind: PauseKind, subject: str) -> None:
        if kind == "merchant":
            try:
                await self._merchants.profile(uuid_of("mer", subject))
            except ValueError:
                raise not_found("merchant") from None
        elif subject not in (self._acquirers if kind == "acquirer" else ("test", "live")):
            raise not_found(kind)

    async def _load(self, _: None) -> Pauses:
        async with self._database.snapshot() as connection:
            rows = await repository.find_all(connection)
        return Pauses(frozenset((row["kind"], row["subject"]) for row in rows))
