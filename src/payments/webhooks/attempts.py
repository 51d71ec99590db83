"""One attempt: what is sent, how its outcome is judged, and what is stored of it."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from payments.events.service import record
from payments.webhooks import delivery_repository, repository
from payments.webhooks.delivery_repository import Due
from payments.webhooks.schedule import delay
from payments.webhooks.schemas import DeliveryStatus
from payments.webhooks.sender import Outcome, Sender
from payments.webhooks.service import shown, shown_delivery
from payments.webhooks.signing import headers
from shared.tracing import Parent, Tracing

PARKED = "webhook_delivery.parked"
DISABLED = "webhook_endpoint.disabled"
_USER_AGENT = "payments-webhooks/1"


class Attempt(msgspec.Struct, kw_only=True):
    """What became of an attempt."""

    delivery: Due
    started_at: datetime
    outcome: Outcome
    status: DeliveryStatus
    delay: float | None

    @property
    def gone(self) -> bool:
        """Whether the endpoint wants nothing more."""
        return self.outcome.status == HTTPStatus.GONE


class Attempts:
    """Makes attempts and stores them."""

    def __init__(self, sender: Sender, tracing: Tracing | None) -> None:
        """Take what sends, and what records it."""
        self._sender = sender
        self._tracing = tracing
        self.counts: Counter[DeliveryStatus] = Counter()

    async def close(self) -> None:
        """Close every connection."""
        await self._sender.close()

    async def make(self, delivery: Due, secrets: Sequence[str], sent: asyncio.Event) -> Attempt:
        """Send a delivery's event once; ``sent`` is set as soon as the request is on its way."""
        started_at = datetime.now(UTC)
        try:
            outcome = await self._send(delivery, secrets, started_at, sent)
        except Exception as error:  # noqa: BLE001 - an event that cannot be sent holds up no other
            outcome = Outcome(None, 0.0, f"not sent: {type(error).__name__}")
        finally:
            sent.set()
        status, wait = _judge(outcome, delivery.tries + 1)
        self.counts[status] += 1
        return Attempt(delivery=delivery, started_at=started_at, outcome=outcome, status=status, delay=wait)

    async def _send(self, delivery: Due, secrets: Sequence[str], started_at: datetime, sent: asyncio.Event) -> Outcome:
        body = delivery.event.show()
        sending = headers(delivery.event.shown_id, int(started_at.timestamp()), body, secrets)
        sending |= {"content-type": "application/json", "user-agent": _USER_AGENT}
        cause = Parent.of(delivery.traceparent.encode()) if delivery.traceparent is not None else None
        if cause is None:
            return await self._sender.send(delivery.url, sending, body, sent)
        if self._tracing is None:
            return await self._sender.send(delivery.url, sending | {"traceparent": cause.header.decode()}, body, sent)
        # Part of the trace of the request that caused the event. Without its address, which may hold a secret.
        about: dict[str, str | int] = {"webhook.event": delivery.event.shown_id, "webhook.attempt": delivery.tries + 1}
        with self._tracing.later("webhook", cause, **about) as span:
            here = Parent.at(span).header.decode()
            outcome = await self._sender.send(delivery.url, sending | {"traceparent": here}, body, sent)
            span.set_attribute("http.response.status_code", outcome.status or 0)
        return outcome

    async def store(self, connection: AsyncConnection, made: Sequence[Attempt]) -> None:
        """Store attempts, and leave events of deliveries that were parked and endpoints that were disabled."""
        # Endpoints before deliveries, as everywhere: nobody waits for somebody who waits for them.
        for endpoint_id in sorted({each.delivery.endpoint_id for each in made if each.gone}):
            await self._disable(connection, endpoint_id)
        await delivery_repository.mark(connection, [_row(each) for each in made])
        for each in made:
            if each.status == "parked":
                await self._tell_parked(connection, each.delivery)

    async def _tell_parked(self, connection: AsyncConnection, delivery: Due) -> None:
        event = delivery.event
        if event.type in (PARKED, DISABLED):
            return  # or a dead endpoint would be told for ever that it was not told
        row = await repository.find_delivery(connection, delivery.endpoint_id, delivery.id)
        if row is not None:
            await record(
                connection,
                PARKED,
                shown_delivery(row, livemode=event.livemode),
                merchant_id=event.merchant_id,
                livemode=event.livemode,
                object_id=delivery.id,
            )

    async def _disable(self, connection: AsyncConnection, endpoint_id: UUID) -> None:
        row = await delivery_repository.endpoint(connection, endpoint_id)
        await repository.cancel_pending(connection, endpoint_id)
        if row["status"] == "disabled":
            return
        changed = await repository.update_endpoint(
            connection, endpoint_id, {"status": "disabled", "disabled_reason": "gone"}
        )
        await record(
            connection,
            DISABLED,
            shown(changed),
            merchant_id=row["merchant_id"],
            livemode=row["livemode"],
            object_id=endpoint_id,
        )


def _judge(outcome: Outcome, tries: int) -> tuple[DeliveryStatus, float | None]:
    if outcome.status is not None and HTTPStatus.OK <= outcome.status < HTTPStatus.MULTIPLE_CHOICES:
        return "delivered", None
    if outcome.status == HTTPStatus.GONE:
        return "canceled", None
    wait = delay(tries, outcome.retry_after)
    return ("parked", None) if wait is None else ("pending", wait)


def _row(made: Attempt) -> dict[str, object]:
    return {
        "delivery_id": made.delivery.id,
        "status": made.status,
        "delay": made.delay,
        "started_at": made.started_at,
        "status_code": made.outcome.status,
        "latency_ms": round(made.outcome.latency * 1_000),
        "error": made.outcome.error,
    }
