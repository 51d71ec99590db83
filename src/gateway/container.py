"""The composition root: the only place that knows which parts the gateway is made of."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from gateway import documentation, health
from gateway.api_keys import ApiKeys
from gateway.auth import Authenticator, Verifier
from gateway.clock import Clock
from gateway.edge import Edge, install_problems
from gateway.http_client import HttpUpstream
from gateway.identity_tokens import Signer
from gateway.people import People
from gateway.proxy import Proxy
from gateway.settings import Settings
from gateway.upstream import Upstream
from shared.signing_keys import load_private_key


def build(settings: Settings, *, upstream: Upstream | None = None, clock: Clock | None = None) -> Edge:
    """Return the gateway.

    ``upstream`` replaces HTTP where payments runs in the same process. Nothing here needs a running event loop.
    """
    clock = clock or Clock()
    upstream = upstream or _over_http(settings, clock)
    signer = Signer(load_private_key(settings.identity_key_file), clock)
    verifiers: list[Verifier] = [ApiKeys(upstream, signer)]
    if settings.people_jwks_file is not None and settings.people_issuer is not None:
        verifiers.append(People.load(settings.people_jwks_file, settings.people_issuer, settings.people_audience))
    authenticator = Authenticator(verifiers, signer, clock)
    proxy = Proxy(authenticator, upstream, settings.upstream_timeout_seconds)
    return Edge(proxy, _own_application(upstream))


def _over_http(settings: Settings, clock: Clock) -> HttpUpstream:
    url = settings.payments_url
    return HttpUpstream((url.host or "").strip("[]"), url.port or 80, limit=settings.upstream_connections, clock=clock)


def _own_application(upstream: Upstream) -> FastAPI:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await upstream.aclose()

    app = FastAPI(
        title="Payment platform",
        lifespan=lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.include_router(health.build_router(upstream))
    app.include_router(documentation.build_router(upstream))
    install_problems(app)
    return app
