"""Routes of fraud: rules, lists and backtests for the risk team, the rest for merchants as well."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from starlette.responses import Response

from payments.access import Caller
from payments.fraud import api_schemas as schemas
from payments.fraud.desk import FraudDesk
from payments.fraud.lists import Kind
from payments.http.lists import Cursor, Mode, cursor, parse_id
from payments.http.models import Page, page
from payments.http.problems import problem_responses
from payments.payments.schemas import Payment

_RULES = "/v1/fraud/rules"
_LISTS = "/v1/fraud/lists"
_REVIEWS = "/v1/fraud/reviews"
_Livemode = Annotated[bool, Query(description="which mode")]


def build_router(desk: FraudDesk) -> APIRouter:
    """Return the routes over one desk."""
    router = APIRouter(tags=["fraud"])
    router.include_router(_rule_routes(desk))
    router.include_router(_list_routes(desk))
    router.include_router(_merchant_routes(desk))
    router.include_router(_review_routes(desk))
    return router


def _rule_routes(desk: FraudDesk) -> APIRouter:
    router = APIRouter()

    @router.post(_RULES, status_code=201, responses=problem_responses(400, 413, 415, 422))
    async def create_rule(body: schemas.RuleCreate, caller: Caller) -> schemas.FraudRule:
        """Add a rule for every merchant; payments follow within two seconds."""
        return await desk.rules.create(caller, body)

    @router.get(_RULES, response_model=Page[schemas.FraudRule], responses=problem_responses(422))
    async def list_rules(
        place: Annotated[Cursor, cursor("rule")],
        livemode: _Livemode = False,  # noqa: FBT002
    ) -> Any:  # noqa: ANN401 - the response model checks it
        """Return all rules with what they hit in one mode, newest first."""
        return page(_RULES, await desk.rules.list(place, livemode=livemode), place)

    @router.get(_RULES + "/{rule}", responses=problem_responses(404))
    async def get_rule(rule: str, livemode: _Livemode = False) -> schemas.FraudRule:  # noqa: FBT002
        """Return a rule with what it hit in one mode."""
        return await desk.rules.get(parse_id("rule", rule, "rule"), livemode=livemode)

    @router.patch(_RULES + "/{rule}", responses=problem_responses(400, 404, 413, 415, 422))
    async def update_rule(rule: str, body: schemas.RuleUpdate, caller: Caller) -> schemas.FraudRule:
        """Change the fields you send; every change makes a new version of the rule set, which receipts name."""
        return await desk.rules.update(caller, parse_id("rule", rule, "rule"), body)

    @router.post("/v1/fraud/backtest", responses=problem_responses(400, 413, 415, 422))
    async def run_backtest(body: schemas.BacktestCreate) -> schemas.Backtest:
        """Decide stored payments again with other rules, on the signals they had, and return the difference."""
        return await desk.backtest(body)

    return router


def _list_routes(desk: FraudDesk) -> APIRouter:
    router = APIRouter()

    @router.post(_LISTS, status_code=201, responses=problem_responses(400, 404, 413, 415, 422))
    async def add_to_list(body: schemas.ListEntryCreate, caller: Caller) -> schemas.ListEntry:
        """Block or allow a card, an IP address or network, a country or a BIN; the same entry again renews it."""
        return await desk.lists.add(caller, body)

    @router.get(_LISTS, response_model=Page[schemas.ListEntry], responses=problem_responses(422))
    async def show_lists(
        place: Annotated[Cursor, cursor("lst")],
        name: Annotated[Literal["block", "allow"] | None, Query(alias="list")] = None,
        kind: Annotated[Kind | None, Query()] = None,
        livemode: _Livemode = False,  # noqa: FBT002
    ) -> Any:  # noqa: ANN401 - the response model checks it
        """Return the entries of both lists, newest first."""
        return page(_LISTS, await desk.lists.list(place, livemode=livemode, name=name, kind=kind), place)

    @router.delete(_LISTS + "/{entry}", responses=problem_responses(404))
    async def remove_from_list(entry: str) -> schemas.ListEntry:
        """End an entry; payments follow within two seconds."""
        return await desk.lists.remove(parse_id("lst", entry, "list entry"))

    return router


def _merchant_routes(desk: FraudDesk) -> APIRouter:
    router = APIRouter()

    @router.post("/v1/fraud/check", responses=problem_responses(400, 404, 413, 415, 422))
    async def check_payment(body: schemas.CheckCreate, caller: Caller) -> schemas.FraudCheck:
        """Score a payment without making it: nothing is charged, stored or counted."""
        return await desk.check(caller, body)

    @router.post(
        "/v1/fraud/reports",
        status_code=201,
        responses=problem_responses(400, 404, 413, 415, 422),
    )
    async def report_fraud(body: schemas.ReportCreate, caller: Caller) -> schemas.FraudReport:
        """Tell that a payment was not made by its cardholder: rules are measured by it, and the card is blocked."""
        return await desk.report(caller, body)

    @router.get("/v1/fraud/links", responses=problem_responses(404, 422))
    async def get_links(payment: Annotated[str, Query(examples=["pay_0199c1d2…"])], caller: Caller) -> schemas.Links:
        """Return payments with the same card, IP address or device: your own, or everybody's for the risk team."""
        return await desk.links(caller, parse_id("pay", payment, "payment"))

    return router


def _review_routes(desk: FraudDesk) -> APIRouter:
    router = APIRouter()

    @router.get(
        _REVIEWS,
        response_model=Page[schemas.Review],
        responses=problem_responses(422),
    )
    async def list_reviews(
        place: Annotated[Cursor, cursor("pay")],
        caller: Caller,
        livemode: Mode,
    ) -> Any:  # noqa: ANN401 - the response model checks it
        """Return the payments that wait for a decision, newest first: your own, or everybody's for the risk team."""
        return page(_REVIEWS, await desk.reviews(caller, place, livemode=livemode), place)

    _add_verdict(router, desk, "approve", "Let a payment go on to its authorization.")
    _add_verdict(router, desk, "decline", "Decline a payment; its rules are counted as proved right.")
    return router


def _add_verdict(router: APIRouter, desk: FraudDesk, verdict: Literal["approve", "decline"], summary: str) -> None:
    async def end_review(payment: str, body: schemas.ReviewDecision, caller: Caller) -> Response:
        shown = await desk.decide(caller, parse_id("pay", payment, "payment"), verdict, body.reason)
        return Response(shown, media_type="application/json")

    endpoint: Callable[..., Any] = end_review
    router.add_api_route(
        f"{_REVIEWS}/{{payment}}/{verdict}",
        endpoint,
        methods=["POST"],
        name=f"{verdict}_review",
        description=summary,
        response_model=Payment,
        responses=problem_responses(400, 404, 409, 413, 415, 422),
    )
