"""Which stacks a stage consists of, and what they hand to each other."""

import aws_cdk as cdk

from cdk.stacks.network import NetworkStack
from cdk.stage import Stage


def wire(app: cdk.App, stage: Stage) -> None:
    """Add every stack of the stage to the app."""
    NetworkStack(app, stage)
