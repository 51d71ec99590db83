"""Routes of balances and the ledger."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from payments.access import Caller, merchant_of
from payments.http.lists import Cursor, cursor, invalid_query, parse_id
from payments.http.models import Page, page
from payments.http.problems import problem_responses
from payments.ledger.schemas import Balances, LedgerTransaction, TrialBalance
from payments.ledger.service import Ledger

_LedgerCursor = Annotated[Cursor, cursor("txn")]


def build_router(ledger: Ledger) -> APIRouter:
    """Return the routes over one ledger."""
    router = APIRouter(tags=["ledger"])

    @router.get("/v1/balances", response_model=Balances, responses=problem_responses())
    async def get_balances(caller: Caller) -> Any:  # noqa: ANN401 - the response model checks it
        """Return what the platform owes you, per currency; it reads your own writes."""
        return await ledger.balances(merchant_of(caller), livemode=caller.livemode)

    @router.get(
        "/v1/ledger/transactions",
        response_model=Page[LedgerTransaction],
        responses=problem_responses(404, 422),
    )
    async def list_ledger_transactions(
        caller: Caller,
        place: _LedgerCursor,
        payment: Annotated[str | None, Query(description="only the transactions of one payment")] = None,
    ) -> Any:  # noqa: ANN401 - the response model checks it
        """Return ledger transactions with their postings, newest first: your own, or those of a payment for people."""
        person = caller.kind == "person"
        if person and payment is None:
            raise invalid_query("payment", "People see the transactions of one payment; send payment")
        rows = await ledger.transactions(
            None if person else merchant_of(caller),
            livemode=None if person else caller.livemode,
            limit=place.limit,
            starting_after=place.starting_after,
            ending_before=place.ending_before,
            payment_id=parse_id("pay", payment, "payment") if payment is not None else None,
        )
        return page("/v1/ledger/transactions", rows, place)

    @router.get(
        "/v1/ledger/trial_balance",
        response_model=TrialBalance,
        responses=problem_responses(422),
    )
    async def get_trial_balance(livemode: bool = False) -> Any:  # noqa: ANN401, FBT001, FBT002 - a query parameter
        """Return every account of a mode, summed by kind; debits equal credits in each currency."""
        return await ledger.trial_balance(livemode=livemode)

    return router
