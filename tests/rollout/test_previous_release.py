"""The code of before the newest migration, on the schema of now: what a rollout and a rollback really have.

Its own tests say whether it still works. It is taken from the history, which a shallow clone does not have.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
VERSIONS = "migrations/versions"
# Payments' whole lives, by HTTP: every table of the write path.
TESTS = "tests/payments/test_lifecycle.py"


def git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.rstrip() if done.returncode == 0 else ""


def before_the_newest_migration() -> str:
    """Return a commit; none where the history does not go back that far."""
    if any(line[:2] in ("??", "A ", "AM") for line in git("status", "--porcelain", "--", VERSIONS).splitlines()):
        return git("rev-parse", "HEAD")  # it is not committed yet
    added = git("log", "-1", "--diff-filter=A", "--format=%H", "--", VERSIONS)
    return git("rev-parse", "--verify", "--quiet", f"{added}^") if added else ""


@pytest.mark.slow
def test_the_release_before_works_on_this_schema(tmp_path):
    commit = before_the_newest_migration()
    if not commit:
        pytest.skip("the commit before the newest migration is not here: a shallow clone, or no git")
    archive = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True, check=True).stdout
    before = tmp_path / "before"
    before.mkdir()
    subprocess.run(["tar", "-x", "-C", str(before)], input=archive, check=True)
    known = {path.name for path in (before / VERSIONS).glob("*.py")}
    assert known < {path.name for path in (ROOT / VERSIONS).glob("*.py")}, "nothing was added since"
    shutil.rmtree(before / "migrations")
    shutil.copytree(ROOT / "migrations", before / "migrations", ignore=shutil.ignore_patterns("__pycache__"))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=short", TESTS],
        cwd=before,
        env={**os.environ, "PYTHONPATH": str(before / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{commit[:12]} does not work on the schema of now:\n{done.stdout[-4000:]}"
    assert " passed" in done.stdout
