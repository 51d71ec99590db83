"""What the roles of the services may do, the same on Lambda and in pods."""

from collections.abc import Iterable

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms

from cdk.stage import Stage

VAULT_USERS = ("payments", "worker")
"""Services that work with card numbers."""


def use_vault(key: kms.IKey) -> iam.PolicyStatement:
    """Allow wrapping and unwrapping the data keys of card numbers."""
    return iam.PolicyStatement(
        actions=["kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey", "kms:DescribeKey"], resources=[key.key_arn]
    )


def read_secrets(stack: cdk.Stack, stage: Stage, names: Iterable[str]) -> iam.PolicyStatement:
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


def decrypt_secrets(stack: cdk.Stack, key: kms.IKey) -> iam.PolicyStatement:
    """Allow Secrets Manager to decrypt for the role."""
    return iam.PolicyStatement(
        actions=["kms:Decrypt"],
        resources=[key.key_arn],
        conditions={"StringEquals": {"kms:ViaService": f"secretsmanager.{stack.region}.amazonaws.com"}},
    )
