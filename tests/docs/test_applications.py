"""The commands of docs/APPLICATIONS.md, run in order against a platform, answer what the page says."""

import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from payments.devtools.console import Console
from payments.devtools.platform import running_platform
from payments.devtools.workspace import Workspace
from tests.docs import page

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("curl") or not shutil.which("bash"), reason="the page uses curl and bash"),
]

EXAMPLES = page.examples(page.text())


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    """What each block printed, in one shell session beside a `.dev/` of its own."""
    folder = tmp_path_factory.mktemp("a working copy")
    session = "".join(f"{{\n:\n{each.commands}}} >{at}.txt 2>&1\n" for at, each in enumerate(EXAMPLES))
    (folder / "session.sh").write_text(session, encoding="utf-8")
    # The interpreter of the tests, because one found through a chain of scripts takes its time.
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    with running_platform(Workspace(folder / ".dev"), Console(io.StringIO())):
        ran = subprocess.run(
            ["bash", "-u", "session.sh"],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert ran.stderr == ""
    return [(folder / f"{at}.txt").read_text(encoding="utf-8") for at in range(len(EXAMPLES))]


@pytest.mark.parametrize("at", range(len(EXAMPLES)), ids=lambda at: EXAMPLES[at].commands.strip().splitlines()[0][:60])
def test_the_example_answers_what_the_page_says(outputs, at):
    for language, expected in EXAMPLES[at].expected:
        if language == "json":
            assert page.differences(json.loads(expected), page.last_answer(outputs[at])) == [], outputs[at]
        else:
            lines = [line.rstrip() for line in outputs[at].splitlines()]
            for line in expected.splitlines():
                assert any(page.matches(line, printed) for printed in lines), f"{line} is not in: {outputs[at]}"
    if "Traceback" in outputs[at]:
        pytest.fail(outputs[at])


def test_a_page_that_is_wrong_would_be_noticed():
    assert page.differences({"a": 1, "id": "pay_…", "l": [1, "…"]}, {"a": 1, "b": 2, "id": "pay_1", "l": [1, 2]}) == []
    assert page.differences({"a": 1}, {"a": 2}) == ["/a is 2, not 1"]
    assert page.differences({"a": 1}, {"a": True}) == ["/a is True, not 1"]
    assert page.differences({"a": 1}, {}) == ["/a is missing"]
    assert page.differences({"l": [1]}, {"l": [1, 2]}) == ["/l has 2 entries: [1, 2]"]
    assert page.differences({"id": "pay_…"}, {"id": "ref_1"}) == ["/id is 'ref_1', not 'pay_…'"]
