"""What clients meet first: certificate, DNS and firewall, on the load balancer or on CloudFront."""

import aws_cdk as cdk
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_cloudfront_origins as origins
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_route53 as route53
from aws_cdk import aws_route53_targets as targets
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from cdk.functions.check_origin import HEADER
from cdk.stacks.buckets import LogBucket
from cdk.stacks.domain import hosted_zone
from cdk.stacks.functions import Function
from cdk.stacks.log_key import let_logs_encrypt
from cdk.stacks.stage_stack import StageStack
from cdk.stacks.web_acl import WebAcl
from cdk.stage import Stage

_CLOUDFRONT_REGION = "us-east-1"


class LoadBalancerEdgeStack(StageStack):
    """For EKS: the controller finds certificate and firewall by name; external-dns writes the record."""

    def __init__(self, scope: Construct, stage: Stage, *, logs_key: kms.IKey) -> None:
        super().__init__(scope, "edge", stage, description="Certificate, firewall and access logs of the load balancer")
        zone = hosted_zone(self, stage)
        acm.Certificate(
            self, "Certificate", domain_name=stage.host, validation=acm.CertificateValidation.from_dns(zone)
        )
        logs = LogBucket(self, "AccessLogs", stage=stage, name=stage.access_log_bucket)
        logs.bucket.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("logdelivery.elasticloadbalancing.amazonaws.com")],
                actions=["s3:PutObject"],
                resources=[logs.bucket.arn_for_objects(f"AWSLogs/{self.account}/*")],
            )
        )
        if stage.edge.enabled:
            WebAcl(self, "Firewall", stage=stage, where="REGIONAL", logs_key=logs_key)
        self.output("Url", f"https://{stage.host}", "Where clients send payments")


class CloudFrontEdgeStack(StageStack):
    """For serverless: CloudFront carries the firewall, and alone knows the secret that the HTTP API asks for."""

    def __init__(self, scope: Construct, stage: Stage) -> None:
        super().__init__(scope, "edge", stage, description="CloudFront and its firewall", region=_CLOUDFRONT_REGION)
        key = kms.Key(
            self,
            "Key",
            alias=f"{stage.prefix}-edge",
            description=f"{stage.prefix}: logs and the origin's secret at the edge",
            enable_key_rotation=True,
            removal_policy=self.removal,
        )
        let_logs_encrypt(self, key)
        firewall = WebAcl(self, "Firewall", stage=stage, where="CLOUDFRONT", logs_key=key)
        self._secret = self._origin_secret(key)
        distribution = self._distribution(firewall)
        self._rotate(distribution, key)

    def _origin_secret(self, key: kms.IKey) -> secretsmanager.Secret:
        abroad = self.stage.region != _CLOUDFRONT_REGION
        return secretsmanager.Secret(
            self,
            "OriginSecret",
            secret_name=self.stage.origin_secret,
            description="What CloudFront proves itself with to the HTTP API",
            encryption_key=key,
            generate_secret_string=secretsmanager.SecretStringGenerator(exclude_punctuation=True, password_length=48),
            replica_regions=[secretsmanager.ReplicaRegion(region=self.stage.region)] if abroad else None,
        )

    def _distribution(self, firewall: WebAcl) -> cloudfront.Distribution:
        stage = self.stage
        zone = hosted_zone(self, stage)
        logs = LogBucket(self, "AccessLogs", stage=stage, legacy_delivery=True)
        distribution = cloudfront.Distribution(
            self,
            "Distribution",
            comment=stage.prefix,
            domain_names=[stage.host],
            certificate=acm.Certificate(
                self, "Certificate", domain_name=stage.host, validation=acm.CertificateValidation.from_dns(zone)
            ),
            minimum_protocol_version=cloudfront.SecurityPolicyProtocol.TLS_V1_2_2021,
            price_class=cloudfront.PriceClass.PRICE_CLASS_100,
            web_acl_id=firewall.acl.attr_arn,
            log_bucket=logs.bucket,
            default_behavior=cloudfront.BehaviorOptions(
                origin=origins.HttpOrigin(
                    stage.origin_host,
                    protocol_policy=cloudfront.OriginProtocolPolicy.HTTPS_ONLY,
                    origin_ssl_protocols=[cloudfront.OriginSslPolicy.TLS_V1_2],
                    custom_headers={HEADER: self._secret.secret_value.unsafe_unwrap()},
                ),
                allowed_methods=cloudfront.AllowedMethods.ALLOW_ALL,
                viewer_protocol_policy=cloudfront.ViewerProtocolPolicy.HTTPS_ONLY,
                # Nothing about money is cached.
                cache_policy=cloudfront.CachePolicy.CACHING_DISABLED,
                origin_request_policy=cloudfront.OriginRequestPolicy.ALL_VIEWER_EXCEPT_HOST_HEADER,
            ),
        )
        for kind, record in (("A", route53.ARecord), ("Aaaa", route53.AaaaRecord)):
            record(
                self,
                kind,
                zone=zone,
                record_name=f"{stage.host}.",
                target=route53.RecordTarget.from_alias(targets.CloudFrontTarget(distribution)),
            )
        return distribution

    def _rotate(self, distribution: cloudfront.Distribution, key: kms.IKey) -> None:
        secret = self._secret
        rotate = Function(
            self,
            "Rotate",
            stage=self.stage,
            name="rotate-origin",
            handler="rotate_origin.handler",
            code=lambda_.Code.from_asset("cdk/functions", exclude=["__pycache__", "__init__.py"]),
            logs_key=key,
            timeout_seconds=30,
            concurrency=1,
            environment={"DISTRIBUTION": distribution.distribution_id},
            statements=[
                iam.PolicyStatement(
                    actions=[
                        "cloudfront:GetDistribution",
                        "cloudfront:GetDistributionConfig",
                        "cloudfront:UpdateDistribution",
                    ],
                    resources=[distribution.distribution_arn],
                ),
                iam.PolicyStatement(actions=["secretsmanager:GetRandomPassword"], resources=["*"]),
            ],
        )
        secret.add_rotation_schedule(
            "Rotation", rotation_lambda=rotate.function, automatically_after=cdk.Duration.days(30)
        )
