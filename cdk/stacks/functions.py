"""A Lambda function with a role, a log group and nothing it does not need."""

from collections.abc import Mapping, Sequence

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from cdk.stacks.retention import retention
from cdk.stage import Stage

RUNTIME = lambda_.Runtime.PYTHON_3_13


class Function(Construct):
    """One function on arm64, traced, logging JSON into an encrypted group."""

    def __init__(  # noqa: PLR0913  each is a property of the function
        self,
        scope: Construct,
        id_: str,
        *,
        stage: Stage,
        name: str,
        handler: str,
        code: lambda_.Code,
        logs_key: kms.IKey,
        timeout_seconds: int,
        memory_mib: int = 256,
        concurrency: int | None = None,
        environment: Mapping[str, str] | None = None,
        statements: Sequence[iam.PolicyStatement] = (),
        vpc: ec2.IVpc | None = None,
        group: ec2.ISecurityGroup | None = None,
        snap_start: bool = False,
    ) -> None:
        """Make the function; with a VPC it runs in the private subnets."""
        super().__init__(scope, id_)
        self.log_group = logs.LogGroup(
            self,
            "Log",
            log_group_name=f"/aws/lambda/{stage.prefix}-{name}",
            retention=retention(stage),
            encryption_key=logs_key,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        self.role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            description=f"{stage.prefix}-{name} on Lambda",
        )
        for statement in (*statements, *([_interfaces()] if vpc else [])):
            self.role.add_to_policy(statement)
        self.log_group.grant_write(self.role)
        self.function = lambda_.Function(
            self,
            "Function",
            function_name=f"{stage.prefix}-{name}",
            runtime=RUNTIME,
            architecture=lambda_.Architecture.ARM_64,
            handler=handler,
            code=code,
            role=self.role,
            log_group=self.log_group,
            logging_format=lambda_.LoggingFormat.JSON,
            timeout=cdk.Duration.seconds(timeout_seconds),
            memory_size=memory_mib,
            reserved_concurrent_executions=concurrency,
            environment=dict(environment or {}),
            tracing=lambda_.Tracing.ACTIVE,
            vpc=vpc,
            vpc_subnets=ec2.SubnetSelection(subnet_group_name="private") if vpc else None,
            security_groups=[group] if group else None,
            snap_start=lambda_.SnapStartConf.ON_PUBLISHED_VERSIONS if snap_start else None,
        )


def _interfaces() -> iam.PolicyStatement:
    """Allow what Lambda does in our name to reach the VPC; none of it can be limited to a resource."""
    return iam.PolicyStatement(
        actions=[
            "ec2:CreateNetworkInterface",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeSubnets",
            "ec2:DeleteNetworkInterface",
            "ec2:AssignPrivateIpAddresses",
            "ec2:UnassignPrivateIpAddresses",
        ],
        resources=["*"],
    )
