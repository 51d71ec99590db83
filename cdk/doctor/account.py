"""Whose account it is, and whether CDK may deploy to it."""

from collections.abc import Iterator

from cdk.doctor.look import Look
from payments.devtools.doctor import Finding

_VERSION = "/cdk-bootstrap/hnb659fds/version"
_NEEDED = 8
"""The oldest that the assemblies accept: `requiresBootstrapStackVersion` in their manifests."""
_WHOLE = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE")


def caller(look: Look) -> Iterator[Finding]:
    """The credentials are those of the stage's account, and not the root's."""
    found = look.client("sts").get_caller_identity()
    account, arn = found["Account"], found["Arn"]
    text = f"{arn}, region {look.stage.region}"
    if look.stage.account not in (None, account):
        yield Finding(
            f"{text}; {look.stage.name} belongs to account {look.stage.account}",
            f"sign in to {look.stage.account}, or change `account` of the stage in cdk/stages.py",
        )
    elif arn.endswith(":root"):
        yield Finding(f"{text}: the root user", "sign in with a role; the root user can not be held back by anything")
    else:
        yield Finding(text)
    usual = look.session.region_name
    if usual not in (None, look.stage.region):
        yield Finding(
            f"your profile's region is {usual}, the stage's {look.stage.region}: CDK takes the stage's",
            f"give `--region {look.stage.region}` to every `aws` command, or export AWS_REGION={look.stage.region}",
            known=False,
        )


def bootstrap(look: Look) -> Iterator[Finding]:
    """CDK's own stack is there, whole and new enough."""
    account = look.client("sts").get_caller_identity()["Account"]
    for region in look.regions:
        fix = f"`cdk bootstrap aws://{account}/{region}`"
        parameters = look.client("ssm", region)
        try:
            version = int(parameters.get_parameter(Name=_VERSION)["Parameter"]["Value"])
        except parameters.exceptions.ParameterNotFound:
            yield Finding(f"{region} is not bootstrapped for CDK", fix)
            continue
        if version < _NEEDED:
            yield Finding(f"{region} is bootstrapped with version {version}, older than {_NEEDED}", fix)
            continue
        yield from _toolkit(look, region, version, fix)


def _toolkit(look: Look, region: str, version: int, fix: str) -> Iterator[Finding]:
    stacks = look.client("cloudformation", region).get_paginator("describe_stacks").paginate()
    state = {stack["StackName"]: stack["StackStatus"] for page in stacks for stack in page["Stacks"]}.get("CDKToolkit")
    if state in _WHOLE:
        yield Finding(f"{region} is bootstrapped for CDK, version {version}")
    elif state is None:
        yield Finding(
            f"{region} has CDK's version {version}, but no stack CDKToolkit: made by hand?",
            f"if that was not on purpose, {fix}",
            known=False,
        )
    else:
        yield Finding(f"the stack CDKToolkit in {region} is {state}", f"delete or mend it, then {fix}")
