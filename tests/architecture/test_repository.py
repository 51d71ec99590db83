"""Rules for what is committed, whatever it does."""

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LONGEST_PYTHON_FILE = 400
# Joined here, so that this file passes its own test.
PACKAGE_INDEXES = [
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("registry", "npmjs", "org"),
        ("registry", "yarnpkg", "com"),
        ("proxy", "golang", "org"),
        ("maven", "apache", "org"),
        ("deb", "debian", "org"),
    )
]
PERSONAL_PATH = re.compile(r"(?<![\w.~-])/(?:home|root|Users|work)/[\w.-]+")


@pytest.fixture(scope="module")
def committed() -> list[Path]:
    # safe.directory: the copy may belong to another user than the one who runs the tests.
    listing = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listing.returncode:
        pytest.skip("not a git checkout")
    return [path for name in listing.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def matches(paths: list[Path], pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{number} {found[0]}"
        for path in paths
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="ignore").splitlines(), start=1)
        if (found := pattern.search(line))
    ]


def test_no_package_index_is_named(committed):
    # Whoever installs brings their own index; an address in a lock file would override it.
    assert matches(committed, re.compile("|".join(map(re.escape, PACKAGE_INDEXES)))) == []


def test_no_path_of_somebodys_machine(committed):
    assert matches(committed, PERSONAL_PATH) == []


def test_python_files_stay_readable(committed):
    lengths = {
        str(path.relative_to(ROOT)): len(lines)
        for path in committed
        if path.suffix == ".py" and (lines := path.read_text(encoding="utf-8").splitlines())
        if "@generated" not in "".join(lines[:5])
    }
    assert {name: count for name, count in lengths.items() if count > LONGEST_PYTHON_FILE} == {}


def test_make_help_lists_every_target():
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    command = ["make", "--no-print-directory", "help"]
    shown = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout
    targets = re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert targets
    assert [target for target in targets if not re.search(rf"^ +{target} ", shown, re.MULTILINE)] == []
