"""The zip that Lambda runs: the same bytes every time, small, and nothing in it that belongs to this machine."""

import zipfile

import pytest

from cdk import bundle


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


def test_synthesis_says_what_to_do_when_the_sources_changed(built, monkeypatch):
    monkeypatch.setattr(bundle, "PINS", bundle.ROOT / "requirements" / "runtime.txt")
    with pytest.raises(bundle.BundleMissingError, match="make bundle"):
        bundle.existing("arm64")
