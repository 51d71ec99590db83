"""docs/SECURITY.md names tests that exist, for every item of its two tables."""

import re
from pathlib import Path

import pytest

from shared.permissions import ROLES
from tests.docs import page

SECURITY = page.PROJECT / "docs" / "SECURITY.md"
NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")


@pytest.fixture(scope="module")
def text() -> str:
    return SECURITY.read_text(encoding="utf-8")


def test_every_test_it_names_exists(text):
    named = NAMED.findall(text)
    assert len(named) > 50
    for file, name in named:
        path: Path = page.PROJECT / file
        assert path.exists(), file
        assert not name or re.search(rf"(?:def|class) {name}\b", path.read_text(encoding="utf-8")), f"{file}::{name}"


@pytest.mark.parametrize(
    ("table", "items"),
    [
        ("owasp", [f"API{number}" for number in range(1, 11)]),
        ("pci", ["3", "4", "6", "7", "8", "10", "11"]),
    ],
)
def test_every_item_has_a_test(text, table, items):
    rows = page.table(text, table)
    assert list(dict.fromkeys(re.split(r"[ .]", row[0])[0] for row in rows)) == items
    for item, _, tests in rows:
        assert NAMED.search(tests), item


def test_every_role_is_explained(text):
    for role in ROLES:
        assert f"| `{role}` |" in text


def test_links_lead_somewhere(text):
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (SECURITY.parent / target).exists(), target
