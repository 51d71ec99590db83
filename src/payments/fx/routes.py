"""Routes of exchange rates and quotes."""

from typing import Annotated

from fastapi import APIRouter, Query

from payments.access import Caller, merchant_of
from payments.fx.schemas import FxQuote, FxRate, QuoteCreate, RatesPut
from payments.fx.service import Fx
from payments.http.lists import parse_id
from payments.http.models import Moment, Page
from payments.http.problems import problem_responses
from payments.money import Currency

_RATES = "/v1/fx/rates"
_QUOTES = "/v1/fx/quotes"


def build_router(fx: Fx) -> APIRouter:
    """Return the routes over one set of rates and quotes."""
    router = APIRouter(tags=["exchange rates"])

    @router.put(_RATES, responses=problem_responses(400, 413, 415, 422))
    async def put_rates(body: RatesPut, caller: Caller) -> Page[FxRate]:
        """Record one rate or a list of them, all or none; with their ``effective_at``, doing it again changes nothing.

        A rate counts from ``effective_at`` on, for payments within two seconds. History stays: another rate for the
        same pair, moment and source corrects it, and both are kept.
        """
        rates = body if isinstance(body, list) else [body]
        return _page(await fx.put(rates, caller.subject))

    @router.get(_RATES, responses=problem_responses(422))
    async def list_rates(
        at: Annotated[Moment | None, Query(description="default: now")] = None,
        base: Annotated[Currency | None, Query()] = None,
        quote: Annotated[Currency | None, Query()] = None,
    ) -> Page[FxRate]:
        """Return the mid rates in force at a moment, all of them.

        Without currencies: those that were recorded. With ``base`` or ``quote`` or both: the rates that payments get,
        also inverse and cross rates.
        """
        return _page(await fx.rates(at, base, quote))

    @router.post(_QUOTES, status_code=201, responses=problem_responses(400, 413, 415, 422))
    async def create_quote(body: QuoteCreate, caller: Caller) -> FxQuote:
        """Hold a rate for one payment: send the quote's id as ``settlement_quote`` before it expires."""
        return await fx.create_quote(merchant_of(caller), body, livemode=caller.livemode)

    @router.get(_QUOTES + "/{quote}", responses=problem_responses(404))
    async def get_quote(quote: str, caller: Caller) -> FxQuote:
        """Return a quote and what became of it."""
        return await fx.quote(merchant_of(caller), parse_id("fxq", quote, "quote"), livemode=caller.livemode)

    return router


def _page(rates: list[FxRate]) -> Page[FxRate]:
    return Page[FxRate](url=_RATES, has_more=False, data=rates)
