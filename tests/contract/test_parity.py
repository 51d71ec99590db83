"""The same scenarios, the same answers: in process, on a laptop over HTTP, and on Lambda."""

import difflib
import signal
from pathlib import Path

import pytest

from gateway.container import build
from gateway.in_process import InProcess
from gateway.settings import Settings
from payments.container import Container
from payments.devtools.workspace import Workspace
from payments.main import create_app
from payments.settings import Settings as PaymentsSettings
from tests.contract.client import Client
from tests.contract.corpus import scenarios
from tests.contract.places import (
    InThisProcess,
    OnLambda,
    OverHttp,
    alive,
    count_again,
    environment,
    key_files,
    on,
    running_loop,
    set_rates,
)
from tests.devtools.test_platform import Dev
from tests.serverless.runtime import Function

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("parity")]

PROJECT = Path(__file__).parents[2]
SCENARIOS = scenarios()
# Where a place answers otherwise by its nature: scenario → what is different, as docs/SERVERLESS.md explains it.
DIFFERENCES: dict[tuple[str, str], str] = {}


@pytest.fixture(scope="module")
def in_process(databases, redis_url, tmp_path_factory):
    keys = key_files(tmp_path_factory.mktemp("in-process"))
    with databases.fresh() as database, pytest.MonkeyPatch.context() as patch, running_loop() as loop:
        for name, value in environment(database, redis_url, keys).items():
            patch.setenv(name, value)
        count_again(loop)
        payments = create_app(Container(PaymentsSettings()))
        gateway = build(Settings(), upstream=InProcess(payments))
        with on(loop, alive(payments)), on(loop, alive(gateway)):
            place = InThisProcess(gateway, loop, keys.admin_token())
            set_rates(place)
            yield place


@pytest.fixture(scope="module")
def laptop(tmp_path_factory):
    dev = Dev(Workspace(tmp_path_factory.mktemp("laptop") / ".dev"))
    yield OverHttp(dev.state)
    assert dev.asked(signal.SIGINT) == 0


@pytest.fixture(scope="module")
def on_lambda(databases, valkey_server, bundle_folder, runtime, tmp_path_factory):
    keys = key_files(tmp_path_factory.mktemp("lambda"))
    with databases.fresh() as database:
        settings = environment(database, f"{valkey_server.url.removesuffix('/0')}/1", keys)
        with pytest.MonkeyPatch.context() as patch, running_loop() as loop:
            for name, value in settings.items():
                patch.setenv(name, value)
            count_again(loop)
        with Function(bundle_folder, "gateway.lambda_handler.handler", settings, runtime=runtime) as function:
            place = OnLambda(function, keys.admin_token())
            set_rates(place)
            yield place


@pytest.fixture(scope="module")
def expected(in_process):
    """Transcripts of the reference, made in the order in which the others play."""
    return {name: _play(in_process, name) for name in SCENARIOS}


def _play(place, name):
    client = Client(place)
    SCENARIOS[name](client)
    return client.transcript


@pytest.mark.parametrize("name", SCENARIOS)
@pytest.mark.parametrize("place", ["laptop", "on_lambda"])
def test_answers_are_the_same(request, place, name, expected):
    found = _play(request.getfixturevalue(place), name)
    difference = "\n".join(difflib.unified_diff(expected[name], found, "in process", place, lineterm="", n=0))
    if (place, name) in DIFFERENCES:
        assert difference, f"{name} is the same by now: take it off the list"
    elif difference:
        pytest.fail(difference, pytrace=False)


def test_there_are_hundreds_of_requests(expected):
    assert sum(len(transcript) for transcript in expected.values()) >= 300


def test_no_scenario_met_a_defect(expected):
    assert [line for transcript in expected.values() for line in transcript if "\n  500 " in line] == []


def test_the_table_in_the_docs(expected):
    rows = [
        f"| {name.replace('.', ': ').replace('_', ' ')} | {len(lines)} | same | same |"
        for name, lines in expected.items()
    ]
    page = (PROJECT / "docs" / "SERVERLESS.md").read_text(encoding="utf-8")
    found = page.partition("<!-- parity -->\n")[2].partition("<!-- /parity -->")[0].splitlines()[2:]
    assert found == rows, "docs/SERVERLESS.md has another table; it should be:\n" + "\n".join(rows)
