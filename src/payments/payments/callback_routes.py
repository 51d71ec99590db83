"""The route that acquirers call. It knows them by their signature alone: they have no key of ours."""

from typing import Literal

from fastapi import APIRouter, Request

from payments.connectors.port import InvalidCallbackError
from payments.connectors.registry import Registry
from payments.payments.callbacks import Callbacks
from shared.problems import Problem, not_found


def build_router(callbacks: Callbacks, connectors: Registry) -> APIRouter:
    """Return the route over every configured connector."""
    router = APIRouter(include_in_schema=False)

    @router.post("/v1/callbacks/{connector}/{mode}")
    async def receive_callback(connector: str, mode: Literal["test", "live"], request: Request) -> dict[str, bool]:
        """Take what an acquirer says; an answer other than 2xx makes it say it again."""
        known = connectors.find(connector, livemode=mode == "live")
        if known is None:
            raise not_found("acquirer")
        try:
            await callbacks.receive(known, request.headers, await request.body())
        except InvalidCallbackError as error:
            raise Problem(
                400, "invalid_callback", "The signature does not fit the body, or the body cannot be read."
            ) from error
        return {"received": True}

    return router
