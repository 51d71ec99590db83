"""What administrators see and set of the gateway itself; everything else under /v1/admin/ is payments'."""

import os
import socket
from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Response
from fastapi import Request as HttpRequest
from pydantic import BaseModel, ConfigDict

from gateway.admission import Admission
from gateway.audit import AuditTrail
from gateway.breaker import Circuit
from gateway.circuits import Circuits
from gateway.headers import ClientHeaders
from gateway.identity_tokens import Passport
from gateway.policies import Quota, RouteClass
from gateway.proxy import Proxy
from gateway.rate_limit import RateLimiter
from gateway.schemas import CircuitBreaker, CircuitBreakers, GatewayLimits, GatewayQuota, GatewayStats
from gateway.strangers import too_many
from gateway.streams import Streams
from shared.permissions import PERMISSIONS
from shared.problems import Problem, not_found


class CircuitPut(BaseModel):
    """What a circuit is told to be."""

    model_config = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True)

    state: Literal["open", "closed", "automatic"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The parts of the gateway that administrators look after."""

    proxy: Proxy
    limiter: RateLimiter
    circuits: Circuits
    admission: Admission
    streams: Streams
    audit: AuditTrail
    quotas: dict[RouteClass, Quota]


def build_router(parts: Parts) -> APIRouter:
    """Return the routes over the parts."""

    async def administrator(request: HttpRequest, response: Response) -> Passport:
        passport = await parts.proxy.enter(request.scope, request.scope["client_headers"])
        PERMISSIONS[f"{request.method} {request.scope['route'].path}"].demand(passport.identity)
        if request.method == "PUT" and request.headers.get("content-type") != "application/json":
            raise Problem(415, "unsupported_media_type", "Send the body as application/json.")
        verdict = await parts.limiter.take(passport.identity.subject, "admin", parts.quotas["admin"])
        if not verdict.allowed:
            raise too_many(verdict)
        response.headers.update({name.decode(): value.decode() for name, value in verdict.headers()})
        return passport

    router = APIRouter(prefix="/v1/admin", tags=["administration"], dependencies=[Depends(administrator)])

    @router.get("/stats", operation_id="gateway_stats")
    async def stats() -> GatewayStats:
        """Return what this replica of the gateway is doing."""
        quotas = {kind: GatewayQuota(limit=q.limit, seconds=q.seconds) for kind, q in parts.quotas.items()}
        return GatewayStats(
            replica=f"{socket.gethostname()}:{os.getpid()}",
            under_way=parts.admission.under_way,
            streams=parts.streams.open,
            shed=parts.admission.shed,
            limited=parts.limiter.limited,
            limits=GatewayLimits(shared=parts.limiter.shared, counted_alone=parts.limiter.fallbacks, quotas=quotas),
            circuit_breakers=_shown(parts.circuits),
        )

    @router.get("/circuit_breakers", operation_id="list_circuit_breakers")
    async def list_circuit_breakers() -> CircuitBreakers:
        """Return the circuits towards payments as this replica sees them."""
        return CircuitBreakers(url="/v1/admin/circuit_breakers", has_more=False, data=_shown(parts.circuits))

    @router.put("/circuit_breakers/{name}", operation_id="put_circuit_breaker")
    async def put_circuit_breaker(
        name: str, body: CircuitPut, request: HttpRequest, person: Annotated[Passport, Depends(administrator)]
    ) -> CircuitBreaker:
        """Force a circuit open or closed on every replica, within a second, or let it decide by itself again."""
        circuit, headers = _named(parts.circuits, name), _client_headers(request)
        await parts.audit.record(
            person,
            address=parts.proxy.address(request.scope, headers),
            request_id=headers.request_id,
            route=f"{request.method} {request.scope['route'].path}",
            action="update",
            changed="circuit_breakers",
            target=circuit.kind,
            before={"forced": circuit.forced},
            after={"forced": None if body.state == "automatic" else body.state},
        )
        await parts.circuits.force(circuit.kind, None if body.state == "automatic" else body.state)
        return _circuit(circuit, shared=parts.circuits.shared)

    return router


def _named(circuits: Circuits, name: str) -> Circuit:
    for circuit in circuits.all.values():
        if circuit.kind == name:
            return circuit
    raise not_found("circuit breaker")


def _client_headers(request: HttpRequest) -> ClientHeaders:
    headers: ClientHeaders = request.scope["client_headers"]
    return headers


def _shown(circuits: Circuits) -> list[CircuitBreaker]:
    return [_circuit(circuit, shared=circuits.shared) for circuit in circuits.all.values()]


def _circuit(circuit: Circuit, *, shared: bool) -> CircuitBreaker:
    return CircuitBreaker(
        name=circuit.kind,
        upstream="payments",
        state=circuit.state,
        forced=circuit.forced is not None,
        rejected=circuit.rejected,
        shared=shared,
    )
