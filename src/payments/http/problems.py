"""Turns every failure into a problem document, and says which ones a route may answer with."""

import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import psycopg
import sqlalchemy as sa
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match

from shared.problem_catalog import reference
from shared.problems import MEDIA_TYPE, FieldError, Problem, internal

_log = logging.getLogger(__name__)

_DATABASE_AWAY = (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError, psycopg.OperationalError)
# A field name chosen by a client is repeated only when it could not be card data.
_HARMLESS_NAME = re.compile(r"[A-Za-z_][A-Za-z_0-9-]{0,39}")
_LONG_NUMBER = re.compile(r"\d{5}")
_METHODS = ("DELETE", "GET", "PATCH", "POST", "PUT")
# What the framework itself answers with: code and sentence.
_HTTP_ANSWERS = {
    404: ("not_found", "There is nothing at this path; see the API reference."),
    405: ("method_not_allowed", "This path does not take this method; the Allow header names those it takes."),
}


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI entries of a route's errors; every route has 401, 403, 500 and 503 besides."""
    return {status: dict(reference(status)) for status in sorted({401, 403, 500, 503, *statuses})}


def respond(problem: Problem, request_path: str, request_id: str | None) -> Response:
    """Return the response of a problem."""
    return Response(
        problem.body(request_path, request_id),
        status_code=problem.status,
        headers=dict(problem.headers),
        media_type=MEDIA_TYPE,
    )


def from_validation(errors: Iterable[ErrorDetails | Mapping[str, Any]]) -> Problem:
    """Return the problem of a request that does not fit its model: each entry points at its field."""
    found = list(errors)
    if any(error["type"] == "json_invalid" for error in found):
        return malformed_json()
    entries = tuple(_entry(error) for error in found)
    return Problem(422, "validation_failed", "The request is not valid; see errors.", errors=entries)


def from_failure(error: Exception, method: str) -> Problem:
    """Return the answer for what nobody expected: a database that is away is not a defect of ours."""
    if not isinstance(error, _DATABASE_AWAY):
        return internal()
    reads = method in ("GET", "HEAD")
    return Problem(
        503,
        "unavailable",
        "The database cannot be reached. Repeat the request"
        + (" later." if reads else " later, with the same Idempotency-Key if it has one."),
        effect="none" if reads else "unknown",
        retryable=True,
        headers={"Retry-After": "2"},
    )


def malformed_json() -> Problem:
    """Return the answer for a body that is not JSON (NaN and nesting without end are not)."""
    return Problem(400, "malformed_json", "The body is not valid JSON.")


def not_an_object() -> Problem:
    """Return the answer for a body that is ``null``."""
    entry = FieldError(detail="Expected an object", pointer="")
    return Problem(422, "validation_failed", "The request is not valid; see errors.", errors=(entry,))


def _entry(error: ErrorDetails | Mapping[str, Any]) -> FieldError:
    location: Sequence[str | int] = error["loc"]
    if location and location[0] in ("body", "query", "path", "header"):
        location = location[1:]
    detail = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] in ("int_type", "int_from_float") and location[-1:] == ("amount",):
        detail = "Expected a whole number of minor units: 1999 is 19.99 USD, and 1999 JPY as the yen has no minor unit"
    if error["type"] in ("dict_type", "model_type", "model_attributes_type"):
        detail = "Expected an object"
    if error["type"] == "extra_forbidden":
        detail = "This field is not known here"
    return FieldError(detail, "".join(f"/{_harmless(part)}" for part in location))


def _harmless(part: str | int) -> str:
    if isinstance(part, int):
        return str(part)
    return part if _HARMLESS_NAME.fullmatch(part) and not _LONG_NUMBER.search(part) else "(name withheld)"


def _allowed(app: FastAPI, request: Request) -> str:
    """Return every method of a path; the framework itself names those of the first route that has it."""
    scopes = {method: {**request.scope, "method": method} for method in _METHODS}
    matches = {
        method for method, scope in scopes.items() for route in app.routes if route.matches(scope)[0] is Match.FULL
    }
    return ", ".join(sorted(matches))


def install(app: FastAPI) -> None:
    """Give an application these answers."""

    def on_problem(request: Request, error: Exception) -> Response:
        problem = error if isinstance(error, Problem) else from_failure(error, request.method)
        return respond(problem, request.url.path, request.scope.get("request_id"))

    def on_validation(request: Request, error: Exception) -> Response:
        details = error.errors() if isinstance(error, RequestValidationError | ValidationError) else []
        return on_problem(request, from_validation(details))

    def on_http(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        code, detail = _HTTP_ANSWERS.get(
            status, ("invalid_request", "The request cannot be read; see the API reference.")
        )
        headers = dict(getattr(error, "headers", None) or {})
        if status == HTTPStatus.METHOD_NOT_ALLOWED:
            headers["Allow"] = _allowed(app, request)
        return on_problem(request, Problem(status, code, detail, headers=headers))

    # For what nobody expected as well: the framework would answer in plain text before `Entry` hears of it.
    app.add_exception_handler(Exception, on_problem)
    app.add_exception_handler(Problem, on_problem)
    app.add_exception_handler(RequestValidationError, on_validation)
    app.add_exception_handler(HTTPException, on_http)
