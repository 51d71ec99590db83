"""A private bucket that keeps logs."""

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from cdk.stage import Stage


class LogBucket(Construct):
    """Logs that services deliver, kept as long as the stage keeps logs.

    Load balancers and S3's own access logs can only be delivered to buckets that S3 encrypts with its own keys.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        stage: Stage,
        name: str | None = None,
        key: kms.IKey | None = None,
        access_logs: s3.IBucket | None = None,
        legacy_delivery: bool = False,
    ) -> None:
        """Make the bucket."""
        super().__init__(scope, id_)
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            bucket_name=name,
            encryption=s3.BucketEncryption.KMS if key else s3.BucketEncryption.S3_MANAGED,
            encryption_key=key,
            bucket_key_enabled=key is not None,
            server_access_logs_bucket=access_logs,
            server_access_logs_prefix=f"s3/{id_}/" if access_logs else None,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            # CloudFront still delivers with access control lists.
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_PREFERRED
            if legacy_delivery
            else s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            versioned=True,
            lifecycle_rules=[
                s3.LifecycleRule(
                    expiration=cdk.Duration.days(stage.observability.log_days),
                    noncurrent_version_expiration=cdk.Duration.days(7),
                    abort_incomplete_multipart_upload_after=cdk.Duration.days(1),
                )
            ],
            removal_policy=cdk.RemovalPolicy.RETAIN if stage.protected else cdk.RemovalPolicy.DESTROY,
            auto_delete_objects=not stage.protected,
        )
