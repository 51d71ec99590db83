"""Who may use `.dev/`, and what scripts find in it."""

import json
import os
import stat
import subprocess
import sys

import pytest

from payments.devtools import reset
from payments.devtools import state as states
from payments.devtools.errors import AlreadyRunningError
from payments.devtools.state import State
from payments.devtools.workspace import Workspace

HOLDER = """
import sys
from pathlib import Path
from payments.devtools.workspace import Workspace
with Workspace(Path(sys.argv[1])).claim():
    print("claimed", flush=True)
    sys.stdin.read()
"""

STATE = State(
    gateway_url="http://127.0.0.1:1",
    console_url="http://127.0.0.1:1/console",
    payments_url="http://127.0.0.1:2",
    api_key="sk_test_1",
    merchant_id="mer_1",
    second_api_key="sk_test_2",
    second_merchant_id="mer_2",
    admin_token="token",
    database_url="postgresql://",
    redis_url="redis://",
    gateway_metrics_url="http://127.0.0.1:3/metrics",
    payments_metrics_url="http://127.0.0.1:4/metrics",
    worker_metrics_url="http://127.0.0.1:5/metrics",
)


@pytest.fixture
def workspace(tmp_path):
    return Workspace(tmp_path / ".dev")


@pytest.fixture
def holder(workspace):
    """Another process that holds the workspace."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(workspace.folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout
    assert process.stdout.readline() == b"claimed\n"
    yield process
    process.kill()
    process.communicate()


def test_only_one_process_at_a_time(workspace, holder):
    assert workspace.claimed()
    with pytest.raises(AlreadyRunningError, match=f"process {holder.pid}"), workspace.claim():
        pass


def test_a_killed_process_holds_nothing(workspace, holder):
    holder.kill()
    holder.wait()
    assert not workspace.claimed()
    with workspace.claim():
        assert workspace.claimed()
    assert not workspace.claimed()


def test_others_cannot_look_into_it(workspace):
    with workspace.claim():
        assert stat.S_IMODE(workspace.folder.stat().st_mode) == (0o711 if os.geteuid() == 0 else 0o700)


def test_state_is_there_while_the_platform_runs(workspace):
    with workspace.claim():
        assert states.read(workspace) is None  # still starting
        states.publish(workspace, STATE)
        assert states.read(workspace) == STATE
        assert stat.S_IMODE(workspace.state.stat().st_mode) == 0o600
        assert set(json.loads(workspace.state.read_text())) == {
            "gateway_url",
            "console_url",
            "payments_url",
            "api_key",
            "merchant_id",
            "second_api_key",
            "second_merchant_id",
            "admin_token",
            "database_url",
            "redis_url",
            "gateway_metrics_url",
            "payments_metrics_url",
            "worker_metrics_url",
        }
        states.withdraw(workspace)
        assert not workspace.state.exists()
        states.withdraw(workspace)  # nothing to remove is fine


def test_state_of_a_killed_platform_is_not_believed(workspace):
    with workspace.claim():
        states.publish(workspace, STATE)
    assert workspace.state.exists()
    assert states.read(workspace) is None


def test_reset_removes_everything(workspace):
    with workspace.claim():
        workspace.seed.write_text("[]")
    assert reset.run(workspace)
    assert not workspace.folder.exists()
    assert not reset.run(workspace)


def test_reset_refuses_while_the_platform_runs(workspace, holder):
    workspace.seed.write_text("[]")
    with pytest.raises(AlreadyRunningError):
        reset.run(workspace)
    assert workspace.seed.exists()
