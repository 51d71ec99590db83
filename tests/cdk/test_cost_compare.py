"""What a change costs: `payments cost --compare` with a commit of a real repository."""

import shutil
import subprocess

import pytest

from cdk.cost import __main__ as command
from cdk.cost import load, prices
from cdk.cost.inputs import ROOT, Inputs, profile_of, synthesize, templates
from cdk.stages import DEVELOPMENT
from payments.devtools.manifests import sources

AUTHOR = ("-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false")


@pytest.fixture
def history(tmp_path, monkeypatch):
    """Return two commits: one without stages, then this working copy with a larger database for development."""

    def git(*words: str) -> str:
        return subprocess.run(
            ["git", *AUTHOR, *words], cwd=tmp_path, check=True, capture_output=True, text=True
        ).stdout.strip()

    def commit() -> str:
        git("add", "--all")
        git("commit", "--quiet", "--message=Change")
        return git("rev-parse", "HEAD")

    git("init", "--quiet")
    (tmp_path / "README.md").write_text("No stages yet.")
    empty = commit()
    for part in ("cdk", "cdk8s", "images"):
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copyfile(ROOT / "cdk.json", tmp_path / "cdk.json")
    stages = tmp_path / "cdk" / "stages.py"
    stages.write_text(stages.read_text().replace('instance="t4g.micro"', 'instance="t4g.medium"'))
    larger = commit()
    monkeypatch.setitem(sources.git.__kwdefaults__, "tree", tmp_path)
    return empty, larger


@pytest.fixture
def synthesized(assembly, monkeypatch):
    """Give the command what other tests have synthesized of this working copy; the commit it really synthesizes."""
    here = Inputs(
        profile=profile_of(DEVELOPMENT),
        templates=templates(assembly("development", "serverless").folder / "assembly", "development"),
        manifests=[],
    )
    monkeypatch.setattr(
        command, "synthesize", lambda *words, root: here if root == ROOT else synthesize(*words, root=root)
    )


def test_a_smaller_database_than_the_commits_saves_the_difference(history, synthesized, capsys):
    _, larger = history
    assert command.main(["--stage", "development", "--compare", larger]) == 0
    shown = capsys.readouterr().out
    table = prices.read()
    micro, medium = (round(load.HOURS * table[f"rds.instance.t4g.{size}"].usd, 2) for size in ("micro", "medium"))
    lines = {line.split()[0]: line for line in shown.splitlines() if line.strip()}
    assert f"+{micro}" in next(line for line in shown.splitlines() if "rds.instance.t4g.micro" in line)
    assert f"-{medium}" in next(line for line in shown.splitlines() if "rds.instance.t4g.medium" in line)
    assert f"({micro - medium:+,.2f})" in lines["expected"]


def test_a_commit_that_does_not_synthesize_is_named(history, synthesized, capsys):
    empty, _ = history
    assert command.main(["--stage", "development", "--compare", empty]) == 2
    told = capsys.readouterr().err
    assert told == f"payments cost: {empty} does not synthesize here (there is no cdk/stages.py); take a later commit\n"
