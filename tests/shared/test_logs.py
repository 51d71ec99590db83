"""Logs in both formats: the ids of the request at hand, and no secrets."""

import contextvars
import json
import logging
from uuid import UUID

import pytest

from shared import logs
from shared.context import RequestContext, current, note_merchant, note_payment

VISA = "4242424242424242"
SECRETS = (VISA, "4242 4242 4242 4242", "917", "hunter2", "sk_test_abc123", "whsec_c2VjcmV0")


@pytest.fixture
def written(capsys):
    """Logs one thing in a format, and returns the line."""
    root = logging.getLogger()
    before = root.handlers[:], root.level

    def write(form, work):
        logs.configure("test-service", form)
        contextvars.copy_context().run(work, logging.getLogger("test-service.part"))
        return capsys.readouterr().err

    yield write
    root.handlers[:], root.level = before
    own = logging.getLogger("test-service")
    own.handlers[:], own.propagate = [], True
    vars(own)["init"] = False  # how Powertools marks a logger that it has set up


def in_request(log):
    context = RequestContext("req_1")
    context.trace_id = "0af7651916cd43dd8448eb211c80319c"
    current.set(context)
    note_merchant(UUID(int=1))
    note_payment(UUID(int=2))
    log.warning("a batch of %d runs again", 3, extra={"items": 3})


def test_json_carries_the_ids_of_the_request(written):
    line = json.loads(written("json", in_request))
    assert line["message"] == "a batch of 3 runs again"
    assert (line["level"], line["service"], line["items"]) == ("WARNING", "test-service", 3)
    assert line["request_id"] == "req_1"
    assert line["trace_id"] == "0af7651916cd43dd8448eb211c80319c"
    assert line["merchant_id"] == f"mer_{UUID(int=1).hex}"
    assert line["payment_id"] == f"pay_{UUID(int=2).hex}"


def test_text_stays_readable(written):
    assert written("text", in_request) == "WARNING test-service.part a batch of 3 runs again (req_1)\n"


def test_logs_of_libraries_take_the_same_way(written):
    line = written("json", lambda _: logging.getLogger("uvicorn.error").info("started"))
    assert json.loads(line)["message"] == "started"


def indiscreet(log):
    try:
        int(f'{{"number": "{VISA}", "cvc": "917"}}')
    except ValueError:
        log.exception(
            "card %s, cvc=917, key sk_test_abc123, postgresql://app:hunter2@db/payments, whsec_c2VjcmV0",
            "4242 4242 4242 4242",
            extra={
                "cvc": "917",
                "card": {"number": VISA, "list": [int(VISA)]},
                "Authorization": "Bearer sk_test_abc123",
                VISA: "as a name",
            },
        )


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_secret_is_written(written, form):
    line = written(form, indiscreet)
    assert "[card number]" in line
    assert "ValueError" in line
    assert [secret for secret in SECRETS if secret in line] == []
    if form == "json":
        json.loads(line)


def test_a_message_that_is_a_number_is_no_way_around(written):
    assert VISA not in written("json", lambda log: log.info(VISA))
