"""The payments service as an ASGI application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import sqlalchemy as sa
from fastapi import Depends, FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp

from payments.access import authorize
from payments.adjustments import routes as adjustments_routes
from payments.audit_log import routes as audit_routes
from payments.container import Container
from payments.controls import routes as controls_routes
from payments.disputes import routes as disputes_routes
from payments.events import openapi as events_openapi
from payments.events import routes as events_routes
from payments.fraud import routes as fraud_routes
from payments.fx import routes as fx_routes
from payments.http import openapi, problems
from payments.http.entry import Entry
from payments.http.lists import only_known
from payments.ledger import routes as ledger_routes
from payments.merchants import routes as merchants_routes
from payments.payments import callback_routes
from payments.payments import routes as payments_routes
from payments.payouts import routes as payouts_routes
from payments.reconciliation import routes as reconciliation_routes
from payments.risk import routes as risk_routes
from payments.routing import routes as routing_routes
from payments.settings import Settings
from payments.statements import routes as statements_routes
from payments.vault import routes as vault_routes
from payments.webhooks import routes as webhooks_routes
from shared import logs
from shared.asgi import DRAINING
from shared.red import HEALTH, ROUTES, Requests, Templates


def create_app(container: Container) -> ASGIApp:
    """Return the application over a container."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await container.open()
        yield
        await container.close()

    app = FastAPI(
        title="Payments",
        version="1",
        dependencies=[Depends(authorize), Depends(only_known)],
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=openapi.operation_id,
    )
    app.state.access = container.access
    problems.install(app)
    events_openapi.install(app)
    openapi.install(app)
    app.include_router(audit_routes.build_router(container.audit))
    app.include_router(controls_routes.build_router(container.controls))
    app.include_router(vault_routes.build_router(container.vault))
    app.include_router(payments_routes.build_router(container.payments, container.queries))
    app.include_router(callback_routes.build_router(container.callbacks, container.connectors))
    app.include_router(events_routes.build_router(container.events, container.streams))
    app.include_router(webhooks_routes.build_router(container.webhooks))
    app.include_router(ledger_routes.build_router(container.ledger))
    app.include_router(disputes_routes.build_router(container.disputes))
    app.include_router(payouts_routes.build_router(container.payouts))
    app.include_router(statements_routes.build_router(container.statements))
    app.include_router(reconciliation_routes.build_router(container.reconciliation))
    app.include_router(adjustments_routes.build_router(container.adjustments))
    app.include_router(fraud_routes.build_router(container.fraud_desk))
    app.include_router(fx_routes.build_router(container.fx))
    app.include_router(routing_routes.build_router(container.routing))
    app.include_router(risk_routes.build_router(container.risk))
    app.include_router(merchants_routes.build_router(container.merchants))

    async def live(_: Request) -> Response:
        return JSONResponse({"status": "live"})

    async def ready(request: Request) -> Response:
        if DRAINING in request.scope.get("state", {}):
            return JSONResponse({"status": "about to stop"}, status_code=503)
        try:
            async with container.database.snapshot() as connection:
                await connection.execute(sa.text("SELECT 1"))
        except (sa.exc.SQLAlchemyError, OSError):
            return JSONResponse({"status": "database unavailable"}, status_code=503)
        return JSONResponse({"status": "ready"})

    # Routes of the framework below ours: they ask no permission.
    app.add_route("/health/live", live, include_in_schema=False)
    app.add_route("/health/ready", ready, include_in_schema=False)
    telemetry = container.telemetry
    return Entry(
        app,
        container.access,
        payments_routes.hot_routes(container.payments, container.queries),
        Requests(telemetry.registry, "payments", Templates((*HEALTH, *ROUTES))),
        telemetry.tracing,
    )


def app_factory() -> ASGIApp:
    """Return the application configured by the environment, for the server."""
    settings = Settings()
    logs.configure("payments", settings.log_format)
    return create_app(Container(settings))
