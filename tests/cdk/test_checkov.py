"""checkov on every template, offline: nothing fails but what is suppressed here, each with its reason."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.cdk.conftest import COMBINATIONS

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-checkov" / "bin" / "python"
FEWEST_CHECKS = 300

_FRAMEWORK = r"ClusterKubectlProvider|Custom(Vpc|S3)\w+CustomResourceProvider|AWSCDKTrigger"
# Check, what it is about (a pattern of the logical id), and why it stays.
SUPPRESSED = (
    (
        "CKV_AWS_111",
        r"RoleloadbalancercontrollerDefaultPolicy",
        "The controller's published policy: tags limit it to its cluster.",
    ),
    (
        "CKV_AWS_111",
        r"(Migrate|Platform|Worker)RoleDefaultPolicy",
        "X-Ray and network interfaces know no resources to name in a policy.",
    ),
    ("CKV_AWS_115", _FRAMEWORK, "CDK's own function: it runs during deployments only."),
    ("CKV_AWS_116", _FRAMEWORK, "CDK's own function: CloudFormation waits for its answer."),
    (
        "CKV_AWS_116",
        r"^(Migrate|Platform|OriginCheck|Rotate)Function",
        "Called synchronously: the caller gets the error, and there is no event to keep.",
    ),
    ("CKV_AWS_116", r"^WorkerFunction", "Reads a queue, and the queue has the dead-letter queue."),
    ("CKV_AWS_117", _FRAMEWORK, "CDK's own function: it calls AWS and none of our data."),
    ("CKV_AWS_117", r"^(OriginCheck|Rotate)Function", "Reads one secret and no data; it needs nothing in the VPC."),
    ("CKV_AWS_157", r"^Replica", "A lost replica is made anew; reads fall back to the Multi-AZ instance."),
    ("CKV_AWS_157", r"^InstanceC1063A87", "Development and staging may be away for the half hour of a restore."),
    ("CKV_AWS_16", r"^Replica", "It has the encryption of its source; RDS refuses to be told."),
    ("CKV_AWS_173", r"Function|Handler|onEvent", "Names of secrets and hosts, and nothing secret, are in it."),
    ("CKV_AWS_18", r"^AccessLogsBucket", "The bucket that access logs are written to."),
    (
        "CKV_AWS_33",
        r"^DataKey",
        "Whoever in this account starts instances may encrypt their volumes, as with AWS's own key for volumes.",
    ),
    (
        "CKV_AWS_88",
        r"^VpcpublicSubnet1NatInstance",
        "The way out of the private subnets; only they are let in, and only to HTTPS.",
    ),
    ("CKV_AWS_364", r"^RotateFunctionInvoke", "CDK's permission for Secrets Manager, in this account."),
)


@pytest.fixture(scope="module")
def results(assembly, tmp_path_factory):
    if not PYTHON.exists():
        pytest.fail("checkov is not installed: make setup-checkov")
    folder = tmp_path_factory.mktemp("checkov")
    for stage, compute in COMBINATIONS:
        for path in assembly(stage, compute).template_files:
            shutil.copy(path, folder / f"{compute}-{path.name}")
    return check(folder)


def check(folder: Path) -> Any:
    command = [str(PYTHON), "-m", "checkov.main", "-d", str(folder), "--framework", "cloudformation", "--skip-download"]
    done = subprocess.run([*command, "-o", "json", "--quiet"], capture_output=True, text=True, check=False, cwd=folder)
    assert done.stdout.strip(), done.stderr[-2000:]
    return json.loads(done.stdout)


def failures(results) -> list[tuple[str, str, str]]:
    return [
        (found["check_id"], found["resource"].split(".")[1], found["file_path"])
        for found in results["results"]["failed_checks"]
    ]


def is_suppressed(check_id: str, resource: str) -> bool:
    return any(check_id == known and re.search(pattern, resource) for known, pattern, _ in SUPPRESSED)


def test_checkov_finds_nothing_that_is_not_suppressed(results):
    assert [found for found in failures(results) if not is_suppressed(*found[:2])] == []


def test_checkov_checked_something(results):
    # Without network or with a wrong path it prints success after checking nothing.
    summary = results["summary"]
    assert summary["passed"] + summary["failed"] > FEWEST_CHECKS
    assert summary["parsing_errors"] == 0


def test_no_suppression_outlives_its_finding(results):
    found = failures(results)
    stale = [
        (check_id, pattern)
        for check_id, pattern, _ in SUPPRESSED
        if not any(check_id == known and re.search(pattern, resource) for known, resource, _ in found)
    ]
    assert stale == []
