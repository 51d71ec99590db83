"""Free ports."""

import socket

import pytest

from payments.devtools import ports
from payments.devtools.ports import LOOPBACK, free_port, is_free


@pytest.fixture
def taken():
    with socket.create_server((LOOPBACK, 0)) as server:
        yield server.getsockname()[1]


def test_a_port_in_use_is_not_free(taken):
    assert not is_free(taken)
    assert free_port(taken) != taken


def test_the_preferred_port_if_it_is_free():
    port = free_port()
    assert is_free(port)
    assert free_port(port) == port


def test_none_left(monkeypatch):
    monkeypatch.setattr(ports, "is_free", lambda _: False)
    with pytest.raises(OSError, match="free"):
        free_port()
