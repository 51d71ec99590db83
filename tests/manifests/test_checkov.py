"""checkov on the manifests of every stage, offline: nothing fails, and nothing is suppressed."""

import json
import subprocess

import pytest

from tests.manifests.conftest import ROOT

PYTHON = ROOT / ".venv-checkov" / "bin" / "python"
FEWEST_CHECKS = 900  # of three stages


@pytest.fixture(scope="module")
def results(dist):
    if not PYTHON.exists():
        pytest.fail("checkov is not installed: make setup-checkov")
    command = [str(PYTHON), "-m", "checkov.main", "-d", str(dist), "--framework", "kubernetes", "--skip-download"]
    done = subprocess.run([*command, "-o", "json", "--quiet"], capture_output=True, text=True, check=False, cwd=dist)
    assert done.stdout.strip(), done.stderr[-2000:]
    return json.loads(done.stdout)


def test_nothing_fails(results):
    assert [(found["check_id"], found["resource"]) for found in results["results"]["failed_checks"]] == []
    assert results["summary"]["skipped"] == 0


def test_something_was_checked(results):
    # Without network or with a wrong path it prints success after checking nothing.
    assert results["summary"]["passed"] > FEWEST_CHECKS
    assert results["summary"]["parsing_errors"] == 0
