"""Secrets that operations fill once: key material that no template may generate."""

from aws_cdk import aws_kms as kms
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from cdk.stacks.stage_stack import StageStack
from cdk.stage import Stage


class ServiceSecrets(Construct):
    """Empty secrets, filled with what `payments keys` makes after the first deployment."""

    def __init__(self, scope: StageStack, id_: str, *, stage: Stage, key: kms.IKey) -> None:
        """Make one for each name that the stage lists."""
        super().__init__(scope, id_)
        for name, purpose in stage.key_secrets.items():
            secret = secretsmanager.CfnSecret(
                self,
                name.replace("/", "-"),
                name=stage.secret(name),
                description=f"{purpose}; empty until operations fill it",
                kms_key_id=key.key_arn,
            )
            secret.apply_removal_policy(scope.removal)
