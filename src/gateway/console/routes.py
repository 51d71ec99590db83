"""Serves the console's files and tells its page where people sign in.

Nothing here is secret and nothing acts: all that the page does, it does through /v1/ with the token of who looks at it.
Browsers ask each time whether a file has changed, so that a page never runs on the scripts of another release.
"""

import hashlib
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import NamedTuple
from urllib.parse import urlsplit

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from gateway.settings import Settings

PATH = "/console"
TEMPLATES = (PATH, PATH + "/{file:path}")
_MEDIA_TYPES = {"css": "text/css", "html": "text/html", "js": "text/javascript", "svg": "image/svg+xml"}


class File(NamedTuple):
    """One file as it is sent."""

    content: bytes
    media_type: str
    etag: str


def build_router(settings: Settings) -> APIRouter:
    """Return the routes below ``/console``."""
    served = dict(load(files("gateway.console") / "static"))
    issuer = settings.people_issuer or ""
    headers = {
        "Cache-Control": "no-cache",
        "Content-Security-Policy": policy(issuer),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    config = {
        "issuer": issuer,
        "client_id": settings.console_client_id,
        "scope": settings.console_scope,
        "environment": settings.environment,
    }
    router = APIRouter(prefix=PATH, include_in_schema=False)

    @router.get("")
    async def page(request: Request) -> Response:
        return _answer(request, served["index.html"], headers)

    @router.get("/config.json")
    async def configuration() -> JSONResponse:
        return JSONResponse(config, headers=headers)

    @router.get("/{name:path}")
    async def file(name: str, request: Request) -> Response:
        if not name:
            return RedirectResponse(PATH, 308)
        # Looked up among those that were there at the start: no name is ever a path on a disk.
        if name not in served:
            raise HTTPException(404)
        return _answer(request, served[name], headers)

    return router


def policy(issuer: str) -> str:
    """Return the content security policy: our own files, our own API, the issuer's tokens, and nothing inline."""
    at = urlsplit(issuer)
    return (
        f"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        f"connect-src 'self' {at.scheme}://{at.netloc}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        f"require-trusted-types-for 'script'; trusted-types 'none'"
    )


def load(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, File]]:
    """Yield every file below a folder by its path there."""
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from load(entry, f"{prefix}{entry.name}/")
        else:
            content = entry.read_bytes()
            media_type = _MEDIA_TYPES[entry.name.rpartition(".")[2]]
            yield prefix + entry.name, File(content, media_type, f'"{hashlib.sha256(content).hexdigest()[:32]}"')


def _answer(request: Request, file: File, headers: dict[str, str]) -> Response:
    known = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
    headers = {**headers, "ETag": file.etag}
    if file.etag in known:
        return Response(None, 304, headers)
    return Response(file.content, 200, headers, file.media_type)
