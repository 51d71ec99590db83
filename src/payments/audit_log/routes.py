"""Routes of the audit log."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from payments.audit_log.schemas import AuditEntry, AuditRecord
from payments.audit_log.service import Audit
from payments.http.lists import Cursor, cursor
from payments.http.models import Page, page
from payments.http.problems import problem_responses

_PATH = "/v1/admin/audit"


def build_router(audit: Audit) -> APIRouter:
    """Return the routes over one log."""
    router = APIRouter(tags=["administration"])

    @router.get(_PATH, response_model=Page[AuditEntry], responses=problem_responses(422))
    async def list_audit_entries(
        place: Annotated[Cursor, cursor("aud")],
        actor: Annotated[str | None, Query(description="only what this person did")] = None,
        target: Annotated[str | None, Query(description="only what was done to this")] = None,
    ) -> Any:  # noqa: ANN401 - the response model checks it
        """Return who changed what, newest first."""
        return page(_PATH, await audit.page(place, actor=actor, target=target), place)

    @router.post("/internal/audit", include_in_schema=False, status_code=204)
    async def record(body: AuditRecord) -> None:
        """Write down what the gateway is about to do for a person."""
        await audit.record(body)

    return router
