"""What merchants and the risk team do about fraud: check, report, follow links, review."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, Protocol
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from payments.access import merchant_of
from payments.audit_log import service as audit
from payments.database import Database
from payments.fraud import desk_repository as repository
from payments.fraud import list_keeper
from payments.fraud.api_schemas import (
    Backtest,
    BacktestCreate,
    CheckCreate,
    FraudCheck,
    FraudReport,
    LinkedPayment,
    Links,
    ListEntryCreate,
    ReportCreate,
    Review,
)
from payments.fraud.backtest import backtest
from payments.fraud.desk_repository import Viewer
from payments.fraud.list_keeper import ListKeeper
from payments.fraud.reports import confirm
from payments.fraud.rulebook import Rulebook
from payments.fraud.rules import Rule, RuleSet
from payments.fraud.schemas import Attempt
from payments.fraud.service import Fraud
from payments.http.lists import Cursor
from payments.merchants.service import Merchants
from payments.vault.service import Vault
from shared.identity import Identity
from shared.ids import new_uuid, show, uuid_of
from shared.problems import not_found

# What a request may take a few seconds for; the command line has no such bound.
_MOST_REPLAYED = 20_000

_SHARED: dict[Literal["card", "ip", "device"], str] = {
    "card": "card_fingerprint",
    "ip": "customer_ip",
    "device": "device_id",
}


class ReviewDesk(Protocol):
    """What ends a review on the write path."""

    async def decide(
        self, payment_id: UUID, verdict: Literal["approve", "decline"], reviewer: str, reason: str
    ) -> bytes:
        """Return the payment as it is then, as JSON; raises 409 when it is not under review."""


class FraudDesk:
    """Merchants see their own, people of the risk team see everybody's."""

    def __init__(
        self, database: Database, fraud: Fraud, merchants: Merchants, vault: Vault, reviews: ReviewDesk
    ) -> None:
        """Take the collaborators."""
        self.rules = Rulebook(database, fraud.book)
        self.lists = ListKeeper(database, fraud.book, merchants)
        self._database = database
        self._fraud = fraud
        self._merchants = merchants
        self._vault = vault
        self._reviews = reviews

    async def check(self, caller: Identity, body: CheckCreate) -> FraudCheck:
        """Decide a payment that is not made; nothing is charged, stored or counted."""
        merchant_id = merchant_of(caller)
        card = await self._vault.card_of(merchant_id, uuid_of("pm", body.payment_method), livemode=caller.livemode)
        attempt = Attempt(
            merchant_id=merchant_id,
            livemode=caller.livemode,
            idempotency_key=new_uuid().hex,
            amount=body.amount,
            currency=body.currency,
            amount_usd=None,
            capture_method=body.capture_method,
            card_fingerprint=card.fingerprint,
            card_brand=card.brand,
            card_bin=card.bin,
            card_country=body.card_country,
            customer_ip=body.customer_ip,
            customer_ip_country=body.customer_ip_country,
            device_id=body.device_id,
            at=datetime.now(UTC),
        )
        decision = await self._fraud.check(attempt, await self._merchants.profile(merchant_id))
        return FraudCheck(
            livemode=caller.livemode,
            outcome=decision.outcome,
            score=decision.score,
            decision=decision.shown(),
        )

    async def report(self, caller: Identity, body: ReportCreate) -> FraudReport:
        """Record that a payment was fraud; the same report again changes nothing. Raises 404 for another's payment."""
        viewer = Viewer(merchant_of(caller), caller.livemode)
        async with self._database.transaction() as connection:
            payment = await self._existing(connection, viewer, uuid_of("pay", body.payment))
            row = await confirm(connection, payment, "merchant", body.reason, caller.subject, body.comment)
            blocked = None
            if body.block_card:
                entry = ListEntryCreate(
                    list="block",
                    kind="card",
                    value=payment["card_fingerprint"],
                    livemode=caller.livemode,
                    reason=f"reported with {body.payment}",
                )
                stored = await list_keeper.put(
                    connection, entry, merchant_id=payment["merchant_id"], created_by=caller.subject
                )
                blocked = show("lst", stored["id"])
        self._fraud.book.forget()
        fields = {name: row[name] for name in FraudReport.model_fields if name in row}
        return FraudReport(**fields | {"id": show("rep", row["id"]), "payment": body.payment, "blocked": blocked})

    async def links(self, caller: Identity, payment_id: UUID) -> Links:
        """Return what shares a card, an IP address or a device with a payment, of the same mode."""
        viewer = _viewer(caller)
        found: dict[UUID, tuple[sa.RowMapping, list[Literal["card", "ip", "device"]]]] = {}
        async with self._database.snapshot() as connection:
            payment = await self._existing(connection, viewer, payment_id)
            for thing, column in _SHARED.items():
                if payment[column] is None:
                    continue
                for row in await repository.linked(connection, viewer, payment, column):
                    found.setdefault(row["id"], (row, []))[1].append(thing)
        newest = sorted(found.values(), key=lambda each: each[0]["id"], reverse=True)[: repository.MOST_LINKS]
        data = [
            LinkedPayment(
                payment=show("pay", row["id"]),
                merchant=show("mer", row["merchant_id"]),
                shared=shared,
                **{name: row[name] for name in ("status", "amount", "currency", "score", "created_at")},
            )
            for row, shared in newest
        ]
        return Links(livemode=payment["livemode"], payment=show("pay", payment_id), data=data)

    async def reviews(self, caller: Identity, place: Cursor, *, livemode: bool) -> Sequence[Review]:
        """Return up to ``limit + 1`` payments that wait for a decision, newest first."""
        async with self._database.snapshot() as connection:
            rows = await repository.reviews(connection, _viewer(caller, livemode=livemode), place)
        return [
            Review(
                id=show("pay", row["id"]),
                merchant=show("mer", row["merchant_id"]),
                decision=row["receipt"],
                expires_at=row["review_expires_at"],
                **{name: row[name] for name in Review.model_fields if name in row and name not in ("id", "merchant")},
            )
            for row in rows
        ]

    async def decide(
        self, caller: Identity, payment_id: UUID, verdict: Literal["approve", "decline"], reason: str
    ) -> bytes:
        """End a review; an approved payment goes on to its authorization. Raises 404 and 409."""
        async with self._database.snapshot() as connection:
            payment = await self._existing(connection, _viewer(caller), payment_id)
        if caller.kind == "person":
            async with self._database.transaction() as connection:
                await audit.record(connection, verdict, "reviews", show("pay", payment_id), {"reason": reason})
        shown = await self._reviews.decide(payment_id, verdict, caller.subject, reason)
        if verdict == "decline":
            async with self._database.transaction() as connection:
                await confirm(connection, payment, "review", reason, caller.subject)
        return shown

    async def backtest(self, body: BacktestCreate) -> Backtest:
        """Decide the newest payments of some days again with other rules."""
        rules = RuleSet(0, [Rule(id=new_uuid(), **rule.model_dump()) for rule in body.rules])
        since = datetime.now(UTC) - timedelta(days=body.days)
        found = await backtest(self._database, rules, since, livemode=body.livemode, limit=_MOST_REPLAYED)
        return Backtest.model_validate({"livemode": body.livemode, "since": since, **found})

    async def confirm_dispute(self, connection: AsyncConnection, payment: Any, author: str) -> None:  # noqa: ANN401
        """Learn from a cardholder's bank that a payment was fraud, in the transaction of the dispute."""
        row = {name: getattr(payment, name) for name in ("id", "merchant_id", "livemode", "receipt")}
        await confirm(connection, row, "dispute", "fraudulent", author)

    async def _existing(self, connection: AsyncConnection, viewer: Viewer, payment_id: UUID) -> sa.RowMapping:
        payment = await repository.find_payment(connection, viewer, payment_id)
        if payment is None:
            raise not_found("payment")
        return payment


def _viewer(caller: Identity, *, livemode: bool | None = None) -> Viewer:
    """Return what a caller sees; a person chooses the mode, a key has one."""
    if caller.kind == "person":
        return Viewer(None, livemode)
    return Viewer(merchant_of(caller), caller.livemode)
