"""The webhooks section of the OpenAPI document: one operation for each kind of event."""

from typing import Any

from fastapi import FastAPI
from pydantic.json_schema import models_json_schema

from payments.events.catalogue import CATALOGUE, EventType
from payments.events.schemas import EventOf

_HEADERS = {
    "webhook-id": "id of the event, the same whenever it is sent again",
    "webhook-timestamp": "seconds since 1970 of this attempt; refuse what is older than five minutes",
    "webhook-signature": "`v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`; several, separated by spaces",
}


def install(app: FastAPI) -> None:
    """Add the webhooks to an application's document."""
    build = app.openapi

    def openapi() -> dict[str, Any]:
        document = build()
        if "webhooks" not in document:
            webhooks, schemas = _section()
            document["webhooks"] = webhooks
            components = document.setdefault("components", {}).setdefault("schemas", {})
            for name, schema in schemas.items():
                components.setdefault(name, schema)
        return document

    app.openapi = openapi  # type: ignore[method-assign]


def _section() -> tuple[dict[str, Any], dict[str, Any]]:
    models = {each.data: EventOf[each.data] for each in CATALOGUE.values()}  # type: ignore[name-defined]
    references, definitions = models_json_schema(
        [(model, "serialization") for model in models.values()], ref_template="#/components/schemas/{model}"
    )
    webhooks = {
        name: {"post": _operation(each, references[models[each.data], "serialization"])}
        for name, each in CATALOGUE.items()
    }
    return webhooks, definitions["$defs"]


def _operation(each: EventType, schema: dict[str, Any]) -> dict[str, Any]:
    return {
        "tags": ["events"],
        "summary": each.name,
        "description": f"{each.meaning[0].upper()}{each.meaning[1:]}. Version {each.version} of its data.",
        "operationId": f"event_{each.name.replace('.', '_')}",
        "parameters": [
            {"name": name, "in": "header", "required": True, "description": text, "schema": {"type": "string"}}
            for name, text in _HEADERS.items()
        ],
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
        "responses": {
            "2XX": {"description": "Received. Anything else is sent again later."},
            "410": {"description": "Disables the endpoint."},
        },
    }
