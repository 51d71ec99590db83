"""What the console asks of the API is in the published document: routes, parameters, fields, roles and keys."""

import json
import subprocess
from typing import Any

import pytest

from shared.permissions import PERMISSIONS, ROLES
from tests.contract.document import published


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return published()


@pytest.fixture(scope="module")
def endpoints(node, static) -> dict[str, dict[str, Any]]:
    script = f"import('{static / 'endpoints.js'}').then((found) => console.log(JSON.stringify(found.ENDPOINTS)))"
    command = [node, "--disable-warning=MODULE_TYPELESS_PACKAGE_JSON", "-e", script]
    found: dict[str, dict[str, Any]] = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert len(found) > 15
    return found


class Document:
    """The document with its references followed."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document

    def follow(self, schema: dict[str, Any]) -> list[dict[str, Any]]:
        """Every form that a schema allows."""
        if "$ref" in schema:
            target: Any = self.document
            for part in schema["$ref"].removeprefix("#/").split("/"):
                target = target[part]
            return self.follow(target)
        choices = [each for name in ("anyOf", "oneOf", "allOf") for each in schema.get(name, [])]
        return [schema, *(form for each in choices for form in self.follow(each))]

    def has(self, schema: dict[str, Any], path: str) -> bool:
        """Tell whether a field is there: ``a.b`` in an object, ``[]`` in each entry of a list."""
        step, _, rest = path.partition(".")
        name, brackets, _ = step.partition("[]")
        for form in self.follow(schema):
            values = form.get("additionalProperties")
            field = form.get("properties", {}).get(name) or (values if isinstance(values, dict) else None)
            if field is None:
                continue
            inner = [each["items"] for each in self.follow(field) if "items" in each] if brackets else [field]
            if any(not rest or self.has(each, rest) for each in inner):
                return True
        return False


def test_each_is_described_as_the_console_uses_it(document, endpoints):
    described, wrong = Document(document), []
    for name, endpoint in endpoints.items():
        method, path = endpoint["route"].split()
        operation = document["paths"].get(path, {}).get(method.lower())
        if operation is None:
            wrong.append(f"{name}: there is no {endpoint['route']}")
            continue
        parameters = {each["name"] for each in operation.get("parameters", []) if each["in"] == "query"}
        wrong += [f"{name}: no parameter {each}" for each in endpoint.get("query", []) if each not in parameters]
        schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
        wrong += [f"{name}: no field {each}" for each in endpoint["reads"] if not described.has(schema, each)]
        body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
        wrong += [
            f"{name}: no {each} in the body" for each in endpoint.get("body", []) if not described.has(body, each)
        ]
        required = {field for form in described.follow(body) for field in form.get("required", [])}
        wrong += [f"{name}: needs {each} in the body" for each in required.difference(endpoint.get("body", []))]
    assert wrong == []


def test_none_asks_for_an_idempotency_key_which_the_console_does_not_send(document, endpoints):
    for name, endpoint in endpoints.items():
        method, path = endpoint["route"].split()
        parameters = document["paths"][path][method.lower()].get("parameters", [])
        asked = any(each["name"].lower() == "idempotency-key" for each in parameters)
        assert not asked, name


def test_who_may_is_what_the_table_of_permissions_says(endpoints):
    for name, endpoint in endpoints.items():
        permission = PERMISSIONS.get(endpoint["route"])
        roles = ROLES if permission is None else permission.roles  # health is everybody's
        assert set(endpoint["roles"]) == set(roles), name


def test_it_does_not_look_where_nothing_is(document):
    described = Document(document)
    schema = document["paths"]["/v1/payments"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert described.has(schema, "data[].card.last4")
    assert described.has(schema, "data[].settlement.net")
    for path in ("data[].card.number", "data.id", "other", "data[].settlement.other"):
        assert not described.has(schema, path)
