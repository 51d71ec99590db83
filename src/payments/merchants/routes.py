"""Routes of merchants and API keys, for administrators, and the verification of keys, for the gateway."""

from typing import Annotated, Any

from fastapi import APIRouter

from payments.http.lists import Cursor, cursor, parse_id
from payments.http.models import Page, page
from payments.http.problems import problem_responses
from payments.merchants.schemas import (
    ApiKey,
    ApiKeyCreate,
    ApiKeyCreated,
    ApiKeyVerification,
    ApiKeyVerified,
    Merchant,
    MerchantCreate,
    MerchantUpdate,
    RateLimits,
    RateLimitsPut,
)
from payments.merchants.service import Merchants
from shared.problems import not_found

_PATH = "/v1/merchants"
_LIMITS = "/v1/admin/rate_limits"
_MerchantPlace = Annotated[Cursor, cursor("mer")]
_KeyPlace = Annotated[Cursor, cursor("key")]


def build_router(merchants: Merchants) -> APIRouter:
    """Return the routes over one set of merchants."""
    router = APIRouter()
    router.include_router(_merchant_routes(merchants))
    router.include_router(_key_routes(merchants))
    router.include_router(_rate_limit_routes(merchants))
    router.include_router(_internal_routes(merchants))
    return router


def _merchant_routes(merchants: Merchants) -> APIRouter:
    router = APIRouter(prefix=_PATH, tags=["merchants"])

    @router.post("", status_code=201, responses=problem_responses(400, 413, 415, 422))
    async def create_merchant(body: MerchantCreate) -> Merchant:
        """Take a merchant on."""
        return await merchants.create(body)

    @router.get("", response_model=Page[Merchant], responses=problem_responses(422))
    async def list_merchants(place: _MerchantPlace) -> dict[str, Any]:
        """Return all merchants, newest first."""
        return page(_PATH, await merchants.list(place), place)

    @router.get("/{id}", responses=problem_responses(404))
    async def get_merchant(id: str) -> Merchant:  # noqa: A002 - the name in the path
        """Return one merchant."""
        return await merchants.get(parse_id("mer", id, "merchant"))

    @router.patch("/{id}", responses=problem_responses(400, 404, 413, 415, 422))
    async def update_merchant(id: str, body: MerchantUpdate) -> Merchant:  # noqa: A002 - the name in the path
        """Change the fields you send; payments follow within two seconds."""
        return await merchants.update(parse_id("mer", id, "merchant"), body)

    return router


def _key_routes(merchants: Merchants) -> APIRouter:
    router = APIRouter(prefix=_PATH + "/{id}/api_keys", tags=["API keys"])

    @router.post("", status_code=201, responses=problem_responses(400, 404, 413, 415, 422))
    async def create_api_key(id: str, body: ApiKeyCreate) -> ApiKeyCreated:  # noqa: A002 - the name in the path
        """Make an API key. Keep its secret: it is shown in this answer only."""
        return await merchants.create_key(parse_id("mer", id, "merchant"), body)

    @router.get("", response_model=Page[ApiKey], responses=problem_responses(404, 422))
    async def list_api_keys(id: str, place: _KeyPlace) -> dict[str, Any]:  # noqa: A002 - the name in the path
        """Return a merchant's API keys, revoked ones too, newest first."""
        rows = await merchants.list_keys(parse_id("mer", id, "merchant"), place)
        return page(f"{_PATH}/{id}/api_keys", rows, place)

    @router.delete("/{key_id}", responses=problem_responses(404))
    async def revoke_api_key(id: str, key_id: str) -> ApiKey:  # noqa: A002 - the name in the path
        """End an API key for good; it stops working within five seconds."""
        return await merchants.revoke_key(parse_id("mer", id, "merchant"), parse_id("key", key_id, "API key"))

    return router


def _rate_limit_routes(merchants: Merchants) -> APIRouter:
    router = APIRouter(prefix=_LIMITS, tags=["administration"])

    @router.get("", response_model=Page[RateLimits], responses=problem_responses())
    async def list_rate_limits() -> Any:  # noqa: ANN401 - the response model checks it
        """Return the merchants whose quotas are their own, newest first; all of them."""
        return {"url": _LIMITS, "has_more": False, "data": await merchants.rate_limits()}

    @router.put("/{merchant}", responses=problem_responses(400, 404, 413, 415, 422))
    async def put_rate_limits(merchant: str, body: RateLimitsPut) -> RateLimits:
        """Replace the quotas of a merchant; its keys have them within five seconds."""
        return await merchants.set_rate_limits(parse_id("mer", merchant, "merchant"), body)

    return router


def _internal_routes(merchants: Merchants) -> APIRouter:
    router = APIRouter(prefix="/internal", include_in_schema=False)

    @router.post("/api_keys/verify")
    async def verify_api_key(body: ApiKeyVerification) -> ApiKeyVerified:
        """Tell the gateway whose key somebody presented; 404 if it is nobody's, or revoked."""
        found = await merchants.verify(body.key.get_secret_value())
        if found is None:
            raise not_found("API key")
        return found

    return router
