"""Test payments reach the sandbox, live ones never do."""

import pytest

from payments.connectors.port import Capabilities
from payments.connectors.registry import Registry
from payments.connectors.sandbox.connector import SandboxConnector
from shared.problems import Problem


@pytest.fixture
def connector(isolated):
    return isolated()


def test_test_payments_reach_the_sandbox(connector):
    assert Registry([connector]).connector_for(livemode=False) is connector


def test_live_payments_have_no_acquirer(connector):
    with pytest.raises(Problem) as problem:
        Registry([connector]).connector_for(livemode=True)

    assert (problem.value.status, problem.value.code, problem.value.effect) == (422, "no_acquirer", "none")
    assert problem.value.retryable is False


def test_a_stored_payment_finds_its_connector_by_name_and_mode(connector):
    registry = Registry([connector])

    assert registry.named("sandbox", livemode=False) is connector
    for name, livemode in (("sandbox", True), ("stripe", False)):
        with pytest.raises(Problem) as problem:
            registry.named(name, livemode=livemode)
        assert (problem.value.status, problem.value.code) == (503, "no_acquirer")


def test_each_mode_has_its_own_default(connector, store, keyring):
    class Live(SandboxConnector):
        name = "other"
        capabilities = Capabilities(True, True, True, SandboxConnector.capabilities.not_found_final_after)

    live = Live(store, keyring)
    registry = Registry([connector, live])

    assert registry.connector_for(livemode=False) is connector
    assert registry.connector_for(livemode=True) is live


def test_two_connectors_cannot_share_a_name(connector):
    with pytest.raises(ValueError, match="sandbox"):
        Registry([connector, connector])
