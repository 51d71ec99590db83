"""Requests made up from the published description, sent through the gateway: does the platform do what it says?

Schemathesis makes them up: the edges of every field one after the other, then random ones, valid and invalid. The
answers must be described (status, media type, headers, body), must refuse what is invalid and take what is valid, and
must be no failure of ours.
"""

import io
import os

import httpx2
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.config import GenerationConfig, SchemathesisConfig
from schemathesis.core.result import Ok
from schemathesis.generation.case import Case

from payments.devtools.console import Console
from payments.devtools.platform import running_platform
from payments.devtools.workspace import Workspace
from tests.contract import world
from tests.contract.document import published

# Always the same ones in `make test`, others each time when more are asked for.
EXAMPLES = int(os.environ.get("CONTRACT_EXAMPLES", "0"))

TAKEN = ["2xx", "404", "409"]
# A schema cannot say everything, so requests to these may fit it and be refused all the same, with 422 and a reason.
BEYOND_SCHEMAS = {
    "create_payment_method": "check digits, ranges of issuers, and cards that have expired",
    "create_payment": "exchange rates, and what an amount comes to",
    "refund_payment": "how much is left",
    "capture_payment": "how much is left",
    "create_quote": "currencies that need no conversion, or have no rate",
    "put_rates": "significant digits, and two currencies that are one",
    "create_rule": "the language of conditions",
    "update_rule": "the language of conditions",
    "run_backtest": "the language of conditions",
    "add_to_list": "what a value looks like depends on its kind",
    "put_acquirer_routes": "which acquirers are configured",
    "create_webhook_endpoint": "which addresses are public, and kinds of events",
    "update_webhook_endpoint": "which addresses are public, and kinds of events",
    "replay_webhooks": "kinds of events, and a time that ends before it begins",
    "create_merchant": "names of time zones",
    "create_payout": "whether anything is available",
    "put_evidence": "that 1.0 is no size of a document",
    "get_statement": "periods that end before they begin, or have not begun",
    "export_statement": "periods that end before they begin, or have not begun",
    "propose_adjustment": "two sides that differ, and a merchant exactly when it is one of them",
    "list_payments": "that a key has one mode",
    "list_reviews": "that a key has one mode",
    "update_merchant": "names of time zones, and a currency without its fee",
}

pytestmark = pytest.mark.slow


def _schema() -> schemathesis.BaseSchema:
    lenient = {"positive_data_acceptance": {"expected-statuses": [*TAKEN, "422"]}}
    config = {
        "request-timeout": 60,
        # The tests choose who calls.
        "generation": {"with-security-parameters": False},
        "checks": {"positive_data_acceptance": {"expected-statuses": TAKEN}},
        "operations": [{"include-operation-id": name, "checks": lenient} for name in BEYOND_SCHEMAS],
    }
    document = published()
    # All of its edges are tried, one after the other: some currencies stand for all.
    document["components"]["schemas"]["Currency"]["enum"] = ["USD", "EUR", "JPY", "KWD", "CLF"]
    return schemathesis.openapi.from_dict(document, config=SchemathesisConfig.from_dict(config))


SCHEMA = _schema()
# A stream has no end; what is in it is tested with events.
FOUND = [found.ok() for found in SCHEMA.get_all_operations() if isinstance(found, Ok)]
OPERATIONS = [operation for operation in FOUND if operation.path != "/v1/stream"]


@pytest.fixture(scope="module")
def monkeypatch_module():
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="module")
def platform(tmp_path_factory, monkeypatch_module):
    """The gateway, payments and the worker as processes, on servers of their own."""
    folder = tmp_path_factory.mktemp("contract")
    for kind in ("WRITE", "READ", "ADMIN", "UNAUTHENTICATED"):
        monkeypatch_module.setenv(f"GATEWAY_{kind}_LIMIT", "1000000/60")
    with running_platform(Workspace(folder / ".dev"), Console(io.StringIO())) as platform:
        yield platform


@pytest.fixture(scope="module")
def check(platform):
    """Send a request, and compare its answer with the document."""
    everything = world.build(platform.state)
    with requests.Session() as session:

        def send(case: Case) -> None:
            everything.prepare(case)
            headers = {"Authorization": f"Bearer {everything.token(case)}"}
            case.call_and_validate(platform.state.gateway_url, session=session, headers=headers)

        yield send


def test_the_gateway_serves_this_document(platform):
    assert httpx2.get(f"{platform.state.gateway_url}/openapi.json").json() == published()


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.label)
def test_the_operation_does_what_the_document_says(operation, check):
    for case in SCHEMA.iter_coverage_cases(
        operation, generation_modes=list(GenerationMode), generation_config=GenerationConfig()
    ):
        check(case)

    @given(st.one_of(operation.as_strategy(GenerationMode.POSITIVE), operation.as_strategy(GenerationMode.NEGATIVE)))
    @settings(
        max_examples=EXAMPLES or 5,
        derandomize=not EXAMPLES,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink] if EXAMPLES else [Phase.generate],
    )
    def random_requests(case: Case) -> None:
        check(case)

    random_requests()
