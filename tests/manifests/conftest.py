"""Every stage's manifests, synthesized once for all processes of a test run."""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from payments.devtools.manifests.objects import Manifest, load

ROOT = Path(__file__).parents[2]
STAGES = ("development", "staging", "production")


def synthesize(folder: Path) -> None:
    """What `make manifests` does, into a folder of the test."""
    command = [sys.executable, str(ROOT / "cdk8s" / "main.py"), "--output", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder.parent)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="session")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like dist/: one folder per stage."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent  # of all workers of this run
    folder = shared / "dist"
    with (shared / "dist.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            unfinished = shared / "dist.unfinished"
            synthesize(unfinished)
            unfinished.rename(folder)
    return folder


@pytest.fixture(scope="session")
def stages(dist: Path) -> dict[str, list[Manifest]]:
    """Each stage's objects."""
    return {stage: load(dist / stage) for stage in STAGES}


@pytest.fixture(params=STAGES)
def stage(request: pytest.FixtureRequest) -> str:
    """Each stage in turn."""
    return str(request.param)


@pytest.fixture
def manifests(stages: dict[str, list[Manifest]], stage: str) -> list[Manifest]:
    """The objects of one stage."""
    return stages[stage]
