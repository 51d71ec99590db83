"""Routes of statements."""

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import StreamingResponse

from payments.access import Caller, merchant_of
from payments.http.csv_files import MEDIA_TYPE, csv_lines
from payments.http.problems import problem_responses
from payments.money import Currency
from payments.statements.schemas import Statement
from payments.statements.service import CSV_PATH, Statements

_COLUMNS = ("id", "time", "kind", "payment", "operation", "amount", "fee", "currency", "balance")
_First = Annotated[date, Query(alias="from", description="first day, in your time zone")]
_Last = Annotated[date, Query(alias="until", description="last day, inclusive")]
_Currency = Annotated[Currency | None, Query(description="default: your settlement currency")]


def build_router(statements: Statements) -> APIRouter:
    """Return the routes over one service."""
    router = APIRouter(tags=["statements"])

    @router.get("/v1/statements", response_model=Statement, responses=problem_responses(422))
    async def get_statement(caller: Caller, first: _First, last: _Last, currency: _Currency = None) -> Any:  # noqa: ANN401
        """Return what you were owed at the start and at the end of some days, and what made the difference."""
        return await statements.show(caller, merchant_of(caller), currency, first, last)

    @router.get(
        CSV_PATH,
        response_class=StreamingResponse,
        responses={**problem_responses(422), 200: {"content": {MEDIA_TYPE: {"schema": {"type": "string"}}}}},
    )
    async def export_statement(
        caller: Caller, first: _First, last: _Last, currency: _Currency = None
    ) -> StreamingResponse:
        """Return every movement of some days as CSV, with the balance after it."""
        rows = await statements.lines(caller, merchant_of(caller), currency, first, last)
        name = f"statement-{first}-{last}.csv"
        return StreamingResponse(
            csv_lines(_COLUMNS, rows),
            media_type=MEDIA_TYPE,
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )

    return router
