"""cfn-lint knows the schemas of CloudFormation: types, properties, values, references."""

import json

from cfnlint import lint  # type: ignore[import-untyped]
from cfnlint.config import ManualArgs  # type: ignore[import-untyped]

# Zones are named on purpose (CDK settles for two where it may choose), and CDK itself writes dependencies twice.
_ON_PURPOSE = ["W3005", "W3010"]


def test_templates_pass_cfn_lint(any_assembly):
    assert len(any_assembly.template_files) >= 6
    matches = [
        f"{path.name}: {match.rule.id} {match.message}"
        for path in any_assembly.template_files
        for match in lint(path.read_text(), config=ManualArgs(ignore_checks=_ON_PURPOSE, regions=["eu-central-1"]))
    ]
    assert matches == []


def test_cfn_lint_can_fail():
    template = {"Resources": {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketNam": "a"}}}}
    assert [match.rule.id for match in lint(json.dumps(template), config=ManualArgs(regions=["eu-central-1"]))] == [
        "E3002"
    ]
