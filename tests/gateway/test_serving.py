"""The gateway as it is really started: its own process, its settings, its end."""

import os
import signal
import socket
import subprocess
import sys
import threading

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pydantic import ValidationError

from gateway.settings import Settings
from shared.serving import KEEP_ALIVE_SECONDS, server_config
from shared.signing_keys import load_private_key
from tests.gateway.support import write_private_key


@pytest.fixture
def key_file(tmp_path, identity_key):
    return write_private_key(tmp_path / "identity.pem", identity_key)


@pytest.fixture
def process(key_file):
    """A gateway in a process of its own, in front of a payments that is not there."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {"GATEWAY_PAYMENTS_URL": "http://127.0.0.1:1", "GATEWAY_IDENTITY_KEY_FILE": str(key_file)}
    command = [sys.executable, "-m", "shared.serving", "gateway.main:app_factory", "--port", str(port)]
    process = subprocess.Popen(command, env=os.environ | environment, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if "Uvicorn running" in line:
            break
    rest = threading.Thread(target=process.stderr.read)
    rest.start()
    yield process, f"http://127.0.0.1:{port}"
    process.kill()
    process.wait()
    rest.join()
    process.stderr.close()


def test_it_starts_answers_without_a_banner_and_stops_when_told(process):
    running, url = process
    with httpx2.Client(base_url=url, trust_env=False) as http:
        live = http.get("/health/live")
        assert live.json() == {"status": "ok"}
        assert "server" not in live.headers
        assert "date" in live.headers
        assert http.get("/health/ready").status_code == 503
        assert http.get("/v1/payments").status_code == 401
    running.send_signal(signal.SIGTERM)
    assert running.wait(10) in (0, -signal.SIGTERM)


def test_how_both_services_are_served():
    config = server_config("gateway.main:app_factory", "127.0.0.1", 0)
    config.load_app = lambda: None  # type: ignore[method-assign] # only the configuration is of interest
    assert (config.loop, config.server_header, config.access_log, config.proxy_headers) == (
        "uvloop",
        False,
        False,
        False,
    )
    assert config.timeout_keep_alive == KEEP_ALIVE_SECONDS


def test_the_server_waits_longer_than_its_clients():
    from gateway.http_client import IDLE_SECONDS

    assert KEEP_ALIVE_SECONDS > 60 > IDLE_SECONDS


class TestSettings:
    @pytest.fixture
    def environment(self, monkeypatch, key_file):
        monkeypatch.setenv("GATEWAY_PAYMENTS_URL", "http://127.0.0.1:8001")
        monkeypatch.setenv("GATEWAY_IDENTITY_KEY_FILE", str(key_file))
        return monkeypatch

    def test_they_come_from_the_environment(self, environment, key_file):
        environment.setenv("GATEWAY_PEOPLE_JWKS_FILE", str(key_file))
        environment.setenv("GATEWAY_PEOPLE_ISSUER", "https://people.example")
        settings = Settings()
        assert settings.payments_url
        assert (settings.payments_url.host, settings.payments_url.port) == ("127.0.0.1", 8001)
        assert settings.people_audience == "payment-platform"

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("GATEWAY_PAYMENTS_URL", "https://payments:8001"),
            ("GATEWAY_PAYMENTS_URL", "http://payments:8001/v1"),
            ("GATEWAY_PAYMENTS_URL", "payments"),
            ("GATEWAY_IDENTITY_KEY_FILE", "/nowhere.pem"),
            ("GATEWAY_PEOPLE_JWKS_URL", "https://people.example/keys"),
            ("GATEWAY_UPSTREAM_CONNECTIONS", "0"),
        ],
    )
    def test_wrong_ones_are_errors_at_the_start(self, environment, name, value):
        environment.setenv(name, value)
        with pytest.raises(ValidationError):
            Settings()

    def test_the_identity_key_is_ed25519(self, tmp_path):
        other = ec.generate_private_key(ec.SECP256R1())
        path = tmp_path / "identity.pem"
        path.write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        with pytest.raises(ValueError, match="Ed25519"):
            load_private_key(path)
