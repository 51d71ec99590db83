"""Routes of routing, for people."""

from typing import Annotated

from fastapi import APIRouter, Query

from payments.access import Caller
from payments.http.lists import parse_id
from payments.http.problems import problem_responses
from payments.routing.schemas import Routes, RoutesPut
from payments.routing.service import Routing

_PATH = "/v1/merchants/{merchant}/acquirer_routes"


def build_router(routing: Routing) -> APIRouter:
    """Return the routes over one service."""
    router = APIRouter(tags=["merchants"])

    @router.get(_PATH, responses=problem_responses(404, 422))
    async def get_acquirer_routes(merchant: str, livemode: Annotated[bool, Query()] = False) -> Routes:  # noqa: FBT002
        """Return which acquirers take a merchant's payments, by currency, in the order in which they are tried."""
        return await routing.show(parse_id("mer", merchant, "merchant"), livemode=livemode)

    @router.put(_PATH, responses=problem_responses(400, 404, 413, 415, 422))
    async def put_acquirer_routes(merchant: str, body: RoutesPut, caller: Caller) -> Routes:
        """Replace them; payments follow within two seconds. The next acquirer is asked after a retryable decline."""
        return await routing.put(caller, parse_id("mer", merchant, "merchant"), body)

    return router
