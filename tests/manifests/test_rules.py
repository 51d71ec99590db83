"""Every rule of the check, with manifests that it refuses."""

import copy
import json

import jsonschema
import pytest

from payments.devtools.manifests import report
from payments.devtools.manifests.objects import Manifest
from payments.devtools.manifests.rules import RULES, check
from payments.devtools.manifests.rules.workloads import SERVER_SECONDS
from shared.serving import GRACEFUL_SECONDS
from tests.manifests.cases import cases, put

BAD = cases("bad")


def broken(case, manifests):
    manifests = copy.deepcopy(manifests)
    if "add" in case:
        return [*manifests, Manifest(case["add"], "bad.yaml")]
    kind, name = case["object"].split()
    (chosen,) = [one for one in manifests if one.key.kind == kind and name in {one.key.name, "*"}]
    if case.get("remove"):
        return [one for one in manifests if one is not chosen]
    if case.get("twice"):
        return [*manifests, chosen]
    for path, value in case["change"].items():
        put(chosen.body, path.split(), "x" * 200_000 if value == "LONG" else value)
    return manifests


@pytest.mark.parametrize("case", BAD, ids=lambda case: f"{case['rule']}: {case['says'][:40]}")
def test_a_bad_manifest_turns_its_rule_red(case, stages):
    stage = case.get("stage", "development")
    said = {problem.text for problem in check(broken(case, stages[stage]), stage) if problem.rule.id == case["rule"]}
    assert any(case["says"] in text for text in said), said


def test_every_rule_has_a_bad_manifest():
    assert {case["rule"] for case in BAD} == {rule.id for rule in RULES}


def test_our_manifests_pass(manifests, stage):
    problems = {problem.rule.id for problem in check(manifests, stage)}
    # Nobody has pinned images of this working copy; where operations approve, that is refused.
    assert problems == (set() if stage == "development" else {"image-pinned"})


def test_an_annotation_excuses_with_a_reason(stages):
    manifests = copy.deepcopy(stages["development"])
    (service,) = [one for one in manifests if one.key.kind == "Service" and one.key.name == "gateway"]
    service.body["spec"]["type"] = "LoadBalancer"
    service.body["metadata"]["annotations"] = {"manifests.payments/allow.exposed": " "}
    assert [problem.rule.id for problem in check(manifests, "development")] == ["exposed"]
    service.body["metadata"]["annotations"] = {"manifests.payments/allow.exposed": "a load test, until Friday"}
    assert check(manifests, "development") == []


def test_the_server_takes_as_long_as_the_rule_says():
    assert SERVER_SECONDS == GRACEFUL_SECONDS


def test_reports(stages):
    problems = check(stages["production"], "production")
    assert "image-pinned" in report.table(problems, 42, color=False)
    assert "no problems" in report.table([], 42, color=False)
    found = json.loads(report.as_json(problems, 42))
    assert (found["objects"], found["rules"], len(found["problems"])) == (42, len(RULES), len(problems))
    sarif = json.loads(report.sarif(problems))
    (run,) = sarif["runs"]
    assert {result["ruleId"] for result in run["results"]} <= {rule["id"] for rule in run["tool"]["driver"]["rules"]}
    assert run["results"][0]["level"] == "error"
    jsonschema.validate(sarif, {"type": "object", "required": ["version", "runs"]})
