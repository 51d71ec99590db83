"""The difference between two sets of manifests, in words."""

from typing import Any

import pytest

from payments.devtools.manifests.difference import differences
from payments.devtools.manifests.objects import Manifest
from tests.manifests.cases import base, cases, sides


def said(case):
    return [f"{finding.rank}: {finding.text}" for one in differences(*sides(case)) for finding in one.findings]


@pytest.mark.parametrize("case", cases("same"), ids=lambda case: case["name"])
def test_the_same_in_other_words(case):
    assert sides(case)[0] != sides(case)[1]
    assert said(case) == []


@pytest.mark.parametrize("case", cases("workloads", "surroundings"), ids=lambda case: case["name"])
def test_golden(case):
    assert said(case) == case["says"]


@pytest.mark.parametrize("case", cases("same", "workloads", "surroundings"), ids=lambda case: case["name"])
def test_nothing_differs_from_itself(case):
    for side in sides(case):
        assert differences(side, side) == []


def test_there_are_enough_cases():
    assert len(cases("same", "workloads", "surroundings")) >= 30


def test_an_emptied_selector_is_a_difference():
    # It means "every pod", while an absent one means "none is chosen by this".
    narrow: dict[str, Any] = {"from": [{"podSelector": {"matchLabels": {"app": "gateway"}}}]}
    every: dict[str, Any] = {"from": [{"podSelector": {}}]}
    old, new = (Manifest(base("policy", **{"spec ingress": [rule]}), "p.yaml") for rule in (narrow, every))
    texts = [finding.text for one in differences([old], [new]) for finding in one.findings]
    assert "new ingress from all pods on every port" in texts
