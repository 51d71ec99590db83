"""What every log line of an invocation says."""

import asyncio
import json
import logging
from types import SimpleNamespace

import pytest

from shared.metrics import Metric
from shared.serverless import Environment


@pytest.fixture
def environment(monkeypatch):
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "test-platform")
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "payments-test")
    root = logging.getLogger()
    before = root.handlers[:], root.level
    found = Environment([Metric("x_total", "counter", "…")])
    yield found
    for task in asyncio.all_tasks(found.loop):
        task.cancel()
    found.run(lambda: asyncio.sleep(0))
    found.loop.close()
    root.handlers[:], root.level = before


def lines(capsys):
    captured = capsys.readouterr()
    return [json.loads(line) for line in captured.err.splitlines()], captured.out.splitlines()


def test_log_lines_say_which_invocation_and_request_of_api_gateway_they_belong_to(environment, capsys):
    for number in (1, 2):
        with environment.invocation(SimpleNamespace(aws_request_id=f"invocation-{number}"), f"gateway-{number}"):
            logging.getLogger("payments.anything").info("hello")
    (first, second), _ = lines(capsys)
    assert (first["correlation_id"], first["function_request_id"], first["cold_start"]) == (
        "gateway-1",
        "invocation-1",
        True,
    )
    assert (second["correlation_id"], second["function_request_id"], second["cold_start"]) == (
        "gateway-2",
        "invocation-2",
        False,
    )
    assert first["service"] == "test-platform"


def test_what_an_invocation_began_ends_before_its_reply(environment):
    ended = []

    async def announce():
        await asyncio.sleep(0)
        ended.append("announced")

    async def answer():
        environment.began = asyncio.create_task(announce())

    with environment.invocation(SimpleNamespace(aws_request_id="1")):
        environment.run(answer)
        assert ended == []
    assert ended == ["announced"]


def test_what_never_ends_holds_up_one_reply_only(environment, monkeypatch):
    monkeypatch.setattr("shared.serverless._SETTLE_SECONDS", 0)

    async def answer():
        environment.began = asyncio.create_task(asyncio.Event().wait())

    with environment.invocation(SimpleNamespace(aws_request_id="1")):
        environment.run(answer)
    monkeypatch.setattr("asyncio.wait", None)  # whoever waited once more would fail
    with environment.invocation(SimpleNamespace(aws_request_id="2")):
        pass
    assert not environment.began.done()


def test_metrics_are_written_even_when_an_invocation_fails(environment, capsys):
    environment.registry.counter("x_total").of().inc()
    with pytest.raises(ZeroDivisionError), environment.invocation(SimpleNamespace(aws_request_id="1")):
        raise ZeroDivisionError
    _, written = lines(capsys)
    assert json.loads(written[0])["x_total"] == [1.0]
