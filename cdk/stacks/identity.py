"""Which pods may do what in AWS: a role per service account, and the endpoints that pods are told."""

import json
from collections.abc import Sequence
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_eks as eks
from aws_cdk import aws_iam as iam
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from cdk.stacks.cache import CacheStack
from cdk.stacks.cluster import ClusterStack
from cdk.stacks.database import DatabaseStack
from cdk.stacks.grants import VAULT_USERS, decrypt_secrets, read_secrets, use_vault
from cdk.stacks.security import SecurityStack
from cdk.stacks.stage_stack import StageStack
from cdk.stage import Stage

_LOAD_BALANCER_POLICY = Path(__file__).parents[1] / "policies" / "load_balancer_controller.json"


class IdentityStack(StageStack):
    def __init__(
        self,
        scope: Construct,
        stage: Stage,
        *,
        cluster: ClusterStack,
        security: SecurityStack,
        database: DatabaseStack,
        cache: CacheStack,
    ) -> None:
        super().__init__(scope, "identity", stage, description="Roles of pods")
        self._cluster = cluster.cluster
        self._security = security
        self._endpoints(database, cache)
        for service in stage.secrets:
            # Secrets reach them as files, so most services need nothing from AWS.
            statements = [use_vault(security.vault_key)] if service in VAULT_USERS else []
            self._role(service, stage.namespace, service, statements)
        self._addon_roles()

    def _endpoints(self, database: DatabaseStack, cache: CacheStack) -> None:
        """Write where the data stores are to where pods read everything else from."""
        hosts = {"database": database.host, "database_reader": database.reader_host, "cache": cache.host}
        secretsmanager.Secret(
            self,
            "Endpoints",
            secret_name=self.stage.secret("endpoints"),
            description="Hosts of the data stores",
            encryption_key=self._security.secrets_key,
            # Hosts are no secrets; they travel with those that are.
            secret_object_value={name: cdk.SecretValue.unsafe_plain_text(host) for name, host in sorted(hosts.items())},
        )

    def _addon_roles(self) -> None:
        stage = self.stage
        names = sorted({name for secrets in stage.secrets.values() for name in secrets} | {"endpoints"})
        self._role(
            "external-secrets",
            "external-secrets",
            "external-secrets",
            [read_secrets(self, stage, names), decrypt_secrets(self, self._security.secrets_key)],
        )
        self._role(
            "load-balancer-controller",
            "kube-system",
            "aws-load-balancer-controller",
            [
                iam.PolicyStatement.from_json(statement)
                for statement in json.loads(_LOAD_BALANCER_POLICY.read_text(encoding="utf-8"))["Statement"]
            ],
        )
        self._role("cluster-autoscaler", "kube-system", "cluster-autoscaler", self._may_scale())
        self._role("external-dns", "external-dns", "external-dns", self._may_write_records())
        self._role("ebs-csi", "kube-system", "ebs-csi-controller-sa", [self._may_encrypt_volumes()], ebs=True)
        self._role("telemetry", "monitoring", "opentelemetry-collector", [self._may_trace()])
        if stage.cluster.monitoring:
            self._role("alerts", "monitoring", "kube-prometheus-stack-alertmanager", self._may_alert())
        else:
            self._role("logs", "logging", "fluent-bit", [self._may_log()])

    def _role(
        self, name: str, namespace: str, account: str, statements: Sequence[iam.PolicyStatement], *, ebs: bool = False
    ) -> None:
        role = iam.Role(
            self,
            f"Role-{name}",
            role_name=self.stage.role(name),
            description=f"Pods of {namespace}/{account}",
            assumed_by=iam.SessionTagsPrincipal(iam.ServicePrincipal("pods.eks.amazonaws.com")),
        )
        for statement in statements:
            role.add_to_policy(statement)
        if ebs:
            role.add_managed_policy(
                iam.ManagedPolicy.from_aws_managed_policy_name("service-role/AmazonEBSCSIDriverPolicy")
            )
        if self.stage.cluster.irsa:
            self._trust_service_account(role, name, namespace, account)
        eks.CfnPodIdentityAssociation(
            self,
            f"Identity-{name}",
            cluster_name=self._cluster.cluster_name,
            namespace=namespace,
            service_account=account,
            role_arn=role.role_arn,
        )

    def _trust_service_account(self, role: iam.Role, name: str, namespace: str, account: str) -> None:
        """Let the cluster's own identity provider vouch too, for clusters where the agent may not run."""
        provider = self._cluster.open_id_connect_provider
        issuer = provider.open_id_connect_provider_issuer
        subject = {
            f"{issuer}:sub": f"system:serviceaccount:{namespace}:{account}",
            f"{issuer}:aud": "sts.amazonaws.com",
        }
        condition = cdk.CfnJson(self, f"Subject-{name}", value=subject)
        policy = role.assume_role_policy
        assert policy is not None  # noqa: S101  a role that CDK makes has one
        policy.add_statements(
            iam.PolicyStatement(
                principals=[iam.FederatedPrincipal(provider.open_id_connect_provider_arn)],
                actions=["sts:AssumeRoleWithWebIdentity"],
                conditions={"StringEquals": condition},
            )
        )

    def _may_scale(self) -> list[iam.PolicyStatement]:
        return [
            iam.PolicyStatement(
                actions=[
                    "autoscaling:DescribeAutoScalingGroups",
                    "autoscaling:DescribeAutoScalingInstances",
                    "autoscaling:DescribeLaunchConfigurations",
                    "autoscaling:DescribeScalingActivities",
                    "autoscaling:DescribeTags",
                    "ec2:DescribeImages",
                    "ec2:DescribeInstanceTypes",
                    "ec2:DescribeLaunchTemplateVersions",
                    "ec2:GetInstanceTypesFromInstanceRequirements",
                ],
                resources=["*"],
            ),
            iam.PolicyStatement(
                actions=["eks:DescribeNodegroup"],
                resources=[
                    self.format_arn(service="eks", resource="nodegroup", resource_name=f"{self.stage.prefix}/*")
                ],
            ),
            iam.PolicyStatement(
                actions=["autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup"],
                resources=["*"],
                conditions={
                    "StringEquals": {f"aws:ResourceTag/k8s.io/cluster-autoscaler/{self.stage.prefix}": "owned"}
                },
            ),
        ]

    def _may_write_records(self) -> list[iam.PolicyStatement]:
        assert self.stage.domain is not None  # noqa: S101  EKS without a domain is refused
        zone = f"arn:{self.partition}:route53:::hostedzone/{self.stage.domain.hosted_zone_id}"
        return [
            iam.PolicyStatement(
                actions=["route53:ChangeResourceRecordSets", "route53:ListResourceRecordSets"], resources=[zone]
            ),
            iam.PolicyStatement(actions=["route53:ListHostedZones", "route53:ListTagsForResources"], resources=["*"]),
        ]

    def _may_encrypt_volumes(self) -> iam.PolicyStatement:
        return iam.PolicyStatement(
            actions=["kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext"],
            resources=[self._security.data_key.key_arn],
        )

    def _may_trace(self) -> iam.PolicyStatement:
        return iam.PolicyStatement(actions=["xray:PutTraceSegments", "xray:PutTelemetryRecords"], resources=["*"])

    def _may_alert(self) -> list[iam.PolicyStatement]:
        names = (self.stage.alarm_topic, self.stage.heartbeat_topic)
        topics = [self.format_arn(service="sns", resource=name) for name in names]
        return [
            iam.PolicyStatement(actions=["sns:Publish"], resources=topics),
            # They are encrypted.
            iam.PolicyStatement(
                actions=["kms:Decrypt", "kms:GenerateDataKey"], resources=[self._security.logs_key.key_arn]
            ),
        ]

    def _may_log(self) -> iam.PolicyStatement:
        group = self.format_arn(
            service="logs",
            resource="log-group",
            resource_name=f"/aws/eks/{self.stage.prefix}/pods:*",
            arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
        )
        return iam.PolicyStatement(
            actions=["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"], resources=[group]
        )
