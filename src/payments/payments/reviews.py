"""The decisions of reviewers, and of the policy when nobody decides in time."""

import logging
from http import HTTPStatus
from typing import Literal
from uuid import UUID

from payments.connectors.registry import Registry
from payments.controls.service import Controls
from payments.database import Database
from payments.merchants.service import Merchants
from payments.payments import decisions, repository
from payments.payments.calls import Calls
from payments.payments.changes import Change, Locked, Request, Written, payment_event
from payments.payments.drafts import authorize_request
from payments.payments.intake import Policy
from payments.payments.write_path import WritePath
from payments.vault.service import Vault
from shared.problems import Problem, not_found

_log = logging.getLogger(__name__)

Verdict = Literal["approve", "decline"]


class Reviews:
    """Ends reviews: an approved payment goes on to its authorization, without a CVC."""

    def __init__(
        self,
        *,
        database: Database,
        merchants: Merchants,
        write_path: WritePath,
        calls: Calls,
        vault: Vault,
        connectors: Registry,
        controls: Controls,
        policy: Policy,
    ) -> None:
        """Take the collaborators and the policy."""
        self._database = database
        self._merchants = merchants
        self._write_path = write_path
        self._calls = calls
        self._vault = vault
        self._connectors = connectors
        self._controls = controls
        self._policy = policy

    async def decide(self, payment_id: UUID, verdict: Verdict, reviewer: str, reason: str) -> bytes:
        """End a review and return the payment as it is then.

        Raises:
            Problem: 404 for no such payment, 409 when it is not under review.

        """
        note = {"verdict": verdict, "by": reviewer, "reason": reason}
        if verdict == "decline":
            request = Request(payment_id, lambda locked: decisions.refuse_reviewed(locked.payment, note, locked.now))
            return _shown(await self._write_path.change(request))
        return await self._approve(payment_id, note)

    async def _approve(self, payment_id: UUID, note: dict[str, str]) -> bytes:
        async with self._database.snapshot() as connection:
            payment = await repository.any_payment(connection, payment_id)
        if payment is None:
            raise not_found("payment")
        pauses = await self._controls.pauses()
        pauses.check(payment.merchant_id, payment.connector, livemode=payment.livemode)
        # Asked of the database: tokens in memory may outlive their card.
        await self._vault.get(payment.merchant_id, payment.payment_method_id, livemode=payment.livemode)
        card = await self._vault.card_of(payment.merchant_id, payment.payment_method_id, livemode=payment.livemode)
        connector = self._connectors.named(payment.connector, livemode=payment.livemode)
        asked = authorize_request(payment, card, None)
        outcome = connector.single_commit(asked)
        deadline = self._calls.deadline()

        def decide(locked: Locked) -> Change:
            reviewed = decisions.end_review(locked.payment, note, locked.now, self._policy.authorization)
            if outcome is not None:
                return decisions.authorize(reviewed, outcome, locked.now, "review")
            reviewed.acquirer_deadline = locked.now + self._policy.acquirer_timeout
            reviewed.move("processing", "review", locked.now)
            return Change(payment=reviewed, event=payment_event(reviewed))

        written = await self._write_path.change(Request(payment_id, decide))
        if outcome is None:
            try:
                written = await self._calls.conclude(connector.authorize(asked, deadline), payment_id)
            except Problem:
                # A callback or recovery was faster than the reply.
                return await self._current(payment_id)
        return _shown(written)

    async def _current(self, payment_id: UUID) -> bytes:
        async with self._database.snapshot() as connection:
            payment = await repository.any_payment(connection, payment_id)
        if payment is None:
            raise not_found("payment")
        return payment.show()

    async def time_out(self) -> int:
        """End the reviews whose time is over by their merchants' policies; return how many. For the worker."""
        async with self._database.snapshot() as connection:
            due = await repository.overdue_reviews(connection, limit=100)
        ended = 0
        for payment_id, merchant_id in due:
            try:
                await self._time_out(payment_id, merchant_id)
                ended += 1
            except Problem as problem:
                _log.info("review not ended: %s", problem)  # a reviewer was faster
            except Exception:  # noqa: BLE001 - a defect met by one payment must not keep the others waiting
                _log.exception("review of %s not ended", payment_id)
        return ended

    async def _time_out(self, payment_id: UUID, merchant_id: UUID) -> None:
        verdict = (await self._merchants.profile(merchant_id)).review_timeout_action
        try:
            await self.decide(payment_id, verdict, "policy", "nobody decided in time")
        except Problem as problem:
            if problem.status != HTTPStatus.NOT_FOUND:
                raise
            await self.decide(payment_id, "decline", "policy", "nobody decided in time, and the card is gone")


def _shown(written: Written) -> bytes:
    if not isinstance(written, Change):
        raise AssertionError("a change without a key is never somebody else's")  # noqa: TRY004 - a defect of ours
    return written.payment.show()
