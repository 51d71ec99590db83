"""Routes of events: pages, one event, and the live stream."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Header, Query
from starlette.responses import Response

from payments.access import Caller, merchant_of
from payments.events.schemas import Event, EventPage, Stream
from payments.events.service import TYPES, Events
from payments.events.streams import Streams
from payments.http.lists import invalid_query, parse_id
from payments.http.problems import problem_responses
from shared.identity import Identity

_MAX_SEQUENCE = 2**63 - 1
_Sequence = Annotated[int, Query(ge=0, le=_MAX_SEQUENCE)]
_Types = Annotated[
    list[str] | None,
    Query(
        description="only events of these types; may be repeated", json_schema_extra={"items": {"enum": sorted(TYPES)}}
    ),
]


def _stream(caller: Identity) -> Stream:
    return Stream(merchant_of(caller), caller.livemode)


def _checked(types: list[str] | None) -> frozenset[str] | None:
    unknown = sorted(set(types or ()) - TYPES)
    if unknown:
        raise invalid_query("type", "Not a type of event; docs/EVENTS.md and /openapi.json list them all")
    return frozenset(types) if types else None


def build_router(events: Events, streams: Streams) -> APIRouter:
    """Return the routes over one reader."""
    router = APIRouter(tags=["events"])

    @router.get("/v1/events", response_model=EventPage, responses=problem_responses(422))
    async def list_events(
        caller: Caller,
        after: _Sequence = 0,
        limit: Annotated[int, Query(ge=1, le=100)] = 10,
        type: _Types = None,  # noqa: A002 - the name in the query
    ) -> Response:
        """Return events after a cursor, oldest first; go on with the ``after`` of the answer."""
        page = await events.page(_stream(caller), after, limit, _checked(type))
        return Response(msgspec.json.encode(page), media_type="application/json")

    @router.get("/v1/events/{event}", response_model=Event, responses=problem_responses(404, 422))
    async def get_event(event: str, caller: Caller) -> Response:
        """Return an event."""
        body = await events.event(_stream(caller), parse_id("evt", event, "event"))
        return Response(body, media_type="application/json")

    @router.get(
        "/v1/stream",
        response_class=Response,
        responses={
            200: {
                "description": "Server-sent events",
                "content": {"text/event-stream": {"schema": {"type": "string"}}},
            },
            **problem_responses(422, 429),
        },
    )
    async def stream_events(
        caller: Caller,
        last_event_id: Annotated[str | None, Header(description="the cursor to go on from")] = None,
        after: Annotated[int | None, Query(ge=0, le=_MAX_SEQUENCE, description="the same, for the first time")] = None,
        type: _Types = None,  # noqa: A002 - the name in the query
    ) -> Response:
        """Follow events live, as server-sent events; without a cursor, those that come from now on.

        A comment line every fifteen seconds keeps the connection open. The stream ends when the key is revoked.
        """
        types = _checked(type)
        return await streams.open(_stream(caller), _cursor(last_event_id, after), types)

    return router


def _cursor(last_event_id: str | None, after: int | None) -> int | None:
    if last_event_id is None or last_event_id == "":
        return after
    if not (last_event_id.isascii() and last_event_id.isdigit()) or int(last_event_id) > _MAX_SEQUENCE:
        raise invalid_query("last-event-id", "Send the id of the last event that you got from this stream")
    return int(last_event_id)
