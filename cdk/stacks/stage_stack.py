"""What all stacks have in common."""

import aws_cdk as cdk
from constructs import Construct

from cdk.stage import Stage


class StageStack(cdk.Stack):
    """One area of one stage, in the stage's account and region."""

    def __init__(
        self, scope: Construct, area: str, stage: Stage, *, description: str, region: str | None = None
    ) -> None:
        """Name it after the stage and the area."""
        super().__init__(
            scope,
            f"{stage.prefix}-{area}",
            description=description,
            env=cdk.Environment(account=stage.account, region=region or stage.region),
            termination_protection=stage.protected,
        )
        self.stage = stage
        for key, value in (("application", "payment-platform"), ("stage", stage.name), ("area", area), *stage.tags):
            # CDK believes that this type has tags; CloudFormation refuses them.
            cdk.Tags.of(self).add(key, value, exclude_resource_types=["AWS::RDS::DBProxyTargetGroup"])

    @property
    def removal(self) -> cdk.RemovalPolicy:
        """What happens to data when the stack goes: a protected stage keeps it."""
        return cdk.RemovalPolicy.RETAIN if self.stage.protected else cdk.RemovalPolicy.DESTROY

    def output(self, name: str, value: str, description: str) -> None:
        """Show a value after a deployment."""
        cdk.CfnOutput(self, name, value=value, description=description)
