"""The zip that Lambda runs: the same bytes every time, small, and nothing in it that belongs to this machine."""

import hashlib
import json
import zipfile

import pytest
from aws_cdk import App

from cdk import bundle
from cdk.application import feature_flags
from cdk.stages import DEVELOPMENT
from cdk.wiring import wire


@pytest.fixture(scope="module")
def built():
    return bundle.build("arm64")


def test_the_same_sources_give_the_same_bytes(built):
    before = built.path.read_bytes()
    assert bundle.build("arm64") == built
    assert built.path.read_bytes() == before


def test_it_is_small_enough_for_a_cold_start(built):
    assert 40_000_000 < built.unzipped_bytes < bundle.MAX_UNZIPPED_BYTES


def test_it_holds_our_packages_and_libraries_of_lambdas_platform(built):
    names = zipfile.ZipFile(built.path).namelist()
    assert {"payments/main.py", "gateway/main.py", "shared/ids.py", "migrations/env.py"} <= set(names)
    libraries = [name for name in names if ".so" in name and "cpython" in name]
    assert libraries
    assert all("cpython-313-aarch64" in name for name in libraries)
    assert not [name for name in names if name.startswith(("bin/", "tests/", "cdk/")) or name.endswith(".pyc")]


def test_synthesis_finds_it(built):
    assert bundle.existing("arm64") == built


def test_what_is_printed_is_what_is_deployed(built, monkeypatch, capsys, tmp_path):
    """The asset of `cdk synth -c stage=development` has the hash that `make bundle` prints."""
    monkeypatch.setattr(bundle, "build", lambda _: built)
    monkeypatch.setattr("sys.argv", ["bundle"])
    bundle.main()
    printed = capsys.readouterr().out.split("sha256 ")[1].split()[0]
    # As `main` of app.py does, without the rule packs, which change no template.
    app = App(outdir=str(tmp_path), context=feature_flags(), analytics_reporting=False)
    wire(app, DEVELOPMENT, bundle=str(bundle.existing().path))
    app.synth()
    resources = json.loads((tmp_path / "payments-development-serverless.template.json").read_text())["Resources"]
    functions = [each["Properties"] for each in resources.values() if each["Type"] == "AWS::Lambda::Function"]
    ours = {each["Code"]["S3Key"] for each in functions if each.get("FunctionName", "").startswith("payments-")}
    (asset,) = ours
    assert hashlib.sha256((tmp_path / f"asset.{asset}").read_bytes()).hexdigest() == printed


def test_versions_of_the_past_go_with_the_next_one():
    """Each keeps a copy of the code, and its snapshot is paid for: CloudFormation removes those it no longer names."""
    folder = bundle.ROOT / "tests/cdk/__snapshots__/test_snapshots"
    text = (folder / "test_templates_are_as_reviewed[development-serverless][serverless].json").read_text()
    versions = [each for each in json.loads(text)["Resources"].values() if each["Type"] == "AWS::Lambda::Version"]
    assert len(versions) == 2
    assert [
        each for each in versions if "Retain" in (each.get("DeletionPolicy"), each.get("UpdateReplacePolicy"))
    ] == []


def test_synthesis_says_what_to_do_when_the_sources_changed(built, monkeypatch):
    monkeypatch.setattr(bundle, "PINS", bundle.ROOT / "requirements" / "runtime.txt")
    with pytest.raises(bundle.BundleMissingError, match="make bundle"):
        bundle.existing("arm64")
