"""Routes of merchant risk, for people with the role risk or admin."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from payments.access import Caller
from payments.http.lists import Cursor, cursor, parse_id
from payments.http.models import Day, Page, page
from payments.http.problems import problem_responses
from payments.risk import schemas
from payments.risk.service import Risk

_AlertCursor = Annotated[Cursor, cursor("alr")]
_Livemode = Annotated[bool, Query()]
_Day = Annotated[Day | None, Query(alias="date", description="default: each merchant's own today")]


def build_router(risk: Risk) -> APIRouter:
    """Return the routes over one service."""
    router = APIRouter(tags=["risk"])

    @router.get(
        "/v1/merchants/{merchant}/limits", response_model=schemas.MerchantLimits, responses=problem_responses(404, 422)
    )
    async def get_limits(merchant: str) -> Any:  # noqa: ANN401 - the response model checks it
        """Return the limits of a merchant."""
        return await risk.show_limits(parse_id("mer", merchant, "merchant"))

    @router.put(
        "/v1/merchants/{merchant}/limits",
        response_model=schemas.MerchantLimits,
        responses=problem_responses(400, 404, 413, 415, 422),
    )
    async def put_limits(merchant: str, body: schemas.LimitsUpdate, caller: Caller) -> Any:  # noqa: ANN401
        """Replace the limits of a merchant; they hold exactly, also under a burst, within two seconds from now."""
        return await risk.set_limits(caller, parse_id("mer", merchant, "merchant"), body)

    @router.get("/v1/risk/positions", response_model=schemas.Positions, responses=problem_responses(422))
    async def get_positions(day: _Day = None, livemode: _Livemode = False) -> Any:  # noqa: ANN401, FBT002
        """Return what each merchant did on one day."""
        return await risk.positions(livemode=livemode, day=day)

    @router.get("/v1/risk/portfolio", response_model=schemas.Portfolio, responses=problem_responses(422))
    async def get_portfolio(day: _Day = None, livemode: _Livemode = False) -> Any:  # noqa: ANN401, FBT002
        """Return what all merchants together did on one day, and who is most exposed."""
        return await risk.portfolio(livemode=livemode, day=day)

    @router.get(
        "/v1/merchants/{merchant}/summary", response_model=schemas.Summary, responses=problem_responses(404, 422)
    )
    async def get_summary(
        merchant: str,
        hours: Annotated[int, Query(ge=1, le=744)] = 24,
        livemode: _Livemode = False,  # noqa: FBT002
    ) -> Any:  # noqa: ANN401
        """Return what a merchant's payments of the last hours came to, by status and currency."""
        return await risk.summary(parse_id("mer", merchant, "merchant"), hours, livemode=livemode)

    @router.get("/v1/risk/alerts", response_model=Page[schemas.Alert], responses=problem_responses(404, 422))
    async def list_alerts(
        place: _AlertCursor,
        merchant: Annotated[str | None, Query()] = None,
        only_open: Annotated[bool, Query(alias="open", description="only alerts nobody has resolved")] = False,  # noqa: FBT002
    ) -> Any:  # noqa: ANN401
        """Return alerts, newest first."""
        merchant_id = parse_id("mer", merchant, "merchant") if merchant is not None else None
        return page("/v1/risk/alerts", await risk.alerts(place, merchant_id, only_open=only_open), place)

    @router.post(
        "/v1/risk/alerts/{alert}/resolve",
        response_model=schemas.Alert,
        responses=problem_responses(400, 404, 413, 415, 422),
    )
    async def resolve_alert(alert: str, body: schemas.AlertResolve, caller: Caller) -> Any:  # noqa: ANN401
        """Say why an alert needs no more attention."""
        return await risk.resolve(caller, parse_id("alr", alert, "alert"), body.reason)

    return router
