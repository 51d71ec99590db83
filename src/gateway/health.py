"""Whether this process lives, and whether it can do its work."""

import asyncio
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter
from fastapi import Request as HttpRequest

from gateway.upstream import Request, Upstream, UpstreamError
from shared.asgi import DRAINING
from shared.problem_catalog import reference
from shared.problems import Problem

_TIMEOUT_SECONDS = 2.0
_NOT_READY: dict[int | str, dict[str, Any]] = {503: dict(reference(503))}


def build_router(upstream: Upstream) -> APIRouter:
    """Return the routes under ``/health``."""
    router = APIRouter(prefix="/health", tags=["Health"])

    @router.get("/live", operation_id="health_live")
    async def live() -> dict[str, str]:
        """Tell that the process answers at all."""
        return {"status": "ok"}

    @router.get("/ready", operation_id="health_ready", responses=_NOT_READY)
    async def ready(asked: HttpRequest) -> dict[str, str]:
        """Tell whether requests can be served, which needs payments to be ready."""
        if DRAINING in asked.scope.get("state", {}):
            raise _not_ready("This replica is about to stop.")
        request = Request("GET", b"/health/ready", b"", [], b"", repeatable=True, timeout=_TIMEOUT_SECONDS)
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                response = await upstream.send(request)
                await response.read()
        except (UpstreamError, TimeoutError) as error:
            raise _not_ready() from error
        if response.status != HTTPStatus.OK:
            raise _not_ready()
        return {"status": "ok"}

    return router


def _not_ready(detail: str = "Payments is not ready.") -> Problem:
    return Problem(503, "unavailable", detail, retryable=True, headers={"Retry-After": "1"})
