"""ElastiCache for Valkey: counters and limits that may vanish at any time."""

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticache as elasticache
from aws_cdk import aws_logs as logs
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from cdk.stacks.network import NetworkStack
from cdk.stacks.retention import retention
from cdk.stacks.security import SecurityStack
from cdk.stacks.stage_stack import StageStack
from cdk.stage import Stage

ENGINE_VERSION = "8.1"


class CacheStack(StageStack):
    def __init__(self, scope: Construct, stage: Stage, *, network: NetworkStack, security: SecurityStack) -> None:
        super().__init__(scope, "cache", stage, description="Valkey and its token")
        self.group = ec2.SecurityGroup(self, "Group", vpc=network.vpc, description="Valkey", allow_all_outbound=False)
        self.token = secretsmanager.Secret(
            self,
            "Token",
            secret_name=stage.secret("cache"),
            description="What clients of the cache authenticate with",
            encryption_key=security.secrets_key,
            generate_secret_string=secretsmanager.SecretStringGenerator(
                secret_string_template="{}",  # noqa: S106  the template that the token is put into
                generate_string_key="token",
                exclude_punctuation=True,
                password_length=64,
            ),
        )
        self.replication = self._replication_group(network, security)
        self.output("CacheSecretName", stage.secret("cache"), "Secret with the cache's token")

    @property
    def host(self) -> str:
        """Where clients connect."""
        return self.replication.attr_primary_end_point_address

    def _replication_group(self, network: NetworkStack, security: SecurityStack) -> elasticache.CfnReplicationGroup:
        cache = self.stage.cache
        subnets = elasticache.CfnSubnetGroup(
            self,
            "Subnets",
            cache_subnet_group_name=self.stage.prefix,
            description="Isolated subnets",
            subnet_ids=network.vpc.select_subnets(subnet_group_name="isolated").subnet_ids,
        )
        slow = logs.LogGroup(
            self,
            "SlowLog",
            retention=retention(self.stage),
            encryption_key=security.logs_key,
            removal_policy=self.removal,
        )
        group = elasticache.CfnReplicationGroup(
            self,
            "Replication",
            replication_group_id=self.stage.prefix,
            replication_group_description="Velocity counters, rate limits, breaker state: all of it can be rebuilt",
            engine="valkey",
            engine_version=ENGINE_VERSION,
            cache_node_type=f"cache.{cache.node}",
            cache_subnet_group_name=subnets.ref,
            security_group_ids=[self.group.security_group_id],
            num_node_groups=1,
            replicas_per_node_group=cache.replicas,
            automatic_failover_enabled=cache.replicas > 0,
            multi_az_enabled=cache.replicas > 0,
            transit_encryption_enabled=True,
            transit_encryption_mode="required",
            at_rest_encryption_enabled=True,
            kms_key_id=security.data_key.key_arn,
            auth_token=self.token.secret_value_from_json("token").unsafe_unwrap(),
            auto_minor_version_upgrade=True,
            snapshot_retention_limit=1,
            preferred_maintenance_window="sun:03:30-sun:04:30",
            log_delivery_configurations=[
                elasticache.CfnReplicationGroup.LogDeliveryConfigurationRequestProperty(
                    destination_type="cloudwatch-logs",
                    destination_details=elasticache.CfnReplicationGroup.DestinationDetailsProperty(
                        cloud_watch_logs_details=elasticache.CfnReplicationGroup.CloudWatchLogsDestinationDetailsProperty(
                            log_group=slow.log_group_name
                        )
                    ),
                    log_format="json",
                    log_type="slow-log",
                )
            ],
        )
        group.apply_removal_policy(self.removal)
        return group
