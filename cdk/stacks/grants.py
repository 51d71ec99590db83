"""What the roles of the services may do, the same on Lambda and in pods."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms

from cdk.stacks.security import SecurityStack
from cdk.stage import Stage

# Who works with card numbers.
_VAULT_USERS = ("payments", "worker")


def service_statements(
    stack: cdk.Stack, stage: Stage, service: str, security: SecurityStack
) -> list[iam.PolicyStatement]:
    """Return the permissions of a service: its own secrets, and the vault's key if it works with cards."""
    statements = [read_secrets(stack, stage, stage.secrets[service]), _decrypt_secrets(stack, security.secrets_key)]
    if service in _VAULT_USERS:
        statements.append(
            iam.PolicyStatement(
                actions=["kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey", "kms:DescribeKey"],
                resources=[security.vault_key.key_arn],
            )
        )
    return statements


def read_secrets(stack: cdk.Stack, stage: Stage, names: tuple[str, ...]) -> iam.PolicyStatement:
    """Allow reading some of the stage's secrets; AWS appends six random characters to each name."""
    return iam.PolicyStatement(
        actions=["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"],
        resources=[
            stack.format_arn(
                service="secretsmanager",
                resource="secret",
                resource_name=f"{stage.secret(name)}-??????",
                arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
            )
            for name in names
        ],
    )


def _decrypt_secrets(stack: cdk.Stack, key: kms.IKey) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        actions=["kms:Decrypt"],
        resources=[key.key_arn],
        conditions={"StringEquals": {"kms:ViaService": f"secretsmanager.{stack.region}.amazonaws.com"}},
    )
