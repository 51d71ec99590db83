"""Keys per class of data, and the account's detectors where the stage switches them on."""

import aws_cdk as cdk
from aws_cdk import aws_cloudtrail as cloudtrail
from aws_cdk import aws_guardduty as guardduty
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

from cdk.stacks.buckets import LogBucket
from cdk.stacks.log_key import let_logs_encrypt
from cdk.stacks.service_secrets import ServiceSecrets
from cdk.stacks.stage_stack import StageStack
from cdk.stage import Stage


class SecurityStack(StageStack):
    def __init__(self, scope: Construct, stage: Stage) -> None:
        super().__init__(scope, "security", stage, description="Encryption keys, audit trail, threat detection")
        self.data_key = self._key("data", "database, cache, volumes and backups")
        self.secrets_key = self._key("secrets", "secrets, in Secrets Manager and in the cluster")
        self.vault_key = self._key("vault", "wraps the data keys of stored card numbers")
        self.logs_key = self._key("logs", "logs, queues and topics")
        let_logs_encrypt(self, self.logs_key)
        if stage.compute == "eks":
            self._let_nodes_have_volumes()
        ServiceSecrets(self, "ServiceSecrets", stage=stage, key=self.secrets_key)
        self.output("KeySecretNames", ", ".join(map(stage.secret, stage.key_secrets)), "Secrets that you fill")
        if stage.security.cloud_trail:
            self._trail()
        if stage.security.guard_duty:
            self._detector()

    def _key(self, name: str, purpose: str) -> kms.Key:
        return kms.Key(
            self,
            f"{name.title()}Key",
            alias=f"{self.stage.prefix}-{name}",
            description=f"{self.stage.prefix}: {purpose}",
            enable_key_rotation=True,
            pending_window=cdk.Duration.days(30 if self.stage.protected else 7),
            removal_policy=self.removal,
        )

    def _let_nodes_have_volumes(self) -> None:
        """Let whoever in this account starts an instance encrypt its volumes.

        That is a service-linked role of Auto Scaling, which need not exist yet, and a key's policy may name only roles
        that do. AWS's own key for volumes has the same policy.
        """
        self.data_key.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.AnyPrincipal()],
                actions=[
                    "kms:CreateGrant",
                    "kms:Decrypt",
                    "kms:DescribeKey",
                    "kms:Encrypt",
                    "kms:GenerateDataKey*",
                    "kms:ReEncrypt*",
                ],
                resources=["*"],
                conditions={
                    "StringEquals": {
                        "kms:CallerAccount": self.account,
                        "kms:ViaService": f"ec2.{self.region}.amazonaws.com",
                    }
                },
            )
        )

    def _trail(self) -> None:
        access_logs = LogBucket(self, "AccessLogs", stage=self.stage)
        key = self._key("trail", "the audit trail")
        bucket = LogBucket(self, "TrailBucket", stage=self.stage, key=key, access_logs=access_logs.bucket)
        group = logs.LogGroup(
            self,
            "TrailLog",
            retention=logs.RetentionDays.ONE_YEAR,
            encryption_key=self.logs_key,
            removal_policy=self.removal,
        )
        cloudtrail.Trail(
            self,
            "Trail",
            trail_name=self.stage.prefix,
            bucket=bucket.bucket,
            encryption_key=key,
            enable_file_validation=True,
            is_multi_region_trail=True,
            send_to_cloud_watch_logs=True,
            cloud_watch_log_group=group,
        )

    def _detector(self) -> None:
        features = ("S3_DATA_EVENTS", "RDS_LOGIN_EVENTS", "EKS_AUDIT_LOGS", "LAMBDA_NETWORK_LOGS")
        guardduty.CfnDetector(
            self,
            "Detector",
            enable=True,
            finding_publishing_frequency="FIFTEEN_MINUTES",
            features=[
                guardduty.CfnDetector.CFNFeatureConfigurationProperty(name=name, status="ENABLED") for name in features
            ],
        )
