"""The published OpenAPI document: valid, complete, and under review whenever it changes."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from openapi_spec_validator import validate
from syrupy.extensions.json import JSONSnapshotExtension

from shared.permissions import PERMISSIONS
from tests.contract.document import published

Operation = tuple[str, dict[str, Any]]


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return published()


def operations(document: dict[str, Any]) -> Iterator[Operation]:
    """Yield the operations of the API by method and path."""
    for path, item in document["paths"].items():
        if path.startswith("/v1/"):
            yield from ((f"{method.upper()} {path}", operation) for method, operation in item.items())


def test_the_document_changes_only_in_review(document, snapshot):
    """If the change is wanted: python -m pytest tests/contract/test_document.py --snapshot-update."""
    assert document == snapshot(extension_class=JSONSnapshotExtension)


def test_it_is_valid(document):
    validate(document)


def test_it_has_every_route_that_somebody_may_call(document):
    public = {
        route.replace(":path}", "}") for route, who in PERMISSIONS.items() if " /v1/" in route and not who.service
    }
    assert {name for name, _ in operations(document)} == public


def test_every_reference_leads_somewhere(document):
    for reference in set(re.findall(r"'\$ref': '#/([^']+)'", str(document))):
        place: Any = document
        for part in reference.split("/"):
            place = place[part]
        assert place


def test_every_operation_says_who_may_and_how_it_fails(document):
    for name, operation in operations(document):
        assert operation["security"], name
        assert operation["description"], name
        answers = operation["responses"]
        assert {"400", "401", "403", "413", "500", "502", "503", "504"} <= set(answers), name
        for status, answer in answers.items():
            if status >= "400":
                assert answer == {"$ref": answer["$ref"]}, f"{name} describes its {status} elsewhere than the others do"
            else:
                assert "X-Request-Id" in answer["headers"], name
                assert all(content["schema"] for content in answer.get("content", {}).values()), name
        assert "404" in answers or "{" not in name, name
        assert "415" in answers or not name.startswith(("POST", "PUT", "PATCH")), name


def test_what_moves_money_needs_a_key(document):
    """Its name is part of the answer's headers as well: a replay says that it is one."""
    keyed = {"$ref": "#/components/parameters/IdempotencyKey"}
    moving = [name for name, operation in operations(document) if keyed in operation.get("parameters", ())]
    assert {
        "POST /v1/payments",
        "POST /v1/payments/{payment}/capture",
        "POST /v1/payments/{payment}/void",
        "POST /v1/payments/{payment}/refunds",
    } <= set(moving)
    for name, operation in operations(document):
        success = next(answer for status, answer in operation["responses"].items() if status < "300")
        assert ("Idempotent-Replayed" in success["headers"]) is (name in moving)


def test_problems_have_an_example_for_each_code(document):
    conflict = document["components"]["responses"]["Conflict"]["content"]["application/problem+json"]
    assert conflict["schema"] == {"$ref": "#/components/schemas/Problem"}
    assert conflict["examples"]["payment_state"]["value"]["code"] == "payment_state"
