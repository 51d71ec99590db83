"""Webhook endpoints and what became of deliveries, as their merchants see them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from payments.database import Database
from payments.events.schemas import Stream
from payments.events.service import TYPES, Events
from payments.http.lists import Cursor
from payments.http.models import rfc3339
from payments.webhooks import repository
from payments.webhooks.addresses import Guard, RefusedError
from payments.webhooks.schemas import EndpointCreate, EndpointUpdate, Replay
from payments.webhooks.secret_box import SecretBox
from shared.ids import new_uuid, show
from shared.problems import FieldError, Problem, not_found

_MAX_ENDPOINTS = 16
_MAX_REPLAYED = 10_000
_EPOCH = datetime.fromtimestamp(0, UTC)
_PRUNED_AT_ONCE = 10_000


class Webhooks:
    """What merchants do with their endpoints."""

    def __init__(
        self, database: Database, events: Events, guard: Guard, secrets: SecretBox, retention: timedelta
    ) -> None:
        """Take the collaborators, and how long deliveries that ended are kept."""
        self._database = database
        self._events = events
        self._guard = guard
        self._secrets = secrets
        self._retention = retention

    async def create(self, stream: Stream, body: EndpointCreate) -> dict[str, Any]:
        """Store an endpoint and return it with its secret; it gets what happens from now on."""
        await self._check(body.url, body.event_types)
        values = {"id": new_uuid(), **stream._asdict(), **body.model_dump()}
        async with self._database.transaction() as connection:
            row = await repository.insert_endpoint(connection, values, _MAX_ENDPOINTS)
            if row is None:
                raise Problem(
                    422,
                    "too_many_endpoints",
                    f"A merchant has at most {_MAX_ENDPOINTS} endpoints per mode; delete one.",
                )
            return shown(row) | {"secret": await self._secrets.add(connection, row["id"])}

    async def endpoints(self, stream: Stream, place: Cursor) -> Sequence[dict[str, Any]]:
        """Return up to ``limit + 1`` endpoints, newest first."""
        async with self._database.snapshot() as connection:
            return [shown(row) for row in await repository.list_endpoints(connection, stream, place)]

    async def endpoint(self, stream: Stream, endpoint_id: UUID) -> dict[str, Any]:
        """Return an endpoint."""
        async with self._database.snapshot() as connection:
            return shown(await _existing(connection, stream, endpoint_id))

    async def update(self, stream: Stream, endpoint_id: UUID, body: EndpointUpdate) -> dict[str, Any]:
        """Change the fields that were sent.

        Disabled, it gives up what is not delivered; enabled again, it gets what happens from then on.
        """
        sent = body.model_dump(include=body.model_fields_set)
        await self._check(sent.get("url"), sent.get("event_types"))
        async with self._database.transaction() as connection:
            row = await _existing(connection, stream, endpoint_id, lock=True)
            if sent.get("status", row["status"]) != row["status"]:
                sent["disabled_reason"] = "requested" if sent["status"] == "disabled" else None
                await repository.cancel_pending(connection, endpoint_id)
                await repository.move_to_end(connection, stream, endpoint_id)
            return shown(await repository.update_endpoint(connection, endpoint_id, sent))

    async def delete(self, stream: Stream, endpoint_id: UUID) -> None:
        """End an endpoint for good."""
        async with self._database.transaction() as connection:
            await _existing(connection, stream, endpoint_id, lock=True)
            await repository.cancel_pending(connection, endpoint_id)
            await repository.update_endpoint(connection, endpoint_id, {"deleted_at": sa.func.now()})
            await repository.retire_secrets(connection, endpoint_id, 0)

    async def rotate(self, stream: Stream, endpoint_id: UUID, overlap_hours: int) -> dict[str, Any]:
        """Return the endpoint with a new secret; the old ones sign beside it for some hours more."""
        async with self._database.transaction() as connection:
            row = await _existing(connection, stream, endpoint_id, lock=True)
            await repository.retire_secrets(connection, endpoint_id, overlap_hours)
            return shown(row) | {"secret": await self._secrets.add(connection, endpoint_id)}

    async def deliveries(
        self, stream: Stream, endpoint_id: UUID, place: Cursor, status: str | None
    ) -> Sequence[dict[str, Any]]:
        """Return up to ``limit + 1`` deliveries of an endpoint, newest first."""
        async with self._database.snapshot() as connection:
            await _existing(connection, stream, endpoint_id)
            rows = await repository.list_deliveries(connection, endpoint_id, place, status)
        return [shown_delivery(row, livemode=stream.livemode) for row in rows]

    async def retry(self, stream: Stream, endpoint_id: UUID, delivery_id: UUID) -> dict[str, Any]:
        """Send an event again now, whatever became of it."""
        async with self._database.transaction() as connection:
            _require_enabled(await _existing(connection, stream, endpoint_id, lock=True))
            if await repository.find_delivery(connection, endpoint_id, delivery_id) is None:
                raise not_found("delivery")
            await repository.restart(connection, delivery_id)
            row = await repository.find_delivery(connection, endpoint_id, delivery_id)
        if row is None:
            raise not_found("delivery")
        return shown_delivery(row, livemode=stream.livemode)

    async def replay(self, stream: Stream, endpoint_id: UUID, body: Replay) -> dict[str, Any]:
        """Send the events of a range of time again, those of before the endpoint's time too."""
        await self._check(None, body.event_types)
        now = datetime.now(UTC)
        # Ids know no time before 1970, and nothing happens after now.
        created = (max(body.created_from, _EPOCH), min(body.created_until or now, now))
        async with self._database.transaction() as connection:
            row = await _existing(connection, stream, endpoint_id, lock=True)
            _require_enabled(row)
            types = body.event_types or row["event_types"]
            limit = _MAX_REPLAYED + 1
            found = await self._events.headings_between(connection, stream, created, types, limit)
            if len(found) == limit:
                detail = f"There are more than {_MAX_REPLAYED} events in this range; send a shorter one"
                raise Problem(422, "validation_failed", detail, errors=(FieldError(detail, "/created_until"),))
            await repository.replay(connection, endpoint_id, [new_uuid() for _ in found], found)
        endpoint = show("we", endpoint_id)
        return {"object": "webhook_replay", "livemode": stream.livemode, "endpoint": endpoint, "events": len(found)}

    async def prune(self) -> int:
        """Forget deliveries that ended and are past the retention; return how many. For the worker."""
        pruned, before = 0, datetime.now(UTC) - self._retention
        while True:
            async with self._database.transaction() as connection:
                found = await repository.prune(connection, before, _PRUNED_AT_ONCE)
            pruned += found
            if found < _PRUNED_AT_ONCE:
                return pruned

    async def _check(self, url: str | None, types: Sequence[str] | None) -> None:
        errors = []
        if unknown := sorted(set(types or ()) - TYPES):
            errors.append(FieldError(f"{unknown[0]} is not a type of event; docs/EVENTS.md lists them", "/event_types"))
        if url is not None:
            try:
                await self._guard.check(url)
            except RefusedError as error:
                errors.append(FieldError(f"We do not send there: {error}", "/url"))
        if errors:
            raise Problem(422, "validation_failed", "The request is not valid; see errors.", errors=tuple(errors))


async def _existing(
    connection: AsyncConnection, stream: Stream, endpoint_id: UUID, *, lock: bool = False
) -> sa.RowMapping:
    row = await repository.find_endpoint(connection, stream, endpoint_id, lock=lock)
    if row is None:
        raise not_found("webhook endpoint")
    return row


def _require_enabled(row: sa.RowMapping) -> None:
    if row["status"] != "enabled":
        raise Problem(409, "endpoint_disabled", "Enable the endpoint first.")


def shown(row: sa.RowMapping) -> dict[str, Any]:
    """Return the public form of an endpoint."""
    return {
        "id": show("we", row["id"]),
        "object": "webhook_endpoint",
        "livemode": row["livemode"],
        "url": row["url"],
        "description": row["description"],
        "event_types": row["event_types"],
        "status": row["status"],
        "disabled_reason": row["disabled_reason"],
        "created_at": rfc3339(row["created_at"]),
        "updated_at": rfc3339(row["updated_at"]),
    }


def shown_delivery(row: sa.RowMapping, *, livemode: bool) -> dict[str, Any]:
    """Return the public form of a delivery with its attempts."""
    return {
        "id": show("dlv", row["id"]),
        "object": "webhook_delivery",
        "livemode": livemode,
        "endpoint": show("we", row["endpoint_id"]),
        "event": show("evt", row["event_id"]),
        "type": row["type"],
        "sequence": row["sequence"],
        "status": row["status"],
        "next_attempt_at": rfc3339(row["due_at"]) if row["status"] == "pending" else None,
        "attempts": [
            each | {"started_at": rfc3339(datetime.fromisoformat(each["started_at"]))} for each in row["history"] or ()
        ],
        "created_at": rfc3339(row["created_at"]),
        "updated_at": rfc3339(row["updated_at"]),
    }
