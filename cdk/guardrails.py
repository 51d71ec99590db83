"""The rule packs that every stage passes, and how acknowledgements reach their constructs."""

import cdk_nag
from aws_cdk import Acknowledgment, App, Validations
from constructs import IConstruct

from cdk.acknowledged import ACKNOWLEDGED
from cdk.stage import Stage

PACKS = (
    cdk_nag.AwsSolutionsChecks,
    cdk_nag.PCIDSS321Checks,
    cdk_nag.ServerlessChecks,
    cdk_nag.NIST80053R5Checks,
)


def guard(app: App, stage: Stage) -> None:
    """Let synthesis fail on every finding that nobody acknowledged."""
    Validations.of(app).add_plugins(*(pack(app) for pack in PACKS))
    for entry in ACKNOWLEDGED:
        construct = find(app, f"{stage.prefix}-{entry.area}/{entry.path}")
        if construct is not None and entry.when(stage):
            Validations.of(construct).acknowledge(
                *(Acknowledgment(id=finding, reason=entry.reason) for finding in entry.ids(stage))
            )


def find(app: App, path: str) -> IConstruct | None:
    """Return the construct at a path, if the stage has it."""
    construct: IConstruct | None = app
    for part in path.split("/"):
        construct = construct.node.try_find_child(part) if construct is not None else None
    return construct
