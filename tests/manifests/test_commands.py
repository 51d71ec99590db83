"""`payments manifests …` and `payments images …` as operations use them."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from payments.devtools import images
from payments.devtools.errors import ManifestError, ToolError
from payments.devtools.manifests import approvals, cluster, sources
from payments.devtools.manifests.difference import differences
from payments.devtools.manifests.objects import Manifest, load
from tests.manifests.cases import base
from tests.manifests.conftest import ROOT

DIGEST = "sha256:" + "a" * 64


def payments(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "payments", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=ROOT,
        env={**os.environ, **environment},
    )


@pytest.fixture
def sides(tmp_path):
    """Two folders of manifests: replicas go from three to five, and the memory limit is halved."""
    for name, changes in (
        ("old", {}),
        ("new", {"spec replicas": 5, "spec template spec containers 0 resources limits memory": "256Mi"}),
    ):
        (tmp_path / name).mkdir()
        text = yaml.safe_dump(base("deployment", **changes))
        (tmp_path / name / "gateway.k8s.yaml").write_text(text)
    return tmp_path / "old", tmp_path / "new"


def test_diff_ends_as_kubectl_diff_does(sides, tmp_path):
    old, new = map(str, sides)
    assert payments("manifests", "diff", old, "--against", old).returncode == 0
    assert payments("manifests", "diff", new, "--against", old).returncode == 1
    for wrong in ("no-such-commit", str(tmp_path)):
        failed = payments("manifests", "diff", new, "--against", wrong)
        assert failed.returncode > 1
        assert failed.stdout == ""
        assert "payments: " in failed.stderr


def test_results_are_on_stdout_and_progress_is_not(sides):
    old, new = map(str, sides)
    told = payments("manifests", "diff", new, "--against", old, NO_COLOR="1")
    assert told.stdout.splitlines() == [
        "Deployment payments/gateway (changed)",
        "  high      memory limit of gateway halved: 512Mi → 256Mi",
        "  medium    replicas raised: 3 → 5",
        "",
        "1 object differs: 1 high, 1 medium",
    ]
    assert "reading" in told.stderr
    assert "reading" not in told.stdout


def test_diff_for_programs_and_for_pull_requests(sides):
    old, new = map(str, sides)
    found = json.loads(payments("manifests", "diff", new, "--against", old, "-o", "json").stdout)
    assert not found["same"]
    (one,) = found["objects"]
    assert (one["kind"], one["name"], one["rank"]) == ("Deployment", "gateway", "high")
    assert one["findings"][1] == {
        "rank": "medium",
        "text": "replicas raised: 3 → 5",
        "path": "spec.replicas",
        "old": 3,
        "new": 5,
    }
    table = payments("manifests", "diff", new, "--against", old, "-o", "md").stdout
    assert "| Deployment payments/gateway | high | memory limit of gateway halved: 512Mi → 256Mi |" in table


def test_diff_against_a_commit(dist, tmp_path):
    """A commit's charts are run as that commit has them."""
    if subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, check=False).returncode:
        pytest.skip("not a git checkout")
    told = payments("manifests", "diff", "HEAD", "--against", "HEAD", "--stage", "staging")
    assert (told.returncode, told.stdout) == (0, "no differences\n"), told.stderr


def test_live_ignores_what_only_the_cluster_says(stages, tmp_path):
    wanted = [one for one in stages["production"] if one.key.kind in {"Deployment", "Service"}]
    items = []
    for one in wanted:
        body = json.loads(json.dumps(one.body))
        applied = json.dumps(body)
        body["metadata"] |= {"uid": "1", "resourceVersion": "2", "generation": 3, "managedFields": [{}]}
        body["metadata"]["annotations"] = {
            "kubectl.kubernetes.io/last-applied-configuration": applied,
            "deployment.kubernetes.io/revision": "7",
        }
        body["status"] = {"replicas": 4}
        if one.key.kind == "Deployment":
            body["spec"]["replicas"] = 4  # the autoscaler's
            pod = body["spec"]["template"]["spec"]
            pod |= {"dnsPolicy": "ClusterFirst", "schedulerName": "default-scheduler", "restartPolicy": "Always"}
            pod["serviceAccount"] = pod["serviceAccountName"]
            pod["containers"][0]["terminationMessagePath"] = "/dev/termination-log"
            pod["tolerations"].append({"key": "node.kubernetes.io/not-ready", "operator": "Exists"})
            for port in pod["containers"][0]["ports"]:
                port["protocol"] = "TCP"
        else:
            body["spec"] |= {"clusterIP": "172.20.1.2", "clusterIPs": ["172.20.1.2"], "ipFamilies": ["IPv4"]}
        items.append(body)
    by_key = {one.key: one for one in wanted}
    there = [cluster.ours(Manifest(body, "cluster"), by_key[Manifest(body, "").key]) for body in items]
    found = [finding.text for one in differences(there, wanted) for finding in one.findings]
    assert found == []


def test_live_asks_kubectl_and_sees_what_somebody_changed(stages, dist, tmp_path):
    (deployment,) = [
        json.loads(json.dumps(one.body)) for one in stages["staging"] if str(one.key) == "Deployment payments/gateway"
    ]
    deployment["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["memory"] = "512Mi"
    (tmp_path / "answer.json").write_text(json.dumps({"kind": "List", "items": [deployment]}))
    kubectl = tmp_path / "kubectl"
    kubectl.write_text(f"#!/bin/sh\ncat > {tmp_path}/asked\necho $* > {tmp_path}/how\ncat {tmp_path}/answer.json\n")
    kubectl.chmod(0o755)
    (tmp_path / "one").mkdir()
    shutil.copy(dist / "staging" / "42-gateway.k8s.yaml", tmp_path / "one")
    path = f"{tmp_path}:{os.environ['PATH']}"
    told = payments("manifests", "diff", str(tmp_path / "one"), "--live", PATH=path, NO_COLOR="1")
    assert told.returncode == 1, told.stderr
    assert "memory limit of gateway halved: 512Mi → 256Mi" in told.stdout
    assert "Service payments/gateway (added)" in told.stdout
    assert "get --ignore-not-found" in (tmp_path / "how").read_text()
    assert "kind: Deployment" in (tmp_path / "asked").read_text()


def test_a_field_removed_since_the_last_apply_is_seen():
    applied = base("deployment")
    live = base("deployment")
    live["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": json.dumps(applied)}
    wanted = Manifest(base("deployment", **{"spec template spec containers 0 readinessProbe": None}), "new")
    found = differences([cluster.ours(Manifest(live, "cluster"), wanted)], [wanted])
    assert [finding.text[:31] for one in found for finding in one.findings] == ["readinessProbe of gateway remov"]


def test_check_exit_codes(dist):
    clean = payments("manifests", "check", str(dist / "development"), "--stage", "development")
    assert (clean.returncode, clean.stdout.splitlines()[-1].endswith("no problems")) == (0, True), clean.stderr
    refused = payments("manifests", "check", str(dist / "production"), "-o", "sarif")
    assert refused.returncode == 1
    assert json.loads(refused.stdout)["version"] == "2.1.0"
    assert payments("manifests", "check", str(dist)).returncode > 1


def test_graph(dist):
    drawn = payments("manifests", "graph", str(dist / "production"))
    assert drawn.returncode == 0
    assert drawn.stdout.startswith("<svg ")


@pytest.fixture
def committed(monkeypatch):
    """A clean checkout, whatever this one looks like."""
    answers = {"rev-parse": "c0ffee" * 6, "status": "", "config": "Grace"}
    monkeypatch.setattr(approvals, "git", lambda verb, *_, **__: answers[verb])
    return answers


def test_only_approved_bytes_are_let_through(dist, tmp_path, committed):
    folder = tmp_path / "production"
    shutil.copytree(dist / "production", folder)
    kept = tmp_path / "approvals"
    with pytest.raises(ManifestError, match="nobody has approved production yet"):
        approvals.verify("production", folder, approvals=kept)
    approved = approvals.approve("production", folder, "Grace", made=dist / "production", approvals=kept)
    assert approved.commit == committed["rev-parse"]
    assert approvals.verify("production", folder, approvals=kept) == approved
    file = folder / "42-gateway.k8s.yaml"
    file.write_bytes(file.read_bytes() + b"\n")
    with pytest.raises(ManifestError, match=r"not what Grace approved at c0ffeec0ffee: 42-gateway\.k8s\.yaml"):
        approvals.verify("production", folder, approvals=kept)
    file.unlink()
    (folder / "99-more.k8s.yaml").write_text("---\n")
    with pytest.raises(ManifestError, match=r"42-gateway\.k8s\.yaml, 99-more\.k8s\.yaml"):
        approvals.verify("production", folder, approvals=kept)


def test_nobody_approves_what_no_commit_makes(dist, tmp_path, committed):
    folder = tmp_path / "production"
    shutil.copytree(dist / "production", folder)
    (folder / "99-more.k8s.yaml").write_text("---\n")
    with pytest.raises(ManifestError, match="is not what c0ffeec0ffee makes"):
        approvals.approve("production", folder, "Grace", made=dist / "production", approvals=tmp_path)
    committed["status"] = " M cdk/stages.py"
    with pytest.raises(ManifestError, match="commit these first"):
        approvals.approve("production", dist / "production", "Grace", made=dist / "production", approvals=tmp_path)


def test_an_approval_needs_a_person(dist, tmp_path, committed):
    committed["config"] = ""
    with pytest.raises(ManifestError, match="who approves"):
        approvals.approve("production", dist / "production", None, made=dist / "production", approvals=tmp_path)


def test_a_cluster_that_does_not_answer_is_told_in_one_line(tmp_path, monkeypatch):
    kubectl = tmp_path / "kubectl"
    kubectl.write_text("#!/bin/sh\nfor i in 1 2 3; do echo 'E1126 memcache.go' >&2; done\necho 'refused' >&2\nexit 1\n")
    kubectl.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    with pytest.raises(ManifestError, match=r"^kubectl get failed: refused$"):
        sources.live([])


def test_pins_are_kept_and_reach_the_manifests(tmp_path, monkeypatch):
    monkeypatch.setattr(images, "FOLDER", tmp_path)
    images.pin([f"payments=registry.example.com/payments@{DIGEST}"], stage="staging")
    images.pin([f"gateway=registry.example.com/gateway@{DIGEST}"], stage="staging")
    assert set(json.loads((tmp_path / "staging.json").read_text())) == {"gateway", "payments"}


def test_a_stage_that_nobody_has_gets_no_pins(tmp_path, monkeypatch):
    monkeypatch.setattr(images, "FOLDER", tmp_path)
    with pytest.raises(ToolError, match="there is no stage 'prod'; choose one of development, staging, production"):
        images.pin([f"payments=registry.example.com/payments@{DIGEST}"], stage="prod")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "text",
    [
        "payments",
        "payments=registry.example.com/payments:1.2",
        f"other=registry/other@{DIGEST}",
        "payments=r@sha256:12",
    ],
)
def test_what_may_move_is_no_pin(text):
    with pytest.raises(ToolError, match="is not NAME=REPOSITORY@sha256"):
        images.parse(text)


def test_manifests_run_what_is_pinned(tmp_path):
    """With every image pinned, staging passes the whole check, and the migration is named after its image."""
    tree = tmp_path / "tree"
    tree.mkdir()
    for name in ("cdk", "cdk8s"):
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    (tree / "images").mkdir()
    pins = {name: f"registry.example.com/{name}@{DIGEST}" for name in images.NAMES}
    (tree / "images" / "staging.json").write_text(json.dumps(pins))
    command = [sys.executable, str(tree / "cdk8s" / "main.py"), "--stage", "staging", "--output", str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    subprocess.run(command, check=True, cwd=tree, env=environment, capture_output=True)
    jobs = [one for one in load(tmp_path / "staging") if one.key.kind == "Job"]
    (name,) = [one.key.name for one in jobs]
    assert re.fullmatch(r"migrate-[0-9a-f]{6}-a{12}", name)
    passed = payments("manifests", "check", str(tmp_path / "staging"), "--stage", "staging")
    assert passed.returncode == 0, passed.stdout


def test_folders_without_manifests_are_told(tmp_path):
    with pytest.raises(ManifestError, match="there are no manifests in"):
        load(tmp_path)
    (tmp_path / "x.yaml").write_text("a: [")
    with pytest.raises(ManifestError, match="is not YAML"):
        load(tmp_path)
    (tmp_path / "x.yaml").write_text("kind: Service\napiVersion: v1\n")
    with pytest.raises(ManifestError, match="a Service without a name"):
        load(Path(tmp_path))
