"""Routes of payments, refunds and idempotency keys: validate, delegate, map."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Path, Query
from starlette.responses import Response

from payments.access import Caller
from payments.http.entry import HotRoute, is_idempotency_key
from payments.http.keys import IdempotencyKey
from payments.http.lists import Cursor, Mode, cursor, parse_id
from payments.http.models import Moment, Page, SafeLine, page
from payments.http.problems import problem_responses
from payments.money import Currency
from payments.payments import schemas
from payments.payments.queries import Queries
from payments.payments.replies import Reply
from payments.payments.repository import Filters
from payments.payments.service import Payments
from payments.payments.states import OperationStatus, Status
from shared.problems import not_found

PaymentId = Annotated[str, Path(examples=["pay_0199c1d27f3a7e5d8c7b8a9f0e1d2c3b"])]
_PaymentCursor = Annotated[Cursor, cursor("pay")]
_RefundCursor = Annotated[Cursor, cursor("ref")]


def _respond(reply: Reply) -> Response:
    headers = {"Idempotent-Replayed": "true"} if reply.replayed else None
    return Response(reply.body, reply.status_code, headers, "application/json")


def _json(body: bytes) -> Response:
    return Response(body, media_type="application/json")


def _list(url: str, rows: Any, place: Cursor) -> Response:  # noqa: ANN401 - rows are JSON already
    return _json(msgspec.json.encode(page(url, rows, place)))


def _filters(
    status: Annotated[Status | None, Query()] = None,
    currency: Annotated[Currency | None, Query()] = None,
    reference: Annotated[SafeLine | None, Query()] = None,
    merchant: Annotated[str | None, Query(description="only this merchant's, for people")] = None,
    created_from: Annotated[Moment | None, Query(description="inclusive")] = None,
    created_until: Annotated[Moment | None, Query(description="exclusive")] = None,
) -> Filters:
    merchant_id = parse_id("mer", merchant, "merchant") if merchant is not None else None
    return Filters(status, currency, reference, merchant_id, created_from, created_until)


class _Routes:
    """The endpoints over one service and its read side."""

    def __init__(self, payments: Payments, queries: Queries) -> None:
        self._payments = payments
        self._queries = queries

    async def create_payment(self, body: schemas.PaymentCreate, caller: Caller, key: IdempotencyKey) -> Response:
        """Authorize a payment, and capture it at once unless ``capture_method`` is ``manual``.

        A declined payment is a created payment: 201 with ``status: declined`` and a ``decline`` object.
        """
        return _respond(await self._payments.create(caller, body, key))

    async def capture_payment(
        self, payment: PaymentId, caller: Caller, key: IdempotencyKey, body: schemas.CaptureCreate | None = None
    ) -> Response:
        """Capture all that is left of an authorization, or a part of it; ``final: false`` keeps the rest open."""
        payment_id = parse_id("pay", payment, "payment")
        return _respond(await self._payments.capture(caller, payment_id, body or schemas.CaptureCreate(), key))

    async def void_payment(self, payment: PaymentId, caller: Caller, key: IdempotencyKey) -> Response:
        """Release what is left of an authorization."""
        return _respond(await self._payments.void(caller, parse_id("pay", payment, "payment"), key))

    async def refund_payment(
        self, payment: PaymentId, caller: Caller, key: IdempotencyKey, body: schemas.RefundCreate | None = None
    ) -> Response:
        """Refund all that is left of a captured payment, or a part of it; never more than was captured."""
        payment_id = parse_id("pay", payment, "payment")
        return _respond(await self._payments.refund(caller, payment_id, body or schemas.RefundCreate(), key))

    async def get_payment(self, payment: PaymentId, caller: Caller) -> Response:
        """Return a payment."""
        return _json(await self._queries.payment(caller, parse_id("pay", payment, "payment")))

    async def get_timeline(self, payment: PaymentId, caller: Caller) -> Any:  # noqa: ANN401
        """Return every step of a payment with its cause and time, look-ups included, oldest first."""
        return await self._queries.timeline(caller, parse_id("pay", payment, "payment"))

    async def list_payments(
        self,
        caller: Caller,
        place: _PaymentCursor,
        filters: Annotated[Filters, Depends(_filters)],
        livemode: Mode,
    ) -> Response:
        """Return payments, newest first: your own, or everybody's for people."""
        return _list("/v1/payments", await self._queries.payments(caller, place, filters, livemode=livemode), place)

    async def get_refund(self, refund: str, caller: Caller) -> Response:
        """Return a refund."""
        return _json(await self._queries.refund(caller, parse_id("ref", refund, "refund")))

    async def list_refunds(
        self,
        caller: Caller,
        place: _RefundCursor,
        payment: Annotated[str | None, Query(description="only the refunds of one payment")] = None,
        status: Annotated[OperationStatus | None, Query()] = None,
    ) -> Response:
        """Return your refunds, newest first."""
        payment_id = parse_id("pay", payment, "payment") if payment is not None else None
        return _list("/v1/refunds", await self._queries.refunds(caller, place, payment_id, status), place)

    async def get_idempotency_key(self, key: str, caller: Caller) -> Any:  # noqa: ANN401
        """Return what became of the requests that used a key, for a client whose request timed out."""
        if not is_idempotency_key(key):
            raise not_found("idempotency key")
        return await self._queries.idempotency_key(caller, key)


def build_router(payments: Payments, queries: Queries) -> APIRouter:
    """Return the routes over one service and its read side."""
    routes = _Routes(payments, queries)
    router = APIRouter(tags=["payments"])
    changing = problem_responses(400, 404, 409, 413, 415, 422)
    reading = problem_responses(404, 422)

    def post(path: str, endpoint: Any, model: Any, status_code: int) -> None:  # noqa: ANN401
        router.add_api_route(
            path,
            endpoint,
            methods=["POST"],
            response_model=model,
            status_code=status_code,
            responses=changing,
        )

    def get(path: str, endpoint: Any, model: Any) -> None:  # noqa: ANN401
        router.add_api_route(path, endpoint, methods=["GET"], response_model=model, responses=reading)

    post("/v1/payments", routes.create_payment, schemas.Payment, 201)
    get("/v1/payments", routes.list_payments, Page[schemas.Payment])
    get("/v1/payments/{payment}", routes.get_payment, schemas.Payment)
    get("/v1/payments/{payment}/timeline", routes.get_timeline, schemas.Timeline)
    post("/v1/payments/{payment}/capture", routes.capture_payment, schemas.Payment, 200)
    post("/v1/payments/{payment}/void", routes.void_payment, schemas.Payment, 200)
    post("/v1/payments/{payment}/refunds", routes.refund_payment, schemas.Refund, 201)
    get("/v1/refunds", routes.list_refunds, Page[schemas.Refund])
    get("/v1/refunds/{refund}", routes.get_refund, schemas.Refund)
    get("/v1/idempotency_keys/{key:path}", routes.get_idempotency_key, schemas.IdempotencyKey)
    return router


def hot_routes(payments: Payments, queries: Queries) -> dict[tuple[str, str], HotRoute]:
    """Return the routes that skip the framework: the one every payment takes."""
    return {("POST", "/v1/payments"): HotRoute(schemas.PaymentCreate, _Routes(payments, queries).create_payment)}
