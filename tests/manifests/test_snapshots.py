"""Manifests as they were reviewed: a change of any of them shows here first. `pytest --snapshot-update` accepts it."""

import re

import pytest
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from tests.manifests.conftest import STAGES

# Which images run is approved elsewhere, and changes with every release.
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|(?<=migrate-)[0-9a-f]{6}-[0-9a-f]{12}")


class YamlSnapshot(SingleFileSnapshotExtension):
    _write_mode = WriteMode.TEXT
    file_extension = "yaml"
    _file_extension = "yaml"


@pytest.mark.parametrize("stage", STAGES)
def test_manifests_are_as_reviewed(dist, snapshot, stage):
    for path in sorted((dist / stage).iterdir()):
        if path.name.startswith("60-"):
            continue  # rules and dashboards: their data has tests of its own, and 64 kB would hide everything else
        text = _DIGEST.sub("<digest>", path.read_text(encoding="utf-8"))
        assert text == snapshot(name=path.name.partition(".")[0], extension_class=YamlSnapshot)
