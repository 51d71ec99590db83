"""Both services and the worker on Lambda, behind an HTTP API."""

import hashlib
import json
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_codedeploy as codedeploy
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import triggers
from constructs import Construct

from cdk.stacks.cache import CacheStack
from cdk.stacks.database import DatabaseStack
from cdk.stacks.function_environment import function_environment
from cdk.stacks.functions import Function
from cdk.stacks.grants import VAULT_USERS, decrypt_secrets, read_secrets, use_vault
from cdk.stacks.network import NetworkStack
from cdk.stacks.origin import OriginGuard
from cdk.stacks.peering import connect
from cdk.stacks.retention import retention
from cdk.stacks.security import SecurityStack
from cdk.stacks.stage_stack import StageStack
from cdk.stacks.tasks import Tasks
from cdk.stage import Stage

_ACCESS_LOG = {
    "requestId": "$context.requestId",
    "ip": "$context.identity.sourceIp",
    "requestTime": "$context.requestTime",
    "routeKey": "$context.routeKey",
    "status": "$context.status",
    "responseLatency": "$context.responseLatency",
    "integrationLatency": "$context.integrationLatency",
    "error": "$context.error.message",
}


class ServerlessStack(StageStack):
    def __init__(
        self,
        scope: Construct,
        stage: Stage,
        *,
        bundle: str,
        network: NetworkStack,
        security: SecurityStack,
        database: DatabaseStack,
        cache: CacheStack,
    ) -> None:
        super().__init__(scope, "serverless", stage, description="The platform on Lambda")
        self._network = network
        self._security = security
        self._database = database
        self._cache = cache
        # Named after its content: by what `make bundle` prints, which CDK hashes once more.
        digest = hashlib.sha256(Path(bundle).read_bytes()).hexdigest()
        self._code = lambda_.Code.from_asset(bundle, asset_hash=digest)
        self.group = self._security_group()
        self.migrate = self._function("Migrate", "migrate", "payments.migrate_lambda.handler", timeout_seconds=840)
        self.platform = self._function(
            "Platform",
            "platform",
            "gateway.lambda_handler.handler",
            timeout_seconds=29,  # the HTTP API gives up after 30
            memory_mib=stage.serverless.memory_mib,
            snap_start=stage.serverless.snap_start,
        )
        worker = self._function(
            "Worker",
            "worker",
            "payments.worker_lambda.handler",
            timeout_seconds=60,
            memory_mib=stage.serverless.memory_mib,
        )
        self.tasks = Tasks(self, "Tasks", stage=stage, function=worker.function, key=security.logs_key)
        self.alias = self._alias()
        self.api = self._api()
        self._migrate_before_traffic()
        self._shift_slowly()

    def _security_group(self) -> ec2.SecurityGroup:
        group = ec2.SecurityGroup(
            self, "Group", vpc=self._network.vpc, description="Functions of the platform", allow_all_outbound=False
        )
        group.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(443), "Acquirers, webhooks and AWS")
        ports = self.stage.ports
        database = self._database.proxy_group or self._database.group
        connect(self, "Database", source=group, target=database, port=ports["database"])
        connect(self, "Cache", source=group, target=self._cache.group, port=ports["cache"])
        return group

    def _function(
        self,
        id_: str,
        service: str,
        handler: str,
        *,
        timeout_seconds: int,
        memory_mib: int = 512,
        snap_start: bool = False,
    ) -> Function:
        services = ("gateway", "payments") if service == "platform" else (service,)
        names = sorted({name for service in services for name in self.stage.secrets[service]})
        statements = [
            read_secrets(self, self.stage, names),
            decrypt_secrets(self, self._security.secrets_key),
            *([use_vault(self._security.vault_key)] if set(services) & set(VAULT_USERS) else []),
        ]
        return Function(
            self,
            id_,
            stage=self.stage,
            name=service,
            handler=handler,
            code=self._code,
            logs_key=self._security.logs_key,
            timeout_seconds=timeout_seconds,
            memory_mib=memory_mib,
            concurrency=self.stage.reservations[service],
            environment=function_environment(
                self.stage,
                service,
                names,
                database=self._database.host,
                cache=self._cache.host,
                vault_key=self._security.vault_key.key_arn,
            ),
            statements=statements,
            vpc=self._network.vpc,
            group=self.group,
            snap_start=snap_start,
        )

    def _alias(self) -> lambda_.Alias:
        return lambda_.Alias(
            self, "Live", alias_name="live", version=self.platform.function.current_version, description="Takes traffic"
        )

    def _api(self) -> apigateway.HttpApi:
        stage = self.stage
        guard = (
            OriginGuard(self, "Origin", stage=stage, logs_key=self._security.logs_key) if stage.edge.enabled else None
        )
        api = apigateway.HttpApi(
            self,
            "Api",
            api_name=stage.prefix,
            description="The platform's door",
            create_default_stage=False,
            disable_execute_api_endpoint=guard is not None,
            default_integration=integrations.HttpLambdaIntegration("Platform", self.alias),
            default_authorizer=guard.authorizer if guard else None,
        )
        log = logs.LogGroup(
            self,
            "AccessLog",
            retention=retention(stage),
            encryption_key=self._security.logs_key,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        http_stage = apigateway.HttpStage(
            self,
            "Stage",
            http_api=api,
            stage_name="$default",
            auto_deploy=True,
            detailed_metrics_enabled=True,
            # One request in flight per environment: more than this could only queue.
            throttle=apigateway.ThrottleSettings(
                burst_limit=stage.serverless.concurrency * 2, rate_limit=stage.serverless.concurrency * 20
            ),
            domain_mapping=guard.mapping if guard else None,
        )
        resource = http_stage.node.default_child
        assert isinstance(resource, apigateway.CfnStage)  # noqa: S101  what the construct is made of
        resource.access_log_settings = apigateway.CfnStage.AccessLogSettingsProperty(
            destination_arn=log.log_group_arn, format=json.dumps(_ACCESS_LOG)
        )
        self.output("Url", f"https://{stage.host}" if guard else api.api_endpoint, "Where clients send payments")
        return api

    def _migrate_before_traffic(self) -> None:
        """Migrate before any new code is reached; migrations only expand, so going back is safe."""
        triggers.Trigger(
            self,
            "Migration",
            handler=self.migrate.function,
            timeout=cdk.Duration.minutes(14),
            execute_before=[self.alias],
        )

    def _shift_slowly(self) -> None:
        percent = self.stage.serverless.canary_percent
        if not percent:
            return
        routing = codedeploy.TrafficRouting.time_based_canary(interval=cdk.Duration.minutes(5), percentage=percent)
        codedeploy.LambdaDeploymentGroup(
            self,
            "Deployment",
            alias=self.alias,
            deployment_config=codedeploy.LambdaDeploymentConfig(
                self, "Canary", deployment_config_name=f"{self.stage.prefix}-canary", traffic_routing=routing
            ),
            alarms=[
                self._rollback_alarm("Errors", self.alias.metric_errors(period=cdk.Duration.minutes(1)), 1),
                self._rollback_alarm(
                    "Slow",
                    self.alias.metric_duration(period=cdk.Duration.minutes(1), statistic="p95"),
                    10 * self.stage.observability.latency_ms,
                ),
            ],
        )

    def _rollback_alarm(self, name: str, metric: cloudwatch.Metric, threshold: float) -> cloudwatch.Alarm:
        return cloudwatch.Alarm(
            self,
            f"Rollback{name}",
            alarm_name=f"{self.stage.prefix}-rollback-{name.lower()}",
            alarm_description="Ends a deployment in progress and returns to the previous version",
            metric=metric,
            threshold=threshold,
            evaluation_periods=1,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
