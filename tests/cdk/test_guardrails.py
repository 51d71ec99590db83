"""Four rule packs on all stages and both computes: what they find is fixed, or acknowledged where it is."""

from collections import Counter

import pytest

from cdk.acknowledged import ACKNOWLEDGED
from cdk.stages import stage_named
from tests.cdk.conftest import COMBINATIONS

PACK_NAMES = {"AwsSolutions", "PCI.DSS.321", "Serverless", "NIST.800.53.R5"}


def test_nothing_is_found_that_nobody_acknowledged(any_assembly):
    # Synthesis would have failed on errors; warnings do not stop it.
    violations = {report["pluginName"]: report["violations"] for report in any_assembly.report["pluginReports"]}
    assert {pack: found for pack, found in violations.items() if found} == {}


def test_every_pack_really_ran(any_assembly):
    assert set(any_assembly.findings) == PACK_NAMES
    counts = {pack: len(rules) for pack, rules in any_assembly.findings.items()}
    # Each finds something in each stage before anything is acknowledged: a pack that ran on nothing finds nothing.
    assert min(counts.values()) >= 1, counts


def acknowledged_ids(stage, entry):
    # Findings of CDK's own validation are not among those of the packs.
    return {
        finding
        for finding in entry.ids(stage)
        if finding.split("-")[0].split(".")[0] in {"AwsSolutions", "PCI", "Serverless", "NIST"}
    }


@pytest.fixture(scope="session")
def unused(assembly) -> set[tuple[str, str, str]]:
    """Acknowledged findings that no stage has."""
    used: Counter[tuple[str, str, str]] = Counter()
    wanted = set()
    for name, compute in COMBINATIONS:
        found = assembly(name, compute).findings
        stage = stage_named(name).on(compute)
        paths = {rule: found for rules in found.values() for rule, found in rules.items()}
        for entry in ACKNOWLEDGED:
            start = f"{stage.prefix}-{entry.area}/{entry.path}"
            for template, finding in zip(entry.findings, entry.ids(stage), strict=True):
                if finding not in acknowledged_ids(stage, entry):
                    continue
                wanted.add((entry.area, entry.path, template))
                if entry.when(stage) and any(f"{path}/".startswith(f"{start}/") for path in paths.get(finding, [])):
                    used[entry.area, entry.path, template] += 1
    return wanted - set(used)


def test_no_acknowledgement_outlives_its_finding(unused):
    assert unused == set()


def test_acknowledgements_have_reasons_and_single_constructs():
    for entry in ACKNOWLEDGED:
        assert entry.path, entry
        assert len(entry.reason) > 30, entry
