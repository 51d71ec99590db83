"""Routes of adjustments, for people."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from payments.access import Caller
from payments.adjustments.schemas import Adjustment, AdjustmentCreate, Status
from payments.adjustments.service import Adjustments
from payments.http.lists import Cursor, cursor, parse_id
from payments.http.models import Page, page
from payments.http.problems import problem_responses

_PATH = "/v1/adjustments"


def build_router(adjustments: Adjustments) -> APIRouter:
    """Return the routes over one service."""
    router = APIRouter(tags=["adjustments"])

    @router.post(_PATH, status_code=201, responses=problem_responses(400, 404, 413, 415, 422))
    async def propose_adjustment(body: AdjustmentCreate, caller: Caller) -> Adjustment:
        """Propose a correction; nothing moves until somebody else approves it."""
        return await adjustments.propose(caller, body)

    @router.get(_PATH, response_model=Page[Adjustment], responses=problem_responses(422))
    async def list_adjustments(
        place: Annotated[Cursor, cursor("adj")], status: Annotated[Status | None, Query()] = None
    ) -> Any:  # noqa: ANN401 - the response model checks it
        """Return adjustments, newest first."""
        return page(_PATH, await adjustments.list(place, status), place)

    @router.get(_PATH + "/{adjustment}", responses=problem_responses(404))
    async def get_adjustment(adjustment: str) -> Adjustment:
        """Return an adjustment."""
        return await adjustments.get(parse_id("adj", adjustment, "adjustment"))

    @router.post(_PATH + "/{adjustment}/approve", responses=problem_responses(404, 409))
    async def approve_adjustment(adjustment: str, caller: Caller) -> Adjustment:
        """Post a correction that somebody else proposed."""
        return await adjustments.approve(caller, parse_id("adj", adjustment, "adjustment"))

    @router.post(_PATH + "/{adjustment}/reject", responses=problem_responses(404, 409))
    async def reject_adjustment(adjustment: str, caller: Caller) -> Adjustment:
        """End a proposal without an effect."""
        return await adjustments.reject(caller, parse_id("adj", adjustment, "adjustment"))

    return router
