"""cfn-lint knows the schemas of CloudFormation: types, properties, values, references."""

import json
from collections.abc import Callable

import pytest
from cfnlint.config import ConfigMixIn  # type: ignore[import-untyped]
from cfnlint.decode.decode import decode_str  # type: ignore[import-untyped]
from cfnlint.runner import Runner  # type: ignore[import-untyped]

# Zones are named on purpose (CDK settles for two where it may choose), and CDK itself writes dependencies twice.
_ON_PURPOSE = ["W3005", "W3010"]


@pytest.fixture(scope="module")
def lint() -> Callable[[str], list[str]]:
    """Return a function from a template to what is wrong with it; loading the rules takes longer than a template."""
    runner = Runner(ConfigMixIn(ignore_checks=_ON_PURPOSE, regions=["eu-central-1"]))
    known: dict[str, list[str]] = {}

    def check(text: str) -> list[str]:
        if text not in known:
            template, errors = decode_str(text)
            found = errors or runner.validate_template(template)
            known[text] = [f"{match.rule.id} {match.message}" for match in found]
        return known[text]

    return check


def test_templates_pass_cfn_lint(any_assembly, lint):
    assert len(any_assembly.template_files) >= 6
    found = {path.name: lint(path.read_text()) for path in any_assembly.template_files}
    assert {name: problems for name, problems in found.items() if problems} == {}


def test_cfn_lint_can_fail(lint):
    template = {"Resources": {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketNam": "a"}}}}
    (found,) = lint(json.dumps(template))
    assert found.startswith("E3002 ")
    (found,) = lint("{")
    assert found.startswith("E0000 ")
