"""What a change costs: `payments cost --compare` with a commit of a real repository."""

import shutil
import subprocess

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER  # type: ignore[import-untyped]

from cdk.cost import __main__ as command
from cdk.cost import load, prices
from cdk.cost.inputs import ROOT, Inputs, profile_of, synthesize, templates
from cdk.cost.losses import FIXED, losses
from cdk.stages import DEVELOPMENT
from payments.devtools.manifests import sources

AUTHOR = ("-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false")


@pytest.fixture
def history(tmp_path, monkeypatch):
    """Return two commits: one without stages, then this working copy with another network and database."""

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
    changed = stages.read_text().replace('instance="t4g.micro"', 'instance="t4g.medium"')
    stages.write_text(changed.replace("10.10.0.0/16", "10.11.0.0/16"))
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
    # The other network would take everything in it along.
    assert "(AWS::EC2::VPC) would be replaced: CidrBlock cannot change in place" in shown


def test_a_commit_that_does_not_synthesize_is_named(history, synthesized, capsys):
    empty, _ = history
    assert command.main(["--stage", "development", "--compare", empty]) == 2
    told = capsys.readouterr().err
    assert told == f"payments cost: {empty} does not synthesize here (there is no cdk/stages.py); take a later commit\n"


def test_what_would_be_lost():
    key = {"Type": "AWS::KMS::Key", "Properties": {"Description": "a"}}
    topic = {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "a"}}
    secret = {"Type": "AWS::SecretsManager::Secret", "Properties": {"Name": "a", "Description": "a"}}
    before = {"security": {"Resources": {"Key": key, "Secret": secret, "Topic": topic}}}

    def after(**resources):
        return list(losses(before, {"security": {"Resources": resources}}))

    assert after(Key={**key, "Properties": {"Description": "b"}}, Secret=secret) == []
    assert after(Key2=key, Secret=secret) == ["security/Key (AWS::KMS::Key) would be deleted"]
    renamed = {**secret, "Properties": {"Name": "b"}}
    assert after(Key=key, Secret=renamed) == [
        "security/Secret (AWS::SecretsManager::Secret) would be replaced: Name cannot change in place"
    ]
    assert len(list(losses(before, {}))) == 2


@pytest.mark.parametrize("kind", FIXED)
def test_what_cannot_change_is_as_aws_says(kind):
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("eu-central-1", kind).schema
    assert FIXED[kind] == {path.split("/")[2] for path in schema.get("createOnlyProperties", ())}
