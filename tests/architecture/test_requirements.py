"""The pins are complete, hashed, and the same in every set."""

import re
from pathlib import Path

import pytest

REQUIREMENTS = Path(__file__).parents[2] / "requirements"
SETS = sorted(path.stem for path in REQUIREMENTS.glob("*.in"))


def pins(name: str) -> dict[str, str]:
    """Each requirement of a compiled set, with its marker, and everything that follows it."""
    text = (REQUIREMENTS / f"{name}.txt").read_text(encoding="utf-8")
    joined = re.sub(r"^\s*#.*$", "", text, flags=re.MULTILINE).replace("\\\n", " ")
    entries = (line.partition(" --hash=") for line in joined.splitlines() if line.strip())
    return {requirement.strip(): sign + hashes for requirement, sign, hashes in entries}


def wanted(name: str) -> set[str]:
    lines = (REQUIREMENTS / f"{name}.in").read_text(encoding="utf-8").splitlines()
    return {found[0] for line in lines if (found := re.match(r"[a-z][a-z0-9-]*", line))}


@pytest.mark.parametrize("name", SETS)
def test_every_pin_is_exact_and_hashed(name):
    loose = [pin for pin, hashes in pins(name).items() if "==" not in pin or "--hash=sha256:" not in hashes]
    assert loose == []


@pytest.mark.parametrize("name", SETS)
def test_compiled_file_has_what_its_source_asks_for(name):
    assert wanted(name) - {pin.partition("==")[0] for pin in pins(name)} == set(), "run `make lock`"


@pytest.mark.parametrize(("smaller", "larger"), [("runtime", "dev"), ("dev", "test"), ("infra", "test")])
def test_sets_nest(smaller, larger):
    assert pins(smaller).items() <= pins(larger).items(), "run `make lock`"
