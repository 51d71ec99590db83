"""`payments dev` and `payments demo` from start to stop, with everything real."""

import io
import os
import secrets
import shutil
import signal
import subprocess
import sys
from urllib.parse import parse_qs, urlsplit

import httpx2
import psutil
import psycopg
import pytest
import redis
from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console as Terminal

from gateway import metrics as gateway_metrics
from payments import metrics as payments_metrics
from payments.devtools import demo
from payments.devtools import state as states
from payments.devtools.banner import commands
from payments.devtools.issuer.provider import challenge_of
from payments.devtools.workspace import Workspace
from tests.observability.expressions import expressions, names_in

DEV = """
import sys
from pathlib import Path
from payments.devtools.dev import run
from payments.devtools.workspace import Workspace
run(Workspace(Path(sys.argv[1])))
"""

pytestmark = pytest.mark.slow


class Dev:
    """One run of `payments dev`, ready to be used."""

    def __init__(self, workspace):
        self.workspace = workspace
        self.process = subprocess.Popen(
            [sys.executable, "-c", DEV, str(workspace.folder)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.printed = ""
        assert self.process.stdout
        for line in self.process.stdout:
            self.printed += line
            if "Stop " in line:  # part of what is printed once all is ready
                break
        state = states.read(workspace)
        assert state, self.printed
        self.state = state
        self.children = psutil.Process(self.process.pid).children(recursive=True)

    def asked(self, number):
        self.process.send_signal(number)
        return self.ended()

    def ended(self):
        self.printed += self.process.communicate(timeout=30)[0]
        return self.process.returncode

    def leaves_nothing(self):
        return not psutil.wait_procs(self.children, timeout=10)[1] and not self.workspace.state.exists()


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    return Workspace(tmp_path_factory.mktemp("a working copy") / ".dev")


@pytest.fixture(scope="module")
def dev(workspace):
    """A platform for the tests that leave it running."""
    one = Dev(workspace)
    yield one
    assert one.asked(signal.SIGINT) == 0


@pytest.fixture
def other_workspace(tmp_path):
    return Workspace(tmp_path / ".dev")


def test_its_addresses_and_keys_work(dev):
    state = dev.state
    for url in (state.gateway_url, state.payments_url):
        assert httpx2.get(f"{url}/health/ready").status_code == 200
    assert "html" in httpx2.get(f"{state.gateway_url}/docs").headers["content-type"]
    with psycopg.connect(state.database_url) as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("payments_app",)
    with redis.Redis.from_url(state.redis_url) as client:
        assert client.ping()
    assert state.api_key in dev.printed
    assert state.gateway_url in dev.printed


def test_somebody_signs_in_to_the_console(dev):
    """As the page does it: the gateway names the issuer, the issuer gives a token, the gateway takes it."""
    with httpx2.Client() as http:
        assert http.get(dev.state.console_url).status_code == 200
        config = http.get(f"{dev.state.console_url}/config.json").json()
        issuer = http.get(f"{config['issuer']}/.well-known/openid-configuration").json()
        verifier = secrets.token_urlsafe(32)
        asked = {
            "response_type": "code",
            "client_id": config["client_id"],
            "redirect_uri": dev.state.console_url,
            "scope": config["scope"],
            "code_challenge": challenge_of(verifier),
            "code_challenge_method": "S256",
        }
        chosen = http.post(issuer["authorization_endpoint"], params=asked, data={"person": "rita@example.com"})
        [code] = parse_qs(urlsplit(chosen.headers["location"]).query)["code"]
        form = {"grant_type": "authorization_code", "code": code, "code_verifier": verifier}
        form |= {name: asked[name] for name in ("client_id", "redirect_uri")}
        token = http.post(issuer["token_endpoint"], data=form).json()["access_token"]
        headers = {"authorization": f"Bearer {token}"}
        assert http.get(f"{dev.state.gateway_url}/v1/admin/audit", headers=headers).status_code == 200
        pause = f"{dev.state.gateway_url}/v1/admin/pauses/mode/test"
        assert http.put(pause, headers=headers, json={"reason": "x"}).status_code == 403


@pytest.mark.skipif(not shutil.which("curl"), reason="the printed commands use curl")
@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_the_printed_commands_work_when_pasted(dev, shell):
    pasted = subprocess.run(
        [shell, "-eu"], input=commands(dev.state), capture_output=True, text=True, timeout=60, check=True
    )
    answers = pasted.stdout + pasted.stderr
    assert '"amount_captured": 2500' in answers
    assert '"object": "refund"' in answers
    assert '"object": "balances"' in answers
    assert "problem" not in answers


def test_the_demo_plays_to_its_end(dev, workspace):
    told = io.StringIO()
    demo.run(workspace, Terminal(file=told, width=120))
    assert "expectations held" in told.getvalue()
    assert "debits equal credits in USD" in told.getvalue()


def test_what_the_demo_did_is_in_the_metrics(dev):
    """Everything defined is shown by some process, and everything that rules and dashboards read, too."""
    shown: set[str] = set()
    samples: dict[str, float] = {}
    for url in (dev.state.gateway_metrics_url, dev.state.payments_metrics_url, dev.state.worker_metrics_url):
        for family in text_string_to_metric_families(httpx2.get(url).text):
            shown.add(family.name + "_total" if family.type == "counter" else family.name)
            for sample in family.samples:
                samples[sample.name] = samples.get(sample.name, 0) + sample.value
    defined = {metric.name for metric in (*gateway_metrics.CATALOGUE, *payments_metrics.CATALOGUE)}
    assert defined - shown == set()
    read = set().union(*map(names_in, expressions())) - {"up"}
    assert {name for name in read if name not in shown and name not in samples} == set()
    for name in ("payments_created_total", "payments_captured_minor_units_total", "payments_idempotent_replays_total"):
        assert samples[name] > 0, name
    assert samples["payments_ledger_balanced"] > 0


def test_a_second_platform_in_the_same_folder_is_refused(dev, workspace):
    second = subprocess.run(
        [sys.executable, "-c", DEV, str(workspace.folder)], capture_output=True, text=True, timeout=30, check=False
    )
    assert second.returncode != 0
    assert "already running" in second.stderr
    assert httpx2.get(f"{dev.state.gateway_url}/health/ready").status_code == 200


def test_a_life_beside_another_platform(dev, other_workspace):
    first = Dev(other_workspace)
    assert first.state.merchant_id != dev.state.merchant_id
    os.killpg(first.process.pid, signal.SIGINT)  # as Ctrl-C does
    assert first.ended() == 0
    assert first.leaves_nothing()

    second = Dev(other_workspace)
    keys = ("gateway_url", "api_key", "merchant_id", "second_api_key", "second_merchant_id")
    assert [getattr(second.state, key) for key in keys] == [getattr(first.state, key) for key in keys]
    second.process.kill()
    second.process.communicate()

    third = Dev(other_workspace)
    assert third.state.api_key == first.state.api_key
    if sys.platform == "linux":  # only there, children of a killed parent end
        assert not psutil.wait_procs(second.children, timeout=10)[1]
    [payments] = [one for one in third.children if "payments.main:app_factory" in one.cmdline()]
    payments.kill()
    assert third.ended() != 0
    assert "payments was ended by SIGKILL" in third.printed
    assert third.leaves_nothing()

    # The demo starts a platform of its own, and stops it.
    demo.run(other_workspace, Terminal(file=io.StringIO()))
    assert not other_workspace.claimed()
    assert not other_workspace.state.exists()
    assert httpx2.get(f"{dev.state.gateway_url}/health/ready").status_code == 200
