"""Shapes of routing."""

from typing import Annotated, Literal

from pydantic import Field

from payments.http.models import ResponseModel, StrictModel
from payments.money import Currency

Acquirers = Annotated[
    list[Annotated[str, Field(pattern="^[a-z0-9_]{1,32}$")]],
    Field(min_length=1, max_length=8, description="in the order in which they are tried", examples=[["stripe"]]),
]


class Route(StrictModel):
    """Who takes the payments in one currency."""

    currency: Currency | None = Field(default=None, description="default: every currency without a route of its own")
    acquirers: Acquirers


class RoutesPut(StrictModel):
    """All routes of a merchant in one mode; none means the acquirer that is the first of the mode."""

    livemode: bool
    routes: list[Route] = Field(max_length=200)


class Routes(ResponseModel):
    """The routes of a merchant in one mode."""

    object: Literal["acquirer_routes"] = "acquirer_routes"
    merchant: str
    livemode: bool
    routes: list[Route]
