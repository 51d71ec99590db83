"""What `make manifests` leaves behind."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from payments.devtools.manifests.objects import index
from tests.manifests.conftest import ROOT, STAGES, synthesize


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.yaml"))}


def test_the_same_bytes_every_time(dist, tmp_path):
    synthesize(tmp_path / "again")
    assert contents(tmp_path / "again") == contents(dist)
    assert {name.partition("/")[0] for name in contents(dist)} == set(STAGES)


def test_one_file_per_chart_in_the_order_of_applying(dist, stage):
    names = [path.name for path in sorted((dist / stage).iterdir())]
    assert names[:4] == [
        "00-namespaces.k8s.yaml",
        "10-policies.k8s.yaml",
        "20-secrets.k8s.yaml",
        "30-migration.k8s.yaml",
    ]
    assert all(name.endswith(".k8s.yaml") for name in names)


def test_no_object_is_there_twice(manifests):
    assert len(index(manifests)) == len(manifests)


def test_no_token_of_any_framework(dist, stage):
    # CDK applies these as literal strings, and operations read them: `${Token[…]}` would be neither.
    for name, content in contents(dist / stage).items():
        assert b"Token[" not in content, name


def test_every_object_fits_into_one_event(manifests):
    # CDK hands them to a Lambda function, whose event holds 256 kB together with everything around.
    sizes = {str(one.key): len(json.dumps(one.body)) for one in manifests}
    assert max(sizes.values()) < 200_000, sizes


def test_every_object_says_where_it_lives(manifests):
    cluster_wide = {"Namespace", "PriorityClass"}
    for one in manifests:
        assert bool(one.key.namespace) != (one.key.kind in cluster_wide), one.key


@pytest.mark.parametrize("arguments", [("--stage", "nowhere"), ("--stage", "")])
def test_a_wrong_stage_is_told_the_right_ones(arguments, tmp_path):
    command = [sys.executable, str(ROOT / "cdk8s" / "main.py"), *arguments, "--output", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ})
    assert done.returncode == 1
    assert "development, staging, production" in done.stderr
    assert list(tmp_path.iterdir()) == []
