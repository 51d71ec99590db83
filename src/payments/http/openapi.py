"""The OpenAPI document: what the framework gathers from the routes, and what holds for all of them."""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

from payments.http.entry import MAX_KEY_LENGTH
from shared.permissions import PERMISSIONS, Permission
from shared.problem_catalog import components, reference

_ABOUT = """\
Take card payments, and keep their books.

- **Authentication**: `Authorization: Bearer …` with an API key (`sk_test_…`, `sk_live_…`), or a person's token.
- **Idempotency**: requests that move or reserve money need an `Idempotency-Key`; repeated, they get the same answer.
- **Errors** are RFC 9457 documents. Decide by `code`; `effect` says whether money may have moved.
- **Money** is an integer of minor units and an ISO 4217 code: `1999` and `USD` are 19.99.
- **Lists** are newest first; go on with `starting_after` and the last id.
"""
_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "A fresh UUID for each new thing you want to happen, and the same one whenever you repeat it.",
    "schema": {
        "type": "string",
        "minLength": 1,
        "maxLength": MAX_KEY_LENGTH,
        "pattern": "^[ -~]+$",
        "examples": ["8e03978e-40d5-43e8-bc93-6894a57f9324"],
    },
}
_HEADERS = {
    "Idempotent-Replayed": {
        "description": "`true` when an earlier request with this key did the work, and this is its answer",
        "schema": {"type": "string", "enum": ["true"]},
    }
}
_SCHEMES = {
    "api_key": {
        "type": "http",
        "scheme": "bearer",
        "description": "A merchant's key (`sk_test_…`, `sk_live_…`); it needs the scope that the operation names.",
    },
    "person": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "The token of a person who works for the platform; it needs one of the roles that are named.",
    },
}
_WITH_BODY = ("patch", "post", "put")
# What the framework describes of its own accord, and `problems` replaces.
_NOT_OURS = ("HTTPValidationError", "ValidationError")


def operation_id(route: APIRoute) -> str:
    """Return the name of the endpoint: generated clients name their methods by it."""
    return route.name


def install(app: FastAPI) -> None:
    """Complete an application's document."""
    gathered = app.openapi

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = complete(gathered())
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]  # how FastAPI wants it extended


def complete(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document with the parts all operations share."""
    document["info"]["description"] = _ABOUT
    own = document.setdefault("components", {})
    for kind, entries in components().items():
        own.setdefault(kind, {}).update(entries)
    own["headers"].update(_HEADERS)
    own["securitySchemes"] = _SCHEMES
    own["parameters"] = {"IdempotencyKey": _IDEMPOTENCY_KEY}
    for name in _NOT_OURS:
        own["schemas"].pop(name, None)
    permissions = {route.replace(":path}", "}"): permission for route, permission in PERMISSIONS.items()}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            operation["security"] = list(_ways(permissions[f"{method.upper()} {path}"]))
            if method in _WITH_BODY:
                # Read and refused before the route is known, whether or not it takes one.
                operation["responses"] |= {str(status): reference(status) for status in (400, 413, 415)}
            _complete(operation)
    return dict(_whole(document))


def _whole(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return bounds of whole numbers as whole numbers: the framework makes them floats, which a client then sends."""
    if isinstance(value, dict):
        return {name: _whole(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_whole(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _ways(permission: Permission) -> Iterator[dict[str, list[str]]]:
    if permission.scope is not None:
        yield {"api_key": [permission.scope]}
    if permission.roles:
        yield {"person": list(permission.roles)}


def _complete(operation: dict[str, Any]) -> None:
    operation["description"] = operation["description"].replace("``", "`")  # from docstrings to Markdown
    names = [parameter["name"] for parameter in operation.get("parameters", ())]
    idempotent = "Idempotency-Key" in names
    if idempotent:
        key = names.index("Idempotency-Key")
        operation["parameters"][key] = {"$ref": "#/components/parameters/IdempotencyKey"}
    operation["responses"] = dict(sorted(_responses(operation["responses"], idempotent=idempotent)))


def _responses(found: dict[str, Any], *, idempotent: bool) -> Iterator[tuple[str, Any]]:
    headers = ("X-Request-Id", "Idempotent-Replayed") if idempotent else ("X-Request-Id",)
    for status, response in found.items():
        if "$ref" in response:
            yield status, {"$ref": response["$ref"]}  # without the phrase the framework puts beside it
        elif status == "422":
            yield status, reference(422)
        else:
            yield status, response | {"headers": {name: {"$ref": f"#/components/headers/{name}"} for name in headers}}
