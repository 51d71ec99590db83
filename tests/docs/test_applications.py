"""The commands of docs/APPLICATIONS.md, run in order against a platform, answer what the page says."""

import pytest

from tests.docs import page, session

pytestmark = [pytest.mark.slow, session.needs_shell]

EXAMPLES = page.examples(page.text())


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    return session.run(EXAMPLES, tmp_path_factory.mktemp("a working copy"))


@pytest.mark.parametrize("at", range(len(EXAMPLES)), ids=lambda at: EXAMPLES[at].commands.strip().splitlines()[0][:60])
def test_the_example_answers_what_the_page_says(outputs, at):
    session.check(EXAMPLES[at], outputs[at])


def test_a_page_that_is_wrong_would_be_noticed():
    assert page.differences({"a": 1, "id": "pay_…", "l": [1, "…"]}, {"a": 1, "b": 2, "id": "pay_1", "l": [1, 2]}) == []
    assert page.differences({"a": 1}, {"a": 2}) == ["/a is 2, not 1"]
    assert page.differences({"a": 1}, {"a": True}) == ["/a is True, not 1"]
    assert page.differences({"a": 1}, {}) == ["/a is missing"]
    assert page.differences({"l": [1]}, {"l": [1, 2]}) == ["/l has 2 entries: [1, 2]"]
    assert page.differences({"id": "pay_…"}, {"id": "ref_1"}) == ["/id is 'ref_1', not 'pay_…'"]
