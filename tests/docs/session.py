"""Runs the commands of a page, in order and in one shell session, against a platform of their own."""

import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from payments.devtools.console import Console
from payments.devtools.platform import running_platform
from payments.devtools.workspace import Workspace
from tests.docs import page

needs_shell = pytest.mark.skipif(
    not shutil.which("curl") or not shutil.which("bash"), reason="the page uses curl and bash"
)


def run(examples: Sequence[page.Example], folder: Path) -> list[str]:
    """Return what each block printed; `.dev/` is in the folder."""
    session = "".join(f"{{\n:\n{each.commands}}} >{at}.txt 2>&1\n" for at, each in enumerate(examples))
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
            timeout=180,
            check=False,
        )
    assert ran.stderr == ""
    return [(folder / f"{at}.txt").read_text(encoding="utf-8") for at in range(len(examples))]


def check(example: page.Example, output: str) -> None:
    """Compare what a block printed with what the page says."""
    for language, expected in example.expected:
        if language == "json":
            assert page.differences(json.loads(expected), page.last_answer(output)) == [], output
        else:
            lines = [line.rstrip() for line in output.splitlines()]
            for line in expected.splitlines():
                assert any(page.matches(line, printed) for printed in lines), f"{line} is not in: {output}"
    if "Traceback" in output:
        pytest.fail(output)
