"""The HTTP API as CloudFront's origin: its own host name, and no answer to anybody else."""

import aws_cdk as cdk
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_apigatewayv2_authorizers as authorizers
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_route53 as route53
from aws_cdk import aws_route53_targets as targets
from constructs import Construct

from cdk.functions.check_origin import HEADER
from cdk.stacks.domain import hosted_zone
from cdk.stacks.functions import Function
from cdk.stacks.grants import read_secrets
from cdk.stage import Stage


class OriginGuard(Construct):
    """Certificate, host name and authorizer of the API behind CloudFront."""

    def __init__(self, scope: cdk.Stack, id_: str, *, stage: Stage, logs_key: kms.IKey) -> None:
        """Make them; CloudFront itself is in the edge stack, in us-east-1."""
        super().__init__(scope, id_)
        zone = hosted_zone(self, stage)
        domain = apigateway.DomainName(
            self,
            "Domain",
            domain_name=stage.origin_host,
            certificate=acm.Certificate(
                self,
                "Certificate",
                domain_name=stage.origin_host,
                validation=acm.CertificateValidation.from_dns(zone),
            ),
        )
        route53.ARecord(
            self,
            "Record",
            zone=zone,
            record_name=f"{stage.origin_host}.",
            target=route53.RecordTarget.from_alias(
                targets.ApiGatewayv2DomainProperties(domain.regional_domain_name, domain.regional_hosted_zone_id)
            ),
        )
        self.mapping = apigateway.DomainMappingOptions(domain_name=domain)
        check = Function(
            self,
            "Check",
            stage=stage,
            name="check-origin",
            handler="check_origin.handler",
            code=lambda_.Code.from_asset("cdk/functions", exclude=["__pycache__", "__init__.py"]),
            logs_key=logs_key,
            timeout_seconds=5,
            concurrency=stage.reservations["check-origin"],
            environment={"ORIGIN_SECRET": stage.origin_secret},
            statements=[read_secrets(scope, stage, ("edge/origin",))],
        )
        self.authorizer = authorizers.HttpLambdaAuthorizer(
            "Authorizer",
            check.function,
            response_types=[authorizers.HttpLambdaResponseType.SIMPLE],
            identity_source=[f"$request.header.{HEADER}"],
            results_cache_ttl=cdk.Duration.minutes(5),
        )
