"""Routes of disputes."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from payments.access import Caller
from payments.disputes.repository import Filters
from payments.disputes.schemas import Dispute, EvidenceCreate
from payments.disputes.service import Disputes
from payments.disputes.states import Status
from payments.http.lists import Cursor, cursor, parse_id
from payments.http.models import Moment, Page, page
from payments.http.problems import problem_responses
from payments.money import Currency

_PATH = "/v1/disputes"


def build_router(disputes: Disputes) -> APIRouter:
    """Return the routes over one service."""
    router = APIRouter(tags=["disputes"])

    @router.get(_PATH, response_model=Page[Dispute], responses=problem_responses(404, 422))
    async def list_disputes(
        caller: Caller,
        place: Annotated[Cursor, cursor("dsp")],
        payment: Annotated[str | None, Query(description="only the disputes of one payment")] = None,
        status: Annotated[Status | None, Query()] = None,
        currency: Annotated[Currency | None, Query()] = None,
        created_from: Annotated[Moment | None, Query(description="inclusive")] = None,
        created_until: Annotated[Moment | None, Query(description="exclusive")] = None,
    ) -> Any:  # noqa: ANN401 - the response model checks it
        """Return your disputes, newest first."""
        payment_id = parse_id("pay", payment, "payment") if payment is not None else None
        filters = Filters(status, currency, payment_id, created_from, created_until)
        return page(_PATH, await disputes.list(caller, place, filters), place)

    @router.get(_PATH + "/{dispute}", response_model=Dispute, responses=problem_responses(404))
    async def get_dispute(dispute: str, caller: Caller) -> Any:  # noqa: ANN401
        """Return a dispute."""
        return await disputes.get(caller, parse_id("dsp", dispute, "dispute"))

    changing = problem_responses(400, 404, 409, 413, 415, 422)

    @router.post(_PATH + "/{dispute}/evidence", response_model=Dispute, responses=changing)
    async def put_evidence(dispute: str, body: EvidenceCreate, caller: Caller) -> Any:  # noqa: ANN401
        """Save evidence, or hand it in with ``submit``: once, and nothing can be changed afterwards."""
        return await disputes.respond(caller, parse_id("dsp", dispute, "dispute"), body)

    @router.post(_PATH + "/{dispute}/accept", response_model=Dispute, responses=changing)
    async def accept_dispute(dispute: str, caller: Caller) -> Any:  # noqa: ANN401
        """Give in: the dispute is lost, and the money stays with the cardholder."""
        return await disputes.respond(caller, parse_id("dsp", dispute, "dispute"), None)

    return router
