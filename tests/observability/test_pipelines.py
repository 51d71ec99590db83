"""The pipelines of logs and traces, and the redaction as Lua runs it. `tests/cdk/test_addons.py`: Helm gets them."""

import json

import pytest
import yaml
from lupa import luajit21

from manifests.observability import pipelines

LOKI = pipelines.to_loki("loki")
CLOUDWATCH = pipelines.to_cloudwatch("eu-central-1", "/logs")
CARD = "4242424242424242"


@pytest.mark.parametrize("config", [pipelines.fluent_bit(LOKI), pipelines.collector("eu-central-1")])
def test_helm_finds_nothing_to_fill_in(config):
    assert "{{" not in yaml.safe_dump(config)


@pytest.mark.parametrize("output", [LOKI, CLOUDWATCH], ids=["loki", "cloudwatch"])
def test_every_line_is_redacted_before_it_leaves(output):
    pipeline = pipelines.fluent_bit(output)["pipeline"]
    assert pipeline["filters"][-1]["name"] == "lua"
    tags = {part["match"] for part in (*pipeline["filters"], *pipeline["outputs"])}
    assert tags == {pipeline["inputs"][0]["tag"]}


def test_ids_are_no_labels():
    assert not {"request_id", "trace_id", "merchant_id", "payment_id"} & set(pipelines.LABELS)
    assert "_id" not in LOKI["labels"]


def test_the_collector_lets_no_headers_through():
    found = pipelines.collector("eu-central-1")
    stages = found["service"]["pipelines"]["traces"]["processors"]
    assert stages.index("attributes") < stages.index("batch")
    assert "header" in found["processors"]["attributes"]["actions"][0]["pattern"]
    for kind, names in found["service"]["pipelines"]["traces"].items():
        assert set(names) <= set(found[kind]), "a part of the pipeline that nobody configured"


@pytest.fixture(scope="module")
def redact():
    """The script in the Lua that Fluent Bit has in it."""
    lua = luajit21.LuaRuntime()
    lua.execute(pipelines.REDACT)

    def call(record):
        code, _, changed = lua.globals().redact("kube.x", 0.0, lua.table_from(record, recursive=True))
        assert code == 2
        return plain(changed)

    return call


def plain(table):
    return {key: plain(value) if hasattr(value, "items") else value for key, value in table.items()}


@pytest.mark.parametrize(
    "text",
    [
        CARD,
        f"card={CARD}.",
        f"pay_{CARD}",
        "4242 4242 4242 4242",
        "4242-4242-4242-4242",
        "3782 822463 10005",
        "6011000990139424 and 4000056655665556",
        "12345678901234567890123",
        "4222222222222",
    ],
)
def test_card_numbers_become_a_mask(redact, text):
    for record in ({"log": text}, {"a": {"b": [text]}}):
        shown = json.dumps(redact(record))
        assert "[card number]" in shown
        assert not any(part in shown for part in (CARD, "4242 4242", "4242-4242", "82246", "60110", "40000", "22222"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no digits",
        "2026-11-25 10:00:00,123 took 12 ms",
        "2026-11-25T10:00:00.123456Z",
        "pay_019ab3c4d5e67f8a9b0c1d2e3f4a5b6c",
        "sha256:3f1c9a0b77de81d0c2a94f10",
        "10.20.30.40:8080 5432 6379",
        "+49 30 1234567",
    ],
)
def test_the_rest_stays_as_it_is(redact, text):
    assert redact({"message": text, "level": "INFO", "nested": {"ok": True, "count": 3, "ratio": 0.5}}) == {
        "message": text,
        "level": "INFO",
        "nested": {"ok": True, "count": 3, "ratio": 0.5},
    }


def test_a_card_number_that_is_a_number(redact):
    assert redact({"card": int(CARD)}) == {"card": "[card number]"}
