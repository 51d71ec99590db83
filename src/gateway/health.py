"""Whether this process lives, and whether it can do its work."""

import asyncio
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter

from gateway.upstream import Request, Upstream, UpstreamError
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
    async def ready() -> dict[str, str]:
        """Tell whether requests can be served, which needs payments to be ready."""
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


def _not_ready() -> Problem:
    return Problem(503, "unavailable", "Payments is not ready.", retryable=True, headers={"Retry-After": "1"})
