"""Write the manifests of a stage: `python cdk8s/main.py --stage production` leaves dist/production/*.k8s.yaml.

No cluster, no AWS, no network, and the same bytes every time. The cdk8s command line runs this too (`cdk8s synth`).
"""

import argparse
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# The cdk8s command line starts this without the root of the project on the path.
sys.path.insert(0, str(ROOT))
os.environ["CHECK_UPGRADE"] = "false"

from cdk.node import prefer_wheel  # noqa: E402  the root has to be on the path first

prefer_wheel()

from cdk.stage_parts import StageError  # noqa: E402  jsii starts node when it is imported
from cdk.stages import STAGES, stage_named  # noqa: E402
from manifests.images import ImagesError  # noqa: E402
from manifests.synthesis import write  # noqa: E402


def main() -> None:
    """Write what the command line asks for."""
    parser = argparse.ArgumentParser(prog="main.py", description="Write the Kubernetes manifests of a stage.")
    parser.add_argument("--stage", help=f"one of {', '.join(STAGES)}; without it, all of them")
    parser.add_argument("--output", type=Path, default=ROOT / "dist", help="gets a folder per stage; default: dist")
    options = parser.parse_args()
    try:
        for name in STAGES if options.stage is None else [options.stage]:
            write(stage_named(name), options.output / name)
    except (StageError, ImagesError) as error:
        sys.exit(f"manifests: {error}")


if __name__ == "__main__":
    main()
