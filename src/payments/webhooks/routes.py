"""Routes of webhook endpoints and deliveries."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from payments.access import Caller, merchant_of
from payments.events.schemas import Stream
from payments.http.lists import Cursor, cursor, parse_id
from payments.http.models import Page, page
from payments.http.problems import problem_responses
from payments.webhooks import schemas
from payments.webhooks.service import Webhooks
from shared.identity import Identity

_ENDPOINTS = "/v1/webhook_endpoints"
_ENDPOINT = _ENDPOINTS + "/{webhook_endpoint}"
_DELIVERIES = _ENDPOINT + "/deliveries"
_EndpointId = Annotated[str, Path(examples=["we_0199c1d27f3a7e5d8c7b8a9f0e1d2c3b"])]
_CHANGING = problem_responses(400, 404, 413, 415, 422)


def _stream(caller: Identity) -> Stream:
    return Stream(merchant_of(caller), caller.livemode)


def build_router(webhooks: Webhooks) -> APIRouter:
    """Return the routes over one set of endpoints."""
    router = APIRouter(tags=["webhooks"])

    @router.post(_ENDPOINTS, status_code=201, responses=problem_responses(400, 413, 415, 422))
    async def create_webhook_endpoint(
        body: schemas.EndpointCreate, caller: Caller
    ) -> schemas.WebhookEndpointWithSecret:
        """Send events to a server of yours from now on. Keep the secret: it is shown in this answer only."""
        return schemas.WebhookEndpointWithSecret(**await webhooks.create(_stream(caller), body))

    @router.get(_ENDPOINTS, response_model=Page[schemas.WebhookEndpoint], responses=problem_responses(422))
    async def list_webhook_endpoints(caller: Caller, place: Annotated[Cursor, cursor("we")]) -> Any:  # noqa: ANN401
        """Return your endpoints, newest first."""
        return page(_ENDPOINTS, await webhooks.endpoints(_stream(caller), place), place)

    @router.get(_ENDPOINT, responses=problem_responses(404))
    async def get_webhook_endpoint(webhook_endpoint: _EndpointId, caller: Caller) -> schemas.WebhookEndpoint:
        """Return an endpoint."""
        found = await webhooks.endpoint(_stream(caller), _id(webhook_endpoint))
        return schemas.WebhookEndpoint(**found)

    @router.patch(_ENDPOINT, responses=_CHANGING)
    async def update_webhook_endpoint(
        webhook_endpoint: _EndpointId, body: schemas.EndpointUpdate, caller: Caller
    ) -> schemas.WebhookEndpoint:
        """Change the fields you send; disabling gives up what is not delivered yet."""
        changed = await webhooks.update(_stream(caller), _id(webhook_endpoint), body)
        return schemas.WebhookEndpoint(**changed)

    @router.delete(_ENDPOINT, status_code=204, responses=problem_responses(404))
    async def delete_webhook_endpoint(webhook_endpoint: _EndpointId, caller: Caller) -> Response:
        """End an endpoint for good."""
        await webhooks.delete(_stream(caller), _id(webhook_endpoint))
        return Response(status_code=204)

    @router.post(_ENDPOINT + "/rotate_secret", responses=_CHANGING)
    async def rotate_webhook_secret(
        webhook_endpoint: _EndpointId, caller: Caller, body: schemas.SecretRotate | None = None
    ) -> schemas.WebhookEndpointWithSecret:
        """Replace the secret; the old one signs beside the new one for ``overlap_hours``."""
        hours = (body or schemas.SecretRotate()).overlap_hours
        return schemas.WebhookEndpointWithSecret(**await webhooks.rotate(_stream(caller), _id(webhook_endpoint), hours))

    @router.get(_DELIVERIES, response_model=Page[schemas.WebhookDelivery], responses=problem_responses(404, 422))
    async def list_webhook_deliveries(
        webhook_endpoint: _EndpointId,
        caller: Caller,
        place: Annotated[Cursor, cursor("dlv")],
        status: Annotated[schemas.DeliveryStatus | None, Query()] = None,
    ) -> Any:  # noqa: ANN401
        """Return what was sent to an endpoint, each with its attempts, newest first."""
        endpoint_id = _id(webhook_endpoint)
        rows = await webhooks.deliveries(_stream(caller), endpoint_id, place, status)
        return page(_DELIVERIES.format(webhook_endpoint=webhook_endpoint), rows, place)

    @router.post(_DELIVERIES + "/{delivery}/retry", responses=problem_responses(404, 409))
    async def retry_webhook_delivery(
        webhook_endpoint: _EndpointId, delivery: str, caller: Caller
    ) -> schemas.WebhookDelivery:
        """Send an event again now, whatever became of it; its schedule begins anew."""
        delivery_id = parse_id("dlv", delivery, "delivery")
        retried = await webhooks.retry(_stream(caller), _id(webhook_endpoint), delivery_id)
        return schemas.WebhookDelivery(**retried)

    @router.post(_ENDPOINT + "/replay", responses=problem_responses(400, 404, 409, 413, 415, 422))
    async def replay_webhooks(webhook_endpoint: _EndpointId, body: schemas.Replay, caller: Caller) -> schemas.Replayed:
        """Send the events of a range of time again, with the same ``webhook-id`` as before; at most 10,000."""
        replayed = await webhooks.replay(_stream(caller), _id(webhook_endpoint), body)
        return schemas.Replayed(**replayed)

    return router


def _id(shown: str) -> UUID:
    return parse_id("we", shown, "webhook endpoint")
