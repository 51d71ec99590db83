"""The CVC stays out of every text form; the sandbox fits the port."""

import copy
import pickle
from collections.abc import Callable

import msgspec
import pytest

from payments.connectors.port import Connector, Cvc
from payments.connectors.sandbox.connector import SandboxConnector


@pytest.mark.parametrize("render", [repr, str, "{}".format, lambda request: f"{request!r}"])
def test_a_cvc_is_never_printed(requests, render):
    request = requests.authorize(None, cvc=Cvc("9137"))

    assert "9137" not in render(request)
    assert "9137" not in render(request.cvc)


@pytest.mark.parametrize("write", [msgspec.json.encode, pickle.dumps, copy.deepcopy])
def test_a_cvc_is_never_serialized(requests, write):
    with pytest.raises(TypeError):
        write(requests.authorize(None, cvc=Cvc("9137")))


def test_a_connector_can_still_read_the_cvc(requests):
    assert requests.authorize(None, cvc=Cvc("9137")).cvc.reveal() == "9137"


def test_the_sandbox_is_a_connector(isolated: Callable[[], SandboxConnector]):
    connector: Connector = isolated()  # mypy checks the methods

    assert connector.name == "sandbox"
    assert connector.capabilities.livemode is False
