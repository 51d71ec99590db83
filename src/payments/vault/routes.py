"""Routes of payment methods."""

from typing import Annotated, Any

from fastapi import APIRouter

from payments.access import Caller, merchant_of
from payments.http.lists import Cursor, cursor, parse_id
from payments.http.models import Page, page
from payments.http.problems import problem_responses
from payments.vault.schemas import PaymentMethod, PaymentMethodCreate, PaymentMethodDeleted
from payments.vault.service import Vault

_PATH = "/v1/payment_methods"
_Place = Annotated[Cursor, cursor("pm")]


def build_router(vault: Vault) -> APIRouter:
    """Return the routes over one vault."""
    router = APIRouter(tags=["payment methods"])

    @router.post(
        _PATH,
        status_code=201,
        responses=problem_responses(400, 413, 415, 422),
    )
    async def create_payment_method(caller: Caller, body: PaymentMethodCreate) -> PaymentMethod:
        """Tokenize a card. Its number is encrypted and never shown again; its CVC is not kept."""
        return await vault.tokenize(merchant_of(caller), body, livemode=caller.livemode)

    @router.get(_PATH, response_model=Page[PaymentMethod], responses=problem_responses(422))
    async def list_payment_methods(caller: Caller, place: _Place) -> dict[str, Any]:
        """Return your payment methods, newest first."""
        return page(_PATH, await vault.list(merchant_of(caller), place, livemode=caller.livemode), place)

    @router.get(_PATH + "/{id}", responses=problem_responses(404))
    async def get_payment_method(caller: Caller, id: str) -> PaymentMethod:  # noqa: A002 - the name in the path
        """Return one payment method."""
        return await vault.get(merchant_of(caller), parse_id("pm", id, "payment method"), livemode=caller.livemode)

    @router.delete(_PATH + "/{id}", responses=problem_responses(404))
    async def delete_payment_method(caller: Caller, id: str) -> PaymentMethodDeleted:  # noqa: A002 - the name in the path
        """Destroy the card's number and forget the cardholder; payments made with it can still be refunded."""
        await vault.delete(merchant_of(caller), parse_id("pm", id, "payment method"), livemode=caller.livemode)
        return PaymentMethodDeleted(id=id)

    return router
