"""Templates as they were reviewed: a change of any of them shows here first. `pytest --snapshot-update` accepts it."""

import json
import re
from typing import Any

import pytest
from syrupy.extensions.json import JSONSnapshotExtension

# What source edits change, and nobody reviews.
_HASH = re.compile(r"\b[0-9a-f]{64}\b")
_VERSION = re.compile(r"(CurrentVersion[0-9A-F]{8})[0-9a-f]{32}")
# Identity of a resource: CloudFormation replaces what changes its logical id, and its data with it.
PINNED = {
    "database": {"InstanceC1063A87": "AWS::RDS::DBInstance"},
    "cache": {"Replication": "AWS::ElastiCache::ReplicationGroup"},
    "network": {"Vpc8378EB38": "AWS::EC2::VPC"},
    "security": {
        "DataKey17AFBB84": "AWS::KMS::Key",
        "SecretsKey317DCF94": "AWS::KMS::Key",
        "VaultKey6B75F33E": "AWS::KMS::Key",
        "LogsKeyA6AB43B2": "AWS::KMS::Key",
    },
}


def masked(template: dict[str, Any]) -> Any:
    text = _HASH.sub("<hash>", json.dumps(template))
    return json.loads(_VERSION.sub(r"\1<hash>", text))


@pytest.mark.parametrize(
    ("stage", "compute"), [("production", "eks"), ("staging", "eks"), ("development", "serverless")]
)
def test_templates_are_as_reviewed(assembly, snapshot, stage, compute):
    templates = assembly(stage, compute).templates
    for area, template in sorted(templates.items()):
        assert masked(template) == snapshot(name=area, extension_class=JSONSnapshotExtension)


def test_nothing_with_data_in_it_changes_its_identity(any_assembly):
    for area, resources in PINNED.items():
        found = {key: r["Type"] for key, r in any_assembly.templates[area]["Resources"].items()}
        assert {key: found.get(key) for key in resources} == resources
