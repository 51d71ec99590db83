"""The composition root: the only place that knows which parts the gateway is made of."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from fastapi import FastAPI

from gateway import admin, documentation, health
from gateway.admission import ADMIN_PLACES, Admission
from gateway.api_keys import ApiKeys
from gateway.audit import AuditTrail
from gateway.auth import Authenticator, Verifier
from gateway.breaker import Circuit
from gateway.circuits import Circuits
from gateway.clock import Clock
from gateway.console import routes as console
from gateway.cors import Cors
from gateway.edge import LIMITED, OWN_ADMIN, Edge, install_problems
from gateway.http_client import HttpUpstream
from gateway.identity_tokens import Signer, service_passport
from gateway.jwks import FetchedKeys, FixedKeys, KeySource
from gateway.lanes import Lane
from gateway.metrics import CATALOGUE, CIRCUIT_STATES
from gateway.people import People
from gateway.policies import Quota, RouteClass
from gateway.proxy import Proxy
from gateway.rate_limit import RateLimiter
from gateway.refusals import Refusals
from gateway.settings import Settings
from gateway.strangers import Strangers
from gateway.streams import Streams
from gateway.upstream import Upstream
from shared.asgi import REFUSE
from shared.metrics import Registry
from shared.red import HEALTH, ROUTES, Requests, Templates
from shared.redis_connection import RedisConnection
from shared.signing_keys import load_private_key
from shared.telemetry import Telemetry

# Anything Redis is asked here takes a millisecond; whoever waits longer waits in vain.
REDIS_SECONDS = 0.25


def build(
    settings: Settings,
    *,
    upstream: Upstream | None = None,
    clock: Clock | None = None,
    registry: Registry | None = None,
) -> Edge:
    """Return the gateway.

    ``upstream`` replaces HTTP where payments runs in the same process, and ``registry`` measures both there. Nothing
    here needs a running event loop.
    """
    clock = clock or Clock()
    registry = registry or Registry(CATALOGUE)
    telemetry = Telemetry("gateway", settings, registry, trace_ratio=settings.trace_ratio)
    upstream = upstream or _over_http(settings, clock, registry)
    redis = RedisConnection(settings.redis_url, timeout=REDIS_SECONDS) if settings.redis_url is not None else None
    signer = Signer(load_private_key(settings.identity_key_file), clock)
    verifiers: list[Verifier] = [ApiKeys(upstream, signer)]
    if settings.people_issuer is not None:
        verifiers.append(People(_people_keys(settings, clock), settings.people_issuer, settings.people_audience))
    authenticator = Authenticator(verifiers, signer, clock)
    limiter = RateLimiter(redis, clock, fallback_share=settings.limit_fallback_share)
    strangers = Strangers(limiter, Quota.parse(settings.unauthenticated_limit), clock)
    circuits = Circuits(redis, clock)
    admission, streams = Admission(settings.upstream_connections), Streams(authenticator)
    _measured(registry, limiter, admission, circuits)
    lanes = _lanes(settings, upstream, circuits, admission)
    proxy = Proxy(
        authenticator=authenticator,
        strangers=strangers,
        limiter=limiter,
        lanes=lanes,
        streams=streams,
        acquirers=service_passport(signer),
        trusted_proxies=settings.trusted_proxies,
        errors=registry.counter("gateway_upstream_errors_total"),
    )
    parts = admin.Parts(
        proxy=proxy,
        limiter=limiter,
        circuits=circuits,
        admission=admission,
        streams=streams,
        audit=AuditTrail(upstream, service_passport(signer)),
        quotas={kind: lane.quota for kind, lane in lanes.items()},
    )
    cors = Cors(settings.cors_origins)
    requests = Requests(registry, "gateway", Templates((*HEALTH, *LIMITED, *OWN_ADMIN, *console.TEMPLATES, *ROUTES)))
    # Browsers need more headers than it knows.
    refuse = Refusals(admission, requests) if not cors.origins else None
    own = _own_application(settings, upstream, parts, redis, telemetry, refuse)
    return Edge(proxy, own, strangers, cors, requests, telemetry.tracing)


def _measured(registry: Registry, limiter: RateLimiter, admission: Admission, circuits: Circuits) -> None:
    """Show what these count for themselves."""
    registry.counter("gateway_rate_limited_total").of().read = lambda: limiter.limited
    registry.counter("gateway_rate_limit_fallbacks_total").of().read = lambda: limiter.fallbacks
    registry.counter("gateway_shed_total").of().read = lambda: admission.shed
    for circuit in circuits.all.values():
        registry.counter("gateway_circuit_rejected_total").of(circuit.kind).read = partial(_rejected, circuit)
        for state in CIRCUIT_STATES:
            registry.gauge("gateway_circuit_state").of(circuit.kind, state).read = partial(_is, circuit, state)


def _rejected(circuit: Circuit) -> int:
    return circuit.rejected


def _is(circuit: Circuit, state: str) -> bool:
    return circuit.state == state


def _people_keys(settings: Settings, clock: Clock) -> KeySource:
    if settings.people_jwks_file is not None:
        return FixedKeys.load(settings.people_jwks_file)
    url = settings.people_jwks_url
    return FetchedKeys(settings.people_issuer or "", None if url is None else str(url), clock)


def _lanes(settings: Settings, upstream: Upstream, circuits: Circuits, admission: Admission) -> dict[RouteClass, Lane]:
    plans: dict[RouteClass, tuple[str, float]] = {
        "write": (settings.write_limit, settings.write_timeout_seconds),
        "read": (settings.read_limit, settings.read_timeout_seconds),
        "admin": (settings.admin_limit, settings.admin_timeout_seconds),
    }
    return {
        kind: Lane(
            kind,
            upstream=upstream,
            admission=admission,
            circuit=circuits.all[kind],
            quota=Quota.parse(quota),
            timeout=timeout,
        )
        for kind, (quota, timeout) in plans.items()
    }


def _over_http(settings: Settings, clock: Clock, registry: Registry) -> HttpUpstream:
    url = settings.payments_url
    if url is None:
        raise ValueError("GATEWAY_PAYMENTS_URL says where payments listens, for example http://payments:8000")
    limit = settings.upstream_connections + ADMIN_PLACES
    upstream = HttpUpstream((url.host or "").strip("[]"), url.port or 80, limit=limit, clock=clock)
    connections = registry.gauge("gateway_upstream_connections")
    connections.of("open").read = partial(upstream.count, "open")
    connections.of("idle").read = partial(upstream.count, "idle")
    connections.of("waiting").read = partial(upstream.count, "waiting")
    return upstream


def _own_application(
    settings: Settings,
    upstream: Upstream,
    parts: admin.Parts,
    redis: RedisConnection | None,
    telemetry: Telemetry,
    refuse: Refusals | None,
) -> FastAPI:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, Refusals | None]]:
        telemetry.open()
        syncing = asyncio.create_task(parts.circuits.run())
        yield {REFUSE: refuse}
        syncing.cancel()
        await asyncio.wait([syncing])
        await upstream.aclose()
        if redis is not None:
            await redis.close()
        await telemetry.close()

    app = FastAPI(
        title="Payment platform",
        lifespan=lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.include_router(health.build_router(upstream))
    app.include_router(admin.build_router(parts))
    if settings.docs if settings.docs is not None else settings.environment != "production":
        app.include_router(documentation.build_router(upstream))
    if settings.console_client_id is not None:
        app.include_router(console.build_router(settings))
    install_problems(app)
    return app
