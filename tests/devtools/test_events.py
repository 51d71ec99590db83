"""`payments listen` and `payments trigger`, against the platform as `make dev` runs it."""

import io
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

from payments.devtools.console import Console
from payments.devtools.errors import ToolError
from payments.devtools.events.target import Target
from payments.devtools.events.trigger import SCENES, run
from payments.devtools.platform import running_platform
from payments.devtools.state import State
from payments.devtools.workspace import Workspace
from payments.events.catalogue import CATALOGUE
from tests.security.test_canary import Receiver
from tests.webhooks.receiver import Message

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def state(tmp_path_factory) -> Iterator[State]:
    workspace = Workspace(tmp_path_factory.mktemp("events") / ".dev")
    with running_platform(workspace, Console(io.StringIO())) as running:
        yield running.state


def payments(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "payments", *arguments]


def test_every_scene_is_heard_and_forwarded(state: State):
    target = ("--gateway", state.gateway_url, "--api-key", state.api_key)
    with (
        Receiver() as receiver,
        subprocess.Popen(
            payments("listen", *target, "--forward-to", receiver.url), stdout=subprocess.PIPE, text=True
        ) as listening,
    ):
        assert listening.stdout is not None
        secret = re.search(r"whsec_\S+", listening.stdout.readline())
        assert secret is not None
        assert "Listening" in listening.stdout.readline()
        done = subprocess.run(
            payments("trigger", "refund.succeeded", *target), capture_output=True, text=True, check=True
        )
        assert re.match(r"refund.succeeded is on its way: pay_[0-9a-f]{32} \(paid, refund\)$", done.stdout)
        for event in SCENES:
            run(Target(state.gateway_url, state.api_key), event)
        missing, lines = set(SCENES), []
        while missing:
            lines.append(listening.stdout.readline())
            missing = {event for event in missing if f"  {event}  " not in lines[-1]}
            assert "204" in lines[-1]
        listening.terminate()
    numbers = [int(line.split()[0]) for line in lines]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    head, _, body = receiver.got[0].decode().partition("\n\n")
    headers = dict(line.split(": ", 1) for line in head.splitlines())
    Message("/", {name.lower(): value for name, value in headers.items()}, body.encode()).verify(secret[0])


def test_what_cannot_be_triggered_is_said(state: State):
    assert set(SCENES) <= set(CATALOGUE)
    with pytest.raises(ToolError, match=r"payment.captured"):
        run(Target(state.gateway_url, state.api_key), "payout.paid")
    with pytest.raises(ToolError, match="test keys"):
        run(Target(state.gateway_url, "sk_live_x"), "payment.captured")


def test_a_wrong_key_is_one_line(state: State):
    command = payments("listen", "--gateway", state.gateway_url, "--api-key", "sk_test_wrong")
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("payments: 401: ")
    assert len(done.stderr.splitlines()) == 1


def test_a_url_without_its_scheme_is_told_apart():
    told = subprocess.run(
        payments("listen", "--forward-to", "localhost:3000"), capture_output=True, text=True, check=False
    )
    assert told.returncode == 1
    assert "write http://localhost:3000" in told.stdout + told.stderr
