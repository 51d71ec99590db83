"""Builds the app of one stage: reads which, refuses what is wrong, wires the stacks. No AWS calls."""

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from aws_cdk import App

from cdk.bundle import BundleMissingError, existing
from cdk.guardrails import guard
from cdk.stage import Stage
from cdk.stage_parts import Compute, StageError
from cdk.stages import DEVELOPMENT, stage_named
from cdk.wiring import wire

_SETTINGS = Path(__file__).parents[1] / "cdk.json"


def main(arguments: Sequence[str] | None = None) -> None:
    """Synthesize one stage; the CDK command line calls this with its context in the environment."""
    parser = argparse.ArgumentParser(prog="app.py", description="Synthesize a stage's CloudFormation templates.")
    parser.add_argument("-c", "--context", action="append", default=[], metavar="KEY=VALUE", help="stage=…, compute=…")
    parser.add_argument("-o", "--output", default=os.environ.get("CDK_OUTDIR"), help="default: cdk.out/STAGE")
    options = parser.parse_args(arguments)
    context = json.loads(os.environ.get("CDK_CONTEXT_JSON", "{}"))
    context |= dict(pair.partition("=")[::2] for pair in options.context)
    try:
        stage = choose(context, os.environ)
        bundle = str(existing().path) if stage.compute == "serverless" else None
        synthesize(stage, options.output or f"cdk.out/{stage.name}", bundle=bundle)
    except (StageError, BundleMissingError) as error:
        sys.exit(str(error))


def choose(context: Mapping[str, str], environment: Mapping[str, str]) -> Stage:
    """Return the stage that was asked for, in the account of the caller's credentials.

    CDK_DEFAULT_REGION is ignored: the command line fills it from whichever profile is active, and a stage that moves
    to another region by accident leaves its data behind. PAYMENTS_REGION moves one on purpose.

    Raises:
        StageError: there is no such stage, or it could not be deployed.
    """
    stage = stage_named(context.get("stage", DEVELOPMENT.name))
    return replace(
        stage,
        compute=cast("Compute", context.get("compute", stage.compute)),  # Stage refuses any other
        account=stage.account or environment.get("CDK_DEFAULT_ACCOUNT") or None,
        region=environment.get("PAYMENTS_REGION") or stage.region,
    )


def synthesize(stage: Stage, output: str, *, bundle: str | None) -> App:
    """Write the stage's templates and assets into a folder."""
    app = App(outdir=output, context=feature_flags(), analytics_reporting=False)
    wire(app, stage, bundle=bundle)
    guard(app, stage)
    app.synth()
    return app


def feature_flags() -> dict[str, Any]:
    """Return the flags of cdk.json, for whoever runs this without the CDK command line."""
    flags: dict[str, Any] = json.loads(_SETTINGS.read_text(encoding="utf-8"))["context"]
    return flags
