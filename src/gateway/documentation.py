"""The API reference: payments' OpenAPI document as the outside sees it, and a page that shows it without any CDN.

The page's script is vendored in ``assets/`` (see the README there), so that it works offline and nobody else's server
learns who reads it. The content security policy holds the browser to that.
"""

import gzip
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from http import HTTPStatus
from importlib.resources import files
from typing import Any

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from scalar_fastapi import AgentScalarConfig, get_scalar_api_reference

from gateway import upstream as port
from shared import problem_catalog
from shared.permissions import PERMISSIONS
from shared.problems import Problem

SCRIPT = "scalar-api-reference-1.72.1.js.gz"
_TIMEOUT_SECONDS = 10.0
# What the gateway itself can answer to a request that the document describes.
_OWN_ANSWERS = (400, 401, 408, 413, 429, 500, 502, 503, 504)
_REQUEST_ID = {"$ref": "#/components/headers/X-Request-Id"}
_OWN_HEADERS = {name: {"$ref": f"#/components/headers/{name}"} for name in ("RateLimit", "RateLimit-Policy")}
_OPERATIONS = frozenset(("get", "post", "put", "patch", "delete"))
_PAGE_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self' data:; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def build_router(upstream: port.Upstream) -> APIRouter:
    """Return the routes ``/openapi.json`` and ``/docs``."""
    router = APIRouter(include_in_schema=False)

    @router.get("/openapi.json")
    async def document(request: Request) -> JSONResponse:
        return JSONResponse(public_document(await _fetch(upstream), request.app.openapi()))

    @router.get("/docs")
    async def page() -> HTMLResponse:
        response = get_scalar_api_reference(
            openapi_url="/openapi.json",
            title="Payment platform API",
            scalar_js_url="/docs/scalar.js",
            scalar_favicon_url="data:,",
            with_default_fonts=False,
            telemetry=False,
            agent=AgentScalarConfig(disabled=True),
            overrides={"mcp": {"disabled": True}},
            authentication={"preferredSecurityScheme": "api_key"},
            show_developer_tools="never",
            hide_client_button=True,
        )
        response.headers["Content-Security-Policy"] = _PAGE_POLICY
        return response

    @router.get("/docs/scalar.js")
    def script(request: Request) -> Response:
        packed = _script()
        headers = {"Cache-Control": "public, max-age=86400", "Vary": "Accept-Encoding"}
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers["Content-Encoding"] = "gzip"
        else:
            packed = gzip.decompress(packed)
        return Response(packed, media_type="text/javascript", headers=headers)

    return router


def public_document(payments: dict[str, Any], gateway: dict[str, Any]) -> dict[str, Any]:
    """Return payments' OpenAPI document with only the public routes, the gateway's own, and this server."""
    document = deepcopy(payments)
    components = document.setdefault("components", {})
    for kind, entries in (*gateway.get("components", {}).items(), *problem_catalog.components().items()):
        components[kind] = {**entries, **components.get(kind, {})}
    own = deepcopy(gateway.get("paths", {}))
    for path, method, operation in _operations(own):
        if path.startswith("/v1/"):
            operation["security"] = [{"person": list(PERMISSIONS[f"{method.upper()} {path}"].roles)}]
            refusals = ("403", "404", "415", "422") if method == "put" else ("403",)
            operation["responses"] |= {status: problem_catalog.reference(int(status)) for status in refusals}
            operation["responses"]["200"]["headers"] = {"X-Request-Id": _REQUEST_ID}
    paths = {path: item for path, item in (document.get("paths", {}) | own).items() if path.startswith("/v1/")}
    for item in paths.values():
        for operation in (value for method, value in item.items() if method in _OPERATIONS):
            answers = operation.setdefault("responses", {})
            for status in _OWN_ANSWERS:
                answers.setdefault(str(status), problem_catalog.reference(status))
            for answer in answers.values():
                if "$ref" not in answer:
                    answer["headers"] = answer.get("headers", {}) | _OWN_HEADERS
    document["paths"] = own | paths
    document["servers"] = [{"url": "/", "description": "This gateway"}]
    return document


def _operations(paths: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in paths.items():
        yield from ((path, method, item[method]) for method in item if method in _OPERATIONS)


async def _fetch(upstream: port.Upstream) -> dict[str, Any]:
    request = port.Request("GET", b"/openapi.json", b"", [], b"", repeatable=True, timeout=_TIMEOUT_SECONDS)
    try:
        response = await upstream.send(request)
        body = await response.read()
    except port.UpstreamError as error:
        raise _unavailable() from error
    if response.status != HTTPStatus.OK:
        raise _unavailable()
    return msgspec.json.decode(body, type=dict[str, Any])


def _unavailable() -> Problem:
    return Problem(
        503,
        "unavailable",
        "The description of the API is not available right now.",
        retryable=True,
        headers={"Retry-After": "1"},
    )


@cache
def _script() -> bytes:
    return (files("gateway") / "assets" / SCRIPT).read_bytes()
