"""Every stage on every compute, synthesized once: by the first test process that needs it, for all of them."""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, get_args

import pytest

from cdk.stage_parts import Compute

ROOT = Path(__file__).parents[2]
COMBINATIONS: list[tuple[str, Compute]] = [
    (stage, compute) for stage in ("development", "staging", "production") for compute in get_args(Compute)
]

_SOURCES = ("cdk", "cdk8s", "images", "cdk.json", "requirements/infra.txt", "tests/cdk/synthesis.py")
_KEPT = ROOT / "build" / "test-synth"


class Assembly(NamedTuple):
    """A synthesized stage."""

    stage: str
    compute: str
    folder: Path

    @property
    def findings(self) -> Any:
        return json.loads((self.folder / "findings.json").read_text())

    @property
    def report(self) -> Any:
        return json.loads((self.folder / "assembly" / "validation-report.json").read_text())

    @property
    def template_files(self) -> list[Path]:
        return sorted((self.folder / "assembly").glob("*.template.json"))

    @property
    def templates(self) -> dict[str, dict[str, Any]]:
        """Templates by area."""
        prefix = f"payments-{self.stage}-"
        return {
            path.name.removeprefix(prefix).removesuffix(".template.json"): json.loads(path.read_text())
            for path in self.template_files
        }

    def resources(self, kind: str, area: str | None = None) -> dict[str, dict[str, Any]]:
        """Resources of a type by logical id, with the area before it."""
        return {
            f"{name}/{key}": resource
            for name, template in self.templates.items()
            if area in (None, name)
            for key, resource in template["Resources"].items()
            if resource["Type"] == kind
        }


def source_hash() -> str:
    digest = hashlib.sha256(sys.version.encode())
    for source in _SOURCES:
        path = ROOT / source
        files = [path] if path.is_file() else sorted(found for found in path.rglob("*") if found.is_file())
        for file in files:
            # What a stage costs is computed from what was synthesized, and changes none of it.
            if file.suffix != ".pyc" and file.parent != ROOT / "cdk" / "cost":
                digest.update(str(file.relative_to(ROOT)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:16]


@pytest.fixture(scope="session")
def assembly() -> Callable[[str, str], Assembly]:
    """Return a function from stage and compute to what was synthesized; a failed synthesis is the test's failure."""
    kept = _KEPT / source_hash()
    known: dict[tuple[str, str], Assembly] = {}

    def get(stage: str, compute: str) -> Assembly:
        if (stage, compute) not in known:
            folder = kept / f"{stage}-{compute}"
            kept.mkdir(parents=True, exist_ok=True)
            with (kept / f"{folder.name}.lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                if not folder.exists():
                    _synthesize(stage, compute, folder)
            known[stage, compute] = Assembly(stage, compute, folder)
        return known[stage, compute]

    for old in _KEPT.glob("*"):
        if old != kept:
            shutil.rmtree(old, ignore_errors=True)
    return get


def _synthesize(stage: str, compute: str, folder: Path) -> None:
    work = folder.with_suffix(".work")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "tests.cdk.synthesis", stage, compute, str(work)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'cdk8s'}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, (
        f"{stage} on {compute} does not synthesize:\n{done.stdout[-4000:]}\n{done.stderr[-6000:]}"
    )
    work.rename(folder)


@pytest.fixture(scope="session", params=COMBINATIONS, ids="-".join)
def any_assembly(request, assembly):
    return assembly(*request.param)
