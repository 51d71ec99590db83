"""Merchants whose payments are judged, cards nobody else has, and the routes of fraud."""

from datetime import UTC, datetime
from itertools import count
from typing import Any

from fastapi import FastAPI

from payments.fraud.desk import FraudDesk
from payments.fraud.routes import build_router
from payments.http.entry import Entry
from payments.merchants.scopes import SCOPES
from shared.card_numbers import passes_luhn
from shared.ids import show, uuid_of
from tests.support import Caller, Platform, body_of

_cards = count(1)


def fresh_card() -> str:
    """A card number that no test has used, which the sandbox approves."""
    stem = f"4539577{next(_cards):08d}"
    return next(number for digit in range(10) if passes_luhn(number := f"{stem}{digit}"))


def _where_it_is_noon() -> str:
    """A time zone in which no payment is made at night, whenever the tests run."""
    east = 12 - datetime.now(UTC).hour
    return f"Etc/GMT{-east:+d}"  # POSIX: the sign says how far it is to Greenwich


async def shop(platform: Platform, **fraud: Any) -> Caller:
    """A merchant with the usual thresholds; money is USD, so that cents need no rate."""
    body = {
        "name": "Blue Bottle Books",
        "country": "DE",
        "category_code": "5942",
        "settlement_currency": "USD",
        "fee": {"basis_points": 0, "fixed": 0},
        "time_zone": _where_it_is_noon(),
        "fraud": fraud,
    }
    merchant = body_of(await platform.admin.post("/v1/merchants", body, key=None), 201)
    return platform.caller("api_key", uuid_of("mer", merchant["id"]), scopes=SCOPES)


async def pay(caller: Caller, number: str | None = None, **changes: Any) -> dict[str, Any]:
    """Make a payment of 19.99 USD with a fresh card, unless told."""
    return await caller.pay(number or fresh_card(), **{"amount": 1999, "currency": "USD"} | changes)


def id_of(caller: Caller) -> str:
    """The merchant's public id."""
    assert caller.identity.merchant_id is not None
    return show("mer", caller.identity.merchant_id)


def desk_of(platform: Platform) -> FraudDesk:
    container = platform.container
    return FraudDesk(container.database, container.fraud, container.merchants, container.vault, container.reviews)


def with_fraud_routes(platform: Platform) -> None:
    """Add the routes, unless the application has them."""
    assert isinstance(platform.app, Entry)
    app = platform.app._app
    assert isinstance(app, FastAPI)
    if not any(getattr(route, "path", "") == "/v1/fraud/check" for route in app.routes):
        app.include_router(build_router(desk_of(platform)))
