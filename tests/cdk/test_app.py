"""`app.py` as a person starts it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cdk.application import choose, main
from cdk.bundle import BundleMissingError
from cdk.node import wheel_bin
from cdk.stage_parts import StageError

ROOT = Path(__file__).parents[2]


def app(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("CDK_", "PAYMENTS_"))}
    return subprocess.run(
        [sys.executable, str(ROOT / "app.py"), *arguments],
        env={**clean, **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_wrong_stage_lists_the_right_ones():
    done = app("-c", "stage=prod")
    assert done.returncode == 1
    assert done.stderr.strip() == "stage: there is no 'prod'; choose one of development, staging, production"


def test_a_wrong_compute_lists_the_right_ones():
    with pytest.raises(SystemExit, match="neither serverless nor eks"):
        main(["-c", "compute=fargate"])


def test_two_syntheses_are_the_same_bytes(assembly, tmp_path):
    done = app("-c", "stage=production", "-o", str(tmp_path / "assembly"))
    assert done.returncode == 0, done.stderr
    first, second = assembly("production", "eks").folder / "assembly", tmp_path / "assembly"
    # What is deployed: metadata and the tree only say which line of Python made what.
    names = sorted(path.name for path in first.glob("*.json") if ".template." in path.name or ".assets." in path.name)
    assert len(names) >= 20
    for name in names:
        assert (first / name).read_bytes() == (second / name).read_bytes(), name


def test_serverless_stops_without_a_bundle(monkeypatch):
    def missing() -> None:
        raise BundleMissingError("There is no Lambda bundle yet. Run `make bundle` first")

    monkeypatch.setattr("cdk.application.existing", missing)
    with pytest.raises(SystemExit, match="make bundle"):
        main(["-c", "stage=development"])


def test_the_command_lines_context_and_account_are_taken():
    stage = choose({"stage": "staging", "compute": "serverless"}, {"CDK_DEFAULT_ACCOUNT": "123456789012"})
    assert (stage.name, stage.compute, stage.account) == ("staging", "serverless", "123456789012")


def test_a_profile_of_another_region_moves_no_stage():
    assert choose({}, {"CDK_DEFAULT_REGION": "us-west-2"}).region == "eu-central-1"
    assert choose({}, {"PAYMENTS_REGION": "us-west-2"}).region == "us-west-2"


def test_an_account_that_is_none_is_refused():
    with pytest.raises(StageError, match="account"):
        choose({}, {"CDK_DEFAULT_ACCOUNT": "staging"})


def test_node_comes_from_the_wheel():
    folder = wheel_bin()
    assert folder is not None
    assert os.environ["JSII_NODE"] == str(folder / "node")
    version = subprocess.run([str(folder / "node"), "--version"], capture_output=True, text=True, check=True).stdout
    assert version.startswith("v24.")


def test_the_feature_flags_are_the_ones_of_the_command_line():
    settings = json.loads((ROOT / "cdk.json").read_text())
    assert settings["app"] == ".venv/bin/python app.py"
    assert settings["context"]["@aws-cdk/core:defaultCrossStackReferences"] == "strong"
