"""Routes of payouts."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response, StreamingResponse

from payments.access import Caller
from payments.http.csv_files import MEDIA_TYPE, csv_lines
from payments.http.keys import IdempotencyKey
from payments.http.lists import Cursor, cursor, parse_id
from payments.http.models import Moment, Page, page
from payments.http.problems import problem_responses
from payments.money import Currency
from payments.payouts.payout_repository import Filters
from payments.payouts.schemas import Payout, PayoutCreate, PayoutItem
from payments.payouts.service import Payouts
from payments.payouts.states import Status

_PATH = "/v1/payouts"
_COLUMNS = ("id", "kind", "payment", "operation", "amount", "currency", "booked_at", "available_at")


def build_router(payouts: Payouts) -> APIRouter:
    """Return the routes over one service."""
    router = APIRouter(tags=["payouts"])

    @router.post(
        _PATH,
        response_model=Payout,
        status_code=201,
        responses=problem_responses(400, 413, 415, 422),
    )
    async def create_payout(caller: Caller, key: IdempotencyKey, body: PayoutCreate | None = None) -> Response:
        """Pay out everything that is available in one currency now, whatever your schedule is."""
        reply = await payouts.create(caller, body or PayoutCreate(), key)
        headers = {"Idempotent-Replayed": "true"} if reply.replayed else None
        return Response(reply.body, reply.status_code, headers, "application/json")

    @router.get(_PATH, response_model=Page[Payout], responses=problem_responses(422))
    async def list_payouts(
        caller: Caller,
        place: Annotated[Cursor, cursor("po")],
        status: Annotated[Status | None, Query()] = None,
        currency: Annotated[Currency | None, Query()] = None,
        created_from: Annotated[Moment | None, Query(description="inclusive")] = None,
        created_until: Annotated[Moment | None, Query(description="exclusive")] = None,
    ) -> Any:  # noqa: ANN401 - the response model checks it
        """Return your payouts, newest first."""
        filters = Filters(status, currency, created_from, created_until)
        return page(_PATH, await payouts.list(caller, place, filters), place)

    @router.get(_PATH + "/{payout}", response_model=Payout, responses=problem_responses(404))
    async def get_payout(payout: str, caller: Caller) -> Any:  # noqa: ANN401
        """Return a payout."""
        return await payouts.get(caller, parse_id("po", payout, "payout"))

    @router.get(
        _PATH + "/{payout}/items",
        response_model=Page[PayoutItem],
        responses=problem_responses(404, 422),
    )
    async def list_payout_items(payout: str, caller: Caller, place: Annotated[Cursor, cursor("txn")]) -> Any:  # noqa: ANN401
        """Return what a payout is made of, newest first."""
        rows = await payouts.items(caller, parse_id("po", payout, "payout"), place)
        return page(f"{_PATH}/{payout}/items", rows, place)

    @router.get(
        _PATH + "/{payout}/items.csv",
        response_class=StreamingResponse,
        responses={**problem_responses(404), 200: {"content": {MEDIA_TYPE: {"schema": {"type": "string"}}}}},
    )
    async def export_payout_items(payout: str, caller: Caller) -> StreamingResponse:
        """Return all that a payout is made of as CSV; its amounts add up to the payout's."""
        payout_id = parse_id("po", payout, "payout")
        await payouts.get(caller, payout_id)
        lines = csv_lines(_COLUMNS, payouts.all_items(payout_id))
        return StreamingResponse(
            lines, media_type=MEDIA_TYPE, headers={"Content-Disposition": f'attachment; filename="{payout}.csv"'}
        )

    return router
