"""Routes of pauses."""

from typing import Any

from fastapi import APIRouter

from payments.access import Caller
from payments.controls.schemas import Pause, PauseKind, PausePut
from payments.controls.service import Controls
from payments.http.models import Page
from payments.http.problems import problem_responses

_PATH = "/v1/admin/pauses"


def build_router(controls: Controls) -> APIRouter:
    """Return the routes over one set of controls."""
    router = APIRouter(prefix=_PATH, tags=["administration"])

    @router.get("", response_model=Page[Pause], responses=problem_responses())
    async def list_pauses() -> Any:  # noqa: ANN401 - the response model checks it
        """Return what is paused, newest first; all of it."""
        return {"url": _PATH, "has_more": False, "data": await controls.list()}

    @router.put("/{kind}/{subject}", responses=problem_responses(400, 404, 413, 415, 422))
    async def pause(kind: PauseKind, subject: str, body: PausePut, caller: Caller) -> Pause:
        """Pause a merchant, an acquirer or a mode: within two seconds no payment, capture or refund begins there."""
        return await controls.pause(kind, subject, body.reason, caller.subject)

    @router.delete("/{kind}/{subject}", responses=problem_responses(404, 422))
    async def resume(kind: PauseKind, subject: str) -> Pause:
        """End a pause; payments go on within two seconds."""
        return await controls.resume(kind, subject)

    return router
