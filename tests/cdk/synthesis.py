"""Synthesizes one stage as `app.py` does, in a process of its own, and keeps what the rule packs say beforehand.

python -m tests.cdk.synthesis STAGE COMPUTE FOLDER
"""

import json
import sys
from pathlib import Path
from zipfile import ZipFile, ZipInfo

from aws_cdk import App

from cdk.application import feature_flags
from cdk.guardrails import PACKS, guard
from cdk.stage_parts import Compute
from cdk.stages import stage_named
from cdk.wiring import wire


def synthesize(name: str, compute: Compute, folder: Path) -> None:
    """Leave the cloud assembly and `findings.json` in the folder."""
    stage = stage_named(name).on(compute)
    app = App(outdir=str(folder / "assembly"), context=feature_flags(), analytics_reporting=False)
    wire(app, stage, bundle=str(bundle(folder)) if compute == "serverless" else None)
    # What is found while nothing is acknowledged yet: rule to construct paths.
    findings = {
        pack.read_pack_name: {
            violation.rule_name: sorted(found.construct_path or "" for found in violation.violating_resources)
            for violation in pack.validate_scope(app).violations
        }
        for pack in (kind(app) for kind in PACKS)
    }
    (folder / "findings.json").write_text(json.dumps(findings), encoding="utf-8")
    guard(app, stage)
    app.synth()


def bundle(folder: Path) -> Path:
    """Make a zip with the right shape: what is in the real one matters to the functions, not to the templates."""
    path = folder / "bundle.zip"
    with ZipFile(path, "w") as archive:
        archive.writestr(ZipInfo("handler.py", (1980, 1, 1, 0, 0, 0)), "")
    return path


if __name__ == "__main__":
    synthesize(sys.argv[1], sys.argv[2], Path(sys.argv[3]))  # type: ignore[arg-type]
