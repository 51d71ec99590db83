"""docs/SETTLEMENT.md: its commands answer what the page says, and its tables say what the code says."""

import re

import pytest

from payments.books.verify import CHECKS
from payments.disputes import states as disputes
from payments.reconciliation import settlement_file
from tests.docs import page, session

PAGE = page.PROJECT / "docs" / "SETTLEMENT.md"
TEXT = PAGE.read_text(encoding="utf-8")
EXAMPLES = page.examples(TEXT)


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    return session.run(EXAMPLES, tmp_path_factory.mktemp("a working copy"))


@pytest.mark.slow
@session.needs_shell
@pytest.mark.parametrize("at", range(len(EXAMPLES)), ids=lambda at: EXAMPLES[at].commands.strip().splitlines()[0][:60])
def test_the_example_answers_what_the_page_says(outputs, at):
    session.check(EXAMPLES[at], outputs[at])


def test_every_check_of_the_books_is_listed():
    listed = {page.bare(name): meaning for name, meaning in page.table(TEXT, "checks")}
    assert listed == {check.name: check.meaning for check in CHECKS}


def test_every_column_of_a_settlement_file_is_described():
    described = [page.bare(name) for name, _ in page.table(TEXT, "columns")]
    assert described == list(settlement_file.COLUMNS)


def test_the_states_of_disputes_are_those_of_the_code():
    rows = {page.bare(source): cells for source, *cells in page.table(TEXT, "dispute states")}
    for source in disputes.STATUSES:
        causes = [disputes.TRANSITIONS[source, target] for target in disputes.STATUSES]
        assert rows[source] == ["·" if cause == "." else cause for cause in causes]


def test_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", TEXT):
        assert (PAGE.parent / target).exists(), target
    heads = re.findall(r"^#+ (.*)", TEXT, re.MULTILINE)
    anchors = {re.sub(r"[^a-z0-9 -]", "", head.lower()).replace(" ", "-") for head in heads}
    assert set(re.findall(r"\]\(#([^)]*)\)", TEXT)) <= anchors
