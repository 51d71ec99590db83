"""What administrators are shown of the gateway itself."""

from typing import Literal

from pydantic import BaseModel, Field

from gateway.policies import RouteClass


class CircuitBreaker(BaseModel):
    """A circuit towards payments, as one replica sees it."""

    object: Literal["circuit_breaker"] = "circuit_breaker"
    name: str = Field(description="the class of requests that it guards", examples=["write"])
    upstream: str
    state: Literal["closed", "open", "half_open"]
    forced: bool = Field(description="an administrator has set it; it does not decide by itself")
    rejected: int = Field(description="requests that this replica has turned away because of it")
    shared: bool = Field(description="all replicas agree on it; false while Redis is away")


class CircuitBreakers(BaseModel):
    """All of them."""

    object: Literal["list"] = "list"
    url: str
    has_more: bool
    data: list[CircuitBreaker]


class GatewayQuota(BaseModel):
    """So many requests at once, refilled evenly over so many seconds."""

    limit: int
    seconds: int


class GatewayLimits(BaseModel):
    """How requests are limited."""

    shared: bool = Field(description="all replicas count together; false while Redis is away")
    counted_alone: int = Field(description="requests that this replica had to count by itself")
    quotas: dict[RouteClass, GatewayQuota] = Field(
        description="by class of requests, where a caller has none of its own"
    )


class GatewayStats(BaseModel):
    """What one replica of the gateway is doing."""

    object: Literal["gateway_stats"] = "gateway_stats"
    replica: str
    under_way: dict[RouteClass, int] = Field(description="requests that are being served, by class")
    streams: int = Field(description="streams of events that are open")
    shed: int = Field(description="requests turned away because of overload, since the start")
    limited: int = Field(description="requests turned away by a quota, since the start")
    limits: GatewayLimits
    circuit_breakers: list[CircuitBreaker]
