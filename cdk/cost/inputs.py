"""Everything a bill is computed from, for one stage: `python cdk/cost/inputs.py STAGE COMPUTE FOLDER`.

Runs in a process of its own, with the working copy to look at first on the path: so `--compare` can read the stage of
another commit, even one that had no estimate yet.
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, kw_only=True)
class Profile:
    """What a stage says about itself."""

    name: str
    compute: str
    region: str
    domain: bool
    floor: int
    ceiling: int
    trace_percent: int
    payments: int
    log_gb: int
    egress_gb: int
    metric_series: int
    most_metric_series: int


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """A synthesized stage."""

    profile: Profile
    templates: dict[str, dict[str, Any]]
    """By the name of the stack, without the stage's prefix."""
    manifests: list[dict[str, Any]]


class SynthesisError(RuntimeError):
    """The stage does not synthesize; the message is the end of what it printed."""


def synthesize(stage: str, compute: str | None, folder: Path, *, root: Path = ROOT) -> Inputs:
    """Return a stage of a working copy; the folder takes what is written on the way."""
    path = os.pathsep.join(str(root / folder) for folder in (".", "cdk8s", "src"))
    done = subprocess.run(  # noqa: S603  our own script
        # -P: or this script's folder would come before the working copy to look at.
        [sys.executable, "-P", __file__, stage, compute or "", str(folder)],
        cwd=root,
        env={**os.environ, "PYTHONPATH": path, "CHECK_UPGRADE": "false"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SynthesisError(done.stderr.strip()[-2000:])
    return read(folder)


def read(folder: Path) -> Inputs:
    """Return what was left in a folder."""
    profile = Profile(**json.loads((folder / "profile.json").read_text(encoding="utf-8")))
    return Inputs(
        profile=profile,
        templates=templates(folder / "assembly", profile.name),
        manifests=json.loads((folder / "manifests.json").read_text(encoding="utf-8")),
    )


def templates(assembly: Path, stage: str) -> dict[str, dict[str, Any]]:
    """Return the templates of a synthesized stage by area."""
    return {
        path.name.removeprefix(f"payments-{stage}-").removesuffix(".template.json"): json.loads(
            path.read_text(encoding="utf-8")
        )
        for path in sorted(assembly.glob("*.template.json"))
    }


def profile_of(stage: Any) -> Profile:  # noqa: ANN401 - a Stage, perhaps of another commit
    """Return what the bill needs to know of a stage."""
    return Profile(
        name=stage.name,
        compute=stage.compute,
        region=stage.region,
        domain=stage.domain is not None,
        floor=stage.budget.floor,
        ceiling=stage.budget.ceiling,
        trace_percent=stage.observability.trace_percent,
        payments=stage.usage.payments,
        log_gb=stage.usage.log_gb,
        egress_gb=stage.usage.egress_gb,
        metric_series=_metric_series(stage.compute),
        most_metric_series=stage.serverless.metric_series,
    )


def _metric_series(compute: str) -> int:
    """Return how many series of our own CloudWatch is sent: none by pods, which nobody but Prometheus asks."""
    if compute == "eks":
        return 0
    from cdk.application_metrics import metric_series  # noqa: PLC0415 - of the working copy on the path

    return metric_series()


def _leave(name: str, compute: str, folder: Path) -> None:
    # Or this very project would stand in for a commit that has no such folder: it is installed, and so on the path.
    for part in ("cdk/stages.py", "cdk8s/manifests/synthesis.py"):
        if not Path(part).is_file():
            sys.exit(f"there is no {part}")
    # From the working copy on the path, which need not be the one of this file; what is refused needs no library.
    from cdk.stage_parts import StageError  # noqa: PLC0415
    from cdk.stages import stage_named  # noqa: PLC0415

    try:
        stage = stage_named(name)
        stage = stage.on(compute) if compute else stage  # type: ignore[arg-type]  # it refuses any other
    except StageError as error:
        sys.exit(str(error))
    from aws_cdk import App  # noqa: PLC0415

    from cdk.application import feature_flags  # noqa: PLC0415
    from cdk.wiring import wire  # noqa: PLC0415
    from manifests.synthesis import objects  # noqa: PLC0415

    folder.mkdir(parents=True, exist_ok=True)
    # What is in the functions costs nothing, so nobody has to build the bundle for an estimate.
    bundle = folder / "bundle.zip"
    bundle.write_bytes(b"PK\5\6" + bytes(18))
    app = App(outdir=str(folder / "assembly"), context=feature_flags(), analytics_reporting=False)
    wire(app, stage, bundle=str(bundle) if stage.compute == "serverless" else None)
    app.synth()
    found = [each for chart in objects(stage).values() for each in chart] if stage.compute == "eks" else []
    (folder / "manifests.json").write_text(json.dumps(found), encoding="utf-8")
    (folder / "profile.json").write_text(json.dumps(vars(profile_of(stage))), encoding="utf-8")


if __name__ == "__main__":
    _leave(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
