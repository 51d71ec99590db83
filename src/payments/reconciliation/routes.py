"""Routes of reconciliations, for people."""

from typing import Annotated, Any

from fastapi import APIRouter

from payments.http.lists import Cursor, cursor, parse_id
from payments.http.models import Page, page
from payments.http.problems import problem_responses
from payments.reconciliation.schemas import Reconciled
from payments.reconciliation.service import Reconciliation

_PATH = "/v1/reconciliations"


def build_router(service: Reconciliation) -> APIRouter:
    """Return the routes over one service."""
    router = APIRouter(tags=["reconciliation"])

    @router.get(_PATH, response_model=Page[Reconciled], responses=problem_responses(422))
    async def list_reconciliations(place: Annotated[Cursor, cursor("rec")]) -> Any:  # noqa: ANN401
        """Return what became of acquirers' settlement files, newest first."""
        return page(_PATH, await service.list(place), place)

    @router.get(_PATH + "/{reconciliation}", response_model=Reconciled, responses=problem_responses(404))
    async def get_reconciliation(reconciliation: str) -> Any:  # noqa: ANN401
        """Return what became of one settlement file."""
        return await service.get(parse_id("rec", reconciliation, "reconciliation"))

    return router
