"""`python -m cdk.doctor --stage staging`: may this stage be deployed to the account of these credentials?"""

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import boto3
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, ProfileNotFound
from rich.console import Console

from cdk.application import choose
from cdk.doctor import account, domain, local, quotas, shared, versions
from cdk.doctor.look import Check, Look
from cdk.stage_parts import StageError
from payments.devtools.doctor import Finding, show

HERE: tuple[Check, ...] = (local.bundle, local.pinned_images)
THERE: tuple[Check, ...] = (
    account.bootstrap,
    shared.threat_detector,
    shared.identity_provider,
    domain.delegation,
    domain.certificates,
    quotas.quotas,
    versions.eks,
    versions.postgres,
    versions.valkey,
    versions.runtime,
    local.pushed_images,
)
_NO_KEY = "sign in (`aws configure sso`, `aws sso login`), then `aws sts get-caller-identity` has to answer"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what was found; 1 means that something has to be mended first."""
    parser = argparse.ArgumentParser(
        prog="payments doctor --aws",
        description="Look at an account before a stage is deployed to it; changes nothing.",
    )
    parser.add_argument("--stage", required=True, help="development, staging, production or one of your own")
    parser.add_argument("--compute", choices=("serverless", "eks"), help="default: the stage's own")
    options = parser.parse_args(arguments)
    context = {"stage": options.stage, **({"compute": options.compute} if options.compute else {})}
    try:
        stage = choose(context, os.environ)
        session = boto3.Session()
    except (StageError, ProfileNotFound) as error:
        print(f"payments doctor: {error}", file=sys.stderr)  # noqa: T201  the command's own words
        return 2
    look = Look(stage, session, domain.name_servers, datetime.now(UTC).date())
    terminal = Console(highlight=False)
    found = []
    for finding in examine(look):
        show(terminal, finding)
        found.append(finding)
    problems = sum(finding.fix is not None and finding.known for finding in found)
    unsure = sum(not finding.known for finding in found)
    terminal.print(f"{stage.name} on {stage.compute}: {problems} to mend, {unsure} to look at yourself")
    return 1 if problems else 0


def examine(look: Look) -> Iterator[Finding]:
    """Yield what every look finds; without credentials only what is here."""
    for check in HERE:
        yield from check(look)
    try:
        yield from account.caller(look)
    except NoCredentialsError:
        yield Finding("no credentials of AWS, so nothing there was looked at", _NO_KEY)
        return
    except (BotoCoreError, ClientError) as error:
        yield Finding(f"AWS does not take the credentials: {error}", _NO_KEY)
        return
    for check in THERE:
        yield from _asked(check, look)


def _asked(check: Check, look: Look) -> Iterator[Finding]:
    """Go on with the next look where one may not see, or gets no answer."""
    try:
        yield from check(look)
    except ClientError as error:
        yield Finding(f"not looked at: {error}", "ask with a role that may read this, or look yourself", known=False)
    except BotoCoreError as error:
        yield Finding(
            f"not looked at: {error}", "AWS gave no answer from here: try again, or look yourself", known=False
        )


if __name__ == "__main__":
    sys.exit(main())
