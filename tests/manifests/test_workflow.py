"""The deploy workflow applies nothing that operations have not approved."""

import re

import pytest
import yaml

from payments.devtools.images import NAMES
from tests.manifests.conftest import ROOT

WORKFLOWS = ROOT / ".github" / "workflows"


@pytest.fixture
def steps():
    workflow = yaml.safe_load((WORKFLOWS / "deploy.yml").read_text(encoding="utf-8"))
    return workflow["jobs"]["deploy"]["steps"]


def test_approval_is_verified_before_anything_is_deployed(steps):
    names = [step.get("name", "") for step in steps]
    refuse, deploy = names.index("Refuse manifests that nobody approved"), names.index("Deploy")
    assert refuse < deploy
    script = steps[refuse]["run"].splitlines()
    assert script[0] == "make manifests"
    assert any("payments manifests check" in line for line in script)
    assert any("payments manifests verify" in line for line in script)
    assert steps[refuse]["if"] == "inputs.stage != 'development'"
    assert "continue-on-error" not in steps[refuse]


def test_what_is_promoted_is_what_is_pinned(steps):
    [promote] = [step for step in steps if step.get("name", "").startswith("Promote")]
    assert "images/$STAGE.json" in promote["run"]
    assert "GITHUB_SHA" not in promote["run"], "the build of this commit is not what the manifests run"


def test_the_images_that_are_built_are_ours():
    text = (WORKFLOWS / "deliver.yml").read_text(encoding="utf-8")
    assert "file: images/${{ matrix.image }}.Containerfile" in text
    for name in NAMES:
        assert (ROOT / "images" / f"{name}.Containerfile").exists()


@pytest.mark.parametrize("name", ["deliver.yml", "deploy.yml"])
def test_actions_of_others_are_pinned_to_a_commit(name):
    """A tag can be moved, and these jobs may take the role that deploys."""
    used = re.findall(r"uses: (.+)", (WORKFLOWS / name).read_text(encoding="utf-8"))
    assert len(used) >= 5
    others = [each for each in used if not each.startswith("./")]
    assert [each for each in others if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v[\d.]+", each)] == []
