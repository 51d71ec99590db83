"""`python -m cdk.cost --stage production`: the bill before anybody deploys."""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from cdk.cost import output, prices
from cdk.cost.bill import Bill, bills
from cdk.cost.inputs import ROOT, Inputs, SynthesisError, synthesize
from cdk.cost.losses import Templates, losses
from cdk.cost.prices import CostError, Prices
from payments.devtools.errors import ManifestError
from payments.devtools.manifests.sources import checkout


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what was asked for; 1 means outside of the band, 2 that there is no honest figure."""
    parser = argparse.ArgumentParser(prog="payments cost", description="What a stage costs a month.")
    parser.add_argument("--stage", default="production", help="default: production")
    parser.add_argument("--compute", choices=("serverless", "eks"), help="default: the stage's own")
    parser.add_argument("--compare", metavar="REF|FILE", help="a commit, or a file that --json left: what changes")
    parser.add_argument("--json", action="store_true", help="print the sums per resource, for --compare or a machine")
    parser.add_argument("--refresh", action="store_true", help="read the prices from AWS into cdk/cost/prices.json")
    options = parser.parse_args(arguments)
    try:
        if options.refresh:
            return _refresh()
        return _print(options)
    except (CostError, SynthesisError, ManifestError) as error:
        print(f"payments cost: {error}", file=sys.stderr)  # noqa: T201  the command's own words
        return 2


def _print(options: argparse.Namespace) -> int:
    # Wider than most terminals: a line that is cut off hides what it costs.
    table, console = prices.read(), Console(width=260, highlight=False)
    inputs = _inputs(options)
    found = bills(inputs, table)
    if options.json:
        console.out(output.as_json(found))
    elif options.compare:
        before, templates = _before(options, table)
        output.compare(console, before, found)
        for loss in losses(templates, inputs.templates):
            console.print(f"  [bold red]{loss}")
    else:
        output.show(console, inputs.profile, found)
    outside = output.outside(inputs.profile, found)
    for problem in outside:
        print(f"payments cost: {problem}", file=sys.stderr)  # noqa: T201
    return 1 if outside else 0


def _inputs(options: argparse.Namespace, root: Path = ROOT) -> Inputs:
    with tempfile.TemporaryDirectory(prefix="cost-") as folder:
        return synthesize(options.stage, options.compute, Path(folder), root=root)


def _before(options: argparse.Namespace, table: Prices) -> tuple[dict[str, dict[str, str]], Templates]:
    """Return what to compare with: a file's sums, or a commit's at today's prices, with its templates."""
    if Path(options.compare).is_file():
        try:
            before: dict[str, dict[str, str]] = json.loads(Path(options.compare).read_text(encoding="utf-8"))
        except ValueError as error:
            raise CostError(f"{options.compare} is not what --json prints: {error}") from error
        return before, {}
    with checkout(options.compare) as tree:
        try:
            inputs = _inputs(options, tree)
            return _sums(bills(inputs, table)), inputs.templates
        except SynthesisError as error:
            # An old commit that describes its stages in another way, or needs other libraries.
            reason = str(error).rpartition("\n")[2]
            raise CostError(f"{options.compare} does not synthesize here ({reason}); take a later commit") from error


def _sums(found: list[Bill]) -> dict[str, dict[str, str]]:
    sums: dict[str, dict[str, str]] = json.loads(output.as_json(found))
    return sums


def _refresh() -> int:
    import boto3  # noqa: PLC0415  only this needs it

    from cdk.cost.refresh import refresh  # noqa: PLC0415

    client = boto3.client("pricing", region_name="us-east-1")
    renewed = refresh(prices.read(), client, datetime.now(UTC).date())
    prices.write(renewed)
    print(f"{sum(price.verified for price in renewed.by_key.values())} prices are AWS's own now")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
