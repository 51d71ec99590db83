"""docs/EVENTS.md agrees with the catalogue. Run this file as a program to renew its table."""

import re

from payments.events.catalogue import CATALOGUE
from tests.docs import page

PAGE = page.PROJECT / "docs" / "EVENTS.md"
_TABLE = re.compile(r"(<!-- events -->\n).*?(<!-- /events -->)", re.DOTALL)


def renewed(document: str) -> str:
    """Return the page with its table of events replaced."""
    lines = ["| type | version | `data` | when |", "|---|---|---|---|"]
    rows = ((each.name, each.version, each.data.__name__, each.meaning) for each in CATALOGUE.values())
    lines += [f"| `{name}` | {version} | {data} | {meaning} |" for name, version, data, meaning in rows]
    content = "\n".join(lines)
    return _TABLE.sub(lambda found: f"{found[1]}{content}\n{found[2]}", document)


def test_the_page_lists_every_type_of_event():
    document = PAGE.read_text(encoding="utf-8")
    assert "`payment.captured`" in document
    assert document == renewed(document), "run: python -m tests.docs.test_events_page"


def test_links_lead_somewhere():
    document = PAGE.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document):
        assert (PAGE.parent / target).exists(), target
    heads = re.findall(r"^#+ (.*)", document, re.MULTILINE)
    anchors = {re.sub(r"[^a-z0-9 -]", "", head.lower()).replace(" ", "-") for head in heads}
    assert set(re.findall(r"\]\(#([^)]*)\)", document)) <= anchors


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
